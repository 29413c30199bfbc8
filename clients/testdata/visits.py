"""Runs visits for the matrix with ftplib: one line in, one line out.

In: op, mode, family, TLS, type, host, port, user, password, CA file, local
folder to send, local folder to fetch into, remote folder, names. All fields are
separated by tabs. Out: "ok" and the names listed, or "error" and a text.
"""

import ftplib
import os
import socket
import ssl
import sys


class Extended:
    """Makes ftplib say EPSV and EPRT on IPv4 too, as it does on IPv6."""

    extended = False

    def makepasv(self):
        if not self.extended:
            return super().makepasv()
        return ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())

    def sendport(self, host, port):
        return self.sendeprt(host, port) if self.extended else super().sendport(host, port)


class Plain(Extended, ftplib.FTP):
    pass


class Explicit(Extended, ftplib.FTP_TLS):
    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            session = self.sock.session if self.resume else None
            conn = self.context.wrap_socket(conn, server_hostname=self.host, session=session)
        return conn, size

    resume = False


class Implicit(Explicit):
    """ftplib has no implicit TLS; this is how its users add it."""

    _sock = None

    @property
    def sock(self):
        return self._sock

    @sock.setter
    def sock(self, value):
        if value is not None and not isinstance(value, ssl.SSLSocket):
            value = self.context.wrap_socket(value, server_hostname=self.host)
        self._sock = value


KINDS = {"plain": Plain, "TLS 1.2": Explicit, "TLS 1.3": Explicit, "implicit": Implicit}


def login(f):
    kind = KINDS[f["tls"]]
    if kind is Plain:
        ftp = kind(timeout=20)
    else:
        context = ssl.create_default_context(cafile=f["ca"])
        if f["tls"] == "TLS 1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if f["tls"] == "TLS 1.3":
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        ftp = kind(timeout=20, context=context)
    ftp.extended = f["mode"] in ("EPSV", "EPRT")
    ftp.connect(f["host"], int(f["port"]))
    ftp.login(f["user"], f["password"])
    if kind is not Plain:
        ftp.prot_p()
    ftp.set_pasv(f["mode"] in ("PASV", "EPSV"))
    return ftp


def put(ftp, f, name):
    with open(os.path.join(f["up"], os.path.basename(name)), "rb") as src:
        if f["type"] == "A":
            ftp.storlines("STOR " + name, src)
        else:
            ftp.storbinary("STOR " + name, src)


def get(ftp, f, name):
    with open(os.path.join(f["down"], name), "wb") as dst:
        if f["type"] == "I":
            ftp.retrbinary("RETR " + name, dst.write)
            return
        ftp.retrlines("RETR " + name, lambda line: dst.write((line + "\n").encode()))


def listing(ftp):
    return [name for name, facts in ftp.mlsd() if facts["type"] == "file"]


def visit(f):
    with login(f) as ftp:
        ftp.cwd(f["remote"])
        for name in f["names"]:
            put(ftp, f, name)
        names = listing(ftp)
        for name in f["names"]:
            get(ftp, f, name)
        return names


def resume(f):
    """Fetches and sends each file in two halves, the second by REST."""
    with login(f) as ftp:
        ftp.cwd(f["remote"])
        ftp.voidcmd("TYPE I")
        for name in f["names"]:
            with open(os.path.join(f["up"], name), "rb") as src:
                data = src.read()
            half = len(data) // 2
            for start, part in ((None, data[:half]), (half, data[half:])):
                with ftp.transfercmd("STOR " + name, rest=start) as conn:
                    conn.sendall(part)
                    if isinstance(conn, ssl.SSLSocket):
                        conn.unwrap()
                ftp.voidresp()
            with open(os.path.join(f["down"], name), "wb") as dst:
                dst.write(data[:half])
                ftp.retrbinary("RETR " + name, dst.write, rest=half)
        return []


def refusals(f):
    """Asks for what is refused, and goes on with what is not; returns what was said."""
    said = []
    with login(f) as ftp:
        ftp.cwd(f["remote"])
        attempts = (
            lambda: ftp.retrbinary("RETR nope", bytes),
            lambda: ftp.retrlines("LIST nope", str),
            lambda: put(ftp, f, "nope/small.bin"),
            lambda: put(ftp, f, "big.bin"),
        )
        for attempt in attempts:
            try:
                attempt()
                said.append("not refused")
            except ftplib.error_perm as e:
                said.append(str(e))
            get(ftp, f, "there.bin")
    return said


def abort(f):
    """Stops a download and an upload half-way by ABOR, and goes on."""
    with login(f) as ftp:
        ftp.cwd(f["remote"])
        ftp.voidcmd("TYPE I")
        name = f["names"][0]
        conn = ftp.transfercmd("RETR " + name)
        conn.recv(1000)
        answers = [ftp.abort()[:3], ftp.voidresp()[:3]]
        conn.close()
        with ftp.transfercmd("STOR half.bin") as conn:
            conn.sendall(b"half of a file" * 1000)
            answers += [ftp.abort()[:3], ftp.voidresp()[:3]]
        ftp.voidcmd("NOOP")
        return answers + sorted(listing(ftp))


def reuse(f):
    """Transfers one file with the control connection's TLS session."""
    Explicit.resume = True
    try:
        return visit(f)
    finally:
        Explicit.resume = False


OPS = {"visit": visit, "refusals": refusals, "resume": resume, "abort": abort, "reuse": reuse}
FIELDS = ["op", "mode", "family", "tls", "type", "host", "port", "user", "password", "ca", "up", "down", "remote"]


def main():
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8")
    for line in sys.stdin:
        words = line.rstrip("\n").split("\t")
        f = dict(zip(FIELDS, words))
        f["names"] = words[len(FIELDS):]
        try:
            answer = ["ok"] + OPS[f["op"]](f)
        except Exception as e:  # told to the test
            answer = ["error", repr(e).replace("\t", " ").replace("\n", "\v")]
        print("\t".join(answer), flush=True)


if __name__ == "__main__":
    main()
