// Runs visits for the matrix with basic-ftp: one line in, one line out. The
// fields are those of visits.py.
"use strict";

const events = require("events");
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const ftp = require("basic-ftp");

const FIELDS = ["op", "mode", "family", "tls", "type", "host", "port", "user", "password", "ca", "up", "down", "remote"];

async function login(client, f) {
    const secure = { "plain": false, "implicit": "implicit" }[f.tls];
    const options = { ca: fs.readFileSync(f.ca) };
    if (f.tls === "TLS 1.2") options.maxVersion = "TLSv1.2";
    if (f.tls === "TLS 1.3") options.minVersion = "TLSv1.3";
    await client.access({
        host: f.host, port: Number(f.port), user: f.user, password: f.password,
        secure: secure === undefined ? true : secure, secureOptions: options,
    });
    client.prepareTransfer = f.mode === "PASV" ? ftp.enterPassiveModeIPv4 : ftp.enterPassiveModeIPv6;
    await client.send("TYPE " + f.type);
}

async function visit(f) {
    const client = new ftp.Client(20000);
    try {
        await login(client, f);
        await client.cd(f.remote);
        for (const name of f.names) await client.uploadFrom(path.join(f.up, name), name);
        const names = (await client.list()).filter(e => e.isFile).map(e => e.name);
        for (const name of f.names) await client.downloadTo(path.join(f.down, name), name);
        await client.send("QUIT");
        return names;
    } finally {
        client.close();
    }
}

// using ends a stream, and returns once its descriptor is free. Given a name, basic-ftp
// closes the descriptor under a stream that may still use it: the next socket then has
// that number.
async function using(stream, use) {
    const closed = events.once(stream, "close");
    try {
        return await use(stream);
    } finally {
        stream.destroy();
        await closed;
    }
}

// refusals asks for what is refused, and goes on in the same session with what is not.
async function refusals(f) {
    const client = new ftp.Client(20000);
    const fetch = name => using(fs.createWriteStream(path.join(f.down, name)), to => client.downloadTo(to, name));
    const send = (name, as) => using(fs.createReadStream(path.join(f.up, name)), from => client.uploadFrom(from, as));
    const there = () => fetch("there.bin");
    const attempts = [
        () => fetch("nope"),
        () => client.list("nope"),
        () => send("small.bin", "nope/small.bin"),
        () => send("big.bin", "big.bin"),
    ];
    const said = [];
    try {
        await login(client, f);
        await client.cd(f.remote);
        for (const attempt of attempts) {
            said.push(await attempt().then(() => "not refused", e => String(e)));
            await there();
        }
        await client.send("QUIT");
        return said;
    } finally {
        client.close();
    }
}

const OPS = { visit, refusals };

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const words = line.split("\t");
        const f = Object.fromEntries(FIELDS.map((name, i) => [name, words[i]]));
        f.names = words.slice(FIELDS.length);
        let answer;
        try {
            answer = ["ok", ...await OPS[f.op](f)];
        } catch (e) {
            answer = ["error", String(e.stack || e).replaceAll("\t", " ").replaceAll("\n", "\v")];
        }
        process.stdout.write(answer.join("\t") + "\n");
    }
}

main();
