"use strict";
// The live page of paradise's monitor. Everything that comes from the server enters
// the page as text, never as markup.

const byId = (id) => document.getElementById(id);
const { act, csrf } = document.body.dataset;
const span = 5 * 60 * 1000; // what the plots show, in ms
let past = []; // points of the plots, oldest first

// Words and numbers.

const whole = new Intl.NumberFormat("en");

function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return (i === 0 ? Math.round(n) : n.toPrecision(3)) + " " + units[i];
}

const rate = (n) => bytes(n) + "/s";

// mark formats a round number for an axis.
const mark = (n) => rate(n).replace(/\.0+ /, " ");

function clock(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  return [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60].map((n) => String(n).padStart(2, "0")).join(":");
}

function ago(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return s + " s ago";
  if (s < 3600) return Math.floor(s / 60) + " min ago";
  return Math.floor(s / 3600) + " h ago";
}

function took(s) {
  if (s < 1) return Math.round(s * 1000) + " ms";
  return s < 60 ? s.toFixed(1) + " s" : clock(s * 1000);
}

const plural = (n, one, many) => whole.format(n) + " " + (n === 1 ? one : many);

// Nodes.

function el(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// fill replaces a cell's content only if it changed, so that text which somebody has
// selected or which a screen reader is reading stays.
function fill(node, ...parts) {
  const next = parts.filter((p) => p !== null && p !== "");
  const probe = el("div");
  probe.append(...next);
  if (node.innerHTML !== probe.innerHTML) node.replaceChildren(...probe.childNodes);
}

// name shows a foreign name: as text, and isolated from its surroundings.
const name = (s) => el("bdi", "", s);

// sync keeps one row per item, in the items' order, and reuses rows by key.
function sync(table, items, empty, key, make, update) {
  const body = table.tBodies[0];
  const rows = new Map([...body.rows].map((r) => [r.dataset.key, r]));
  let at = body.firstElementChild;
  for (const item of items) {
    const k = String(key(item));
    let row = rows.get(k);
    if (row) rows.delete(k);
    else {
      row = make(item);
      row.dataset.key = k;
    }
    update(row, item);
    if (row === at) at = at.nextElementSibling;
    else body.insertBefore(row, at);
  }
  if (items.length === 0) {
    const row = rows.get("none") || emptyRow(table, empty);
    rows.delete("none");
    body.append(row);
  }
  for (const row of rows.values()) row.remove();
}

function emptyRow(table, text) {
  const row = el("tr");
  const cell = el("td", "none full", text);
  cell.colSpan = table.tHead.rows[0].cells.length;
  row.dataset.key = "none";
  row.append(cell);
  return row;
}

// row creates a row of cells, of which the first is its header. The roles are explicit
// because the row is shown as a card on phones.
function row(...cells) {
  const tr = el("tr");
  tr.setAttribute("role", "row");
  cells.forEach(([className, label], i) => {
    const cell = el(i === 0 ? "th" : "td", className);
    cell.setAttribute("role", i === 0 ? "rowheader" : "cell");
    if (i === 0) cell.scope = "row";
    if (label) cell.dataset.label = label;
    tr.append(cell);
  });
  return tr;
}

// Tables.

function sessionRow(s) {
  const cells = [["two"], ["two addr", "Address"], ["n", "Age"], ["verb", "Command"], ["file two", "File"],
    ["", "Ports"], ["n", "Moved"], ["n", "Rate"], ["", "Progress"]];
  if (act) cells.push([""]);
  const tr = row(...cells);
  if (act) {
    const b = el("button", "", "End");
    b.type = "button";
    b.setAttribute("aria-label", "End session " + s.short);
    b.addEventListener("click", () => kick(s.id, tr));
    tr.lastElementChild.append(b);
  }
  return tr;
}

function updateSession(now) {
  return (tr, s) => {
    const [client, addr, age, verb, file, ports, moved, speed, progress] = tr.cells;
    const t = s.transfer;
    fill(client, s.user ? name(s.user) : el("span", "dim", "not logged in"), el("span", "id", s.short),
      s.pid ? el("span", "id", "process " + s.pid) : null);
    fill(addr, s.remote, s.tls ? el("span", "tls", "TLS") : null);
    setText(age, clock(now - Date.parse(s.opened)));
    setText(verb, t ? t.verb : s.verb || "–");
    const shown = t ? t.name : s.arg;
    fill(file, name(shown));
    file.title = shown;
    verb.classList.toggle("rest", !t);
    file.classList.toggle("rest", !t);
    fill(ports, ...s.passive.filter((p) => p.open).map((p, i) => (i ? ", " : "") + p.port));
    setText(moved, t ? bytes(t.bytes) : "");
    setText(speed, t ? rate(t.rate) : "");
    showProgress(progress, t);
    for (const cell of [file, ports, moved, speed, progress]) cell.classList.toggle("idle", cell.textContent === "");
  };
}

// showProgress needs a size; uploads have one only if the client told it.
function showProgress(cell, t) {
  if (!t || t.size <= 0) {
    fill(cell, t ? el("span", "dim", "size unknown") : null);
    return;
  }
  const part = Math.min(1, t.bytes / t.size);
  const bar = cell.querySelector("progress") || el("progress");
  if (!bar.isConnected) cell.replaceChildren(bar, el("span"));
  bar.value = part;
  bar.setAttribute("aria-label", "Progress");
  setText(cell.lastChild, Math.floor(part * 100) + "%");
}

function updateRecent(now) {
  return (tr, r) => {
    const [file, user, size, time, ending, when] = tr.cells;
    const ok = r.code < 400;
    fill(file, el("span", "way " + (r.upload ? "up" : "down"), r.upload ? "↑" : "↓"),
      el("span", "hidden", r.upload ? "uploaded " : "downloaded "), name(r.name));
    file.title = r.name;
    fill(user, name(r.user));
    setText(size, bytes(r.bytes));
    setText(time, took(r.seconds));
    fill(ending, el("span", ok ? "good" : "bad", String(r.code)), " ", ok ? el("span", "dim", "complete") : name(r.text));
    ending.classList.toggle("why", !ok);
    setText(when, ago(now - Date.parse(r.ended)));
  };
}

const reasons = {
  accept: "Could not be accepted",
  closing: "Server was closing",
  sessions: "Too many sessions",
  sessions_per_ip: "Too many sessions from one address",
  descriptors: "Not enough file descriptors",
  banned: "Address is banned",
  login_rate: "Too many logins from one address",
  login_tries: "Too many failed logins",
  login_time: "No login in time",
  early_commands: "Too many commands before login",
  unknown_commands: "Too many unknown commands",
  http: "Client sent HTTP",
  slow_line: "Line came too slowly",
  idle: "Idle for too long",
  data_peer: "Stranger at a data port",
  tls_injection: "Commands smuggled before TLS",
  bounce: "Data connection to another address",
  content: "Upload refused for its content",
};

function cells(tr, ...texts) {
  texts.forEach((t, i) => fill(tr.cells[i], t));
}

let unfolded = false; // all recent transfers are shown

function unfold() {
  unfolded = !unfolded;
  byId("more").setAttribute("aria-expanded", String(unfolded));
  setText(byId("more"), unfolded ? "Show fewer" : "Show all");
  if (last) showTables(last, Date.parse(last.now));
}

// everySession returns the sessions of all processes. Those of other processes have
// the process ID in pid.
function everySession(s) {
  const others = (s.generations || []).flatMap((g) => g.sessions.map((x) => ({ ...x, pid: g.pid })));
  return others.concat(s.sessions);
}

function showTables(s, now) {
  byId("more").hidden = s.recent.length <= 12;
  const sessions = everySession(s);
  sync(byId("sessions"), sessions, "No client is connected.", (x) => x.id, sessionRow, updateSession(now));
  setText(byId("sessions-note"), sessions.length < s.clients
    ? sessions.length + " of " + whole.format(s.clients) + ", those with transfers first" : "");
  sync(byId("recent"), s.recent.slice(0, unfolded ? 50 : 12), "No file has been transferred yet.", (r) => r.session + " " + r.ended + " " + r.name,
    () => row(["file full"], ["", "User"], ["n", "Size"], ["n", "Took"], ["ending two", "Ending"], ["n", "When"]), updateRecent(now));
  sync(byId("totals"), [["Uploads", s.uploads], ["Downloads", s.downloads], ["Listings", s.listings]], "", (x) => x[0],
    () => row([""], ["n"], ["n"], ["n"]),
    (tr, [label, t]) => cells(tr, label, whole.format(t.done), whole.format(t.failed), bytes(t.bytes)));
  const ports = sessions.flatMap((x) => x.passive.map((p) => ({ ...p, user: x.user }))).reverse();
  ports.sort((a, b) => b.open - a.open);
  sync(byId("passive"), ports.slice(0, 20), "None has been opened.", (p) => p.id, () => row([""], ["file"], [""], ["n"]),
    (tr, p) => {
      tr.cells[0].className = p.open ? "port open" : "port rest";
      cells(tr, String(p.port), el("span", "verb", p.verb), name(p.user), clock(now - Date.parse(p.opened)));
      if (p.arg) fill(tr.cells[1], el("span", "verb", p.verb), " ", name(p.arg));
      tr.cells[1].title = p.arg;
    });
  const refused = Object.entries(s.refused).sort((a, b) => b[1] - a[1]);
  sync(byId("refused"), refused, "Nothing was refused.", (r) => r[0], () => row([""], ["n"]),
    (tr, [why, n]) => cells(tr, reasons[why] || why.replaceAll("_", " "), whole.format(n)));
}

// showOlder shows the older processes that still drain after a restart.
function showOlder(list, now) {
  byId("older").hidden = list.length === 0;
  sync(byId("draining"), list, "", (g) => g.pid,
    () => row([""], ["n", "Age"], ["n", "Sessions"], ["n", "Transfers"], ["file two", "Files"]),
    (tr, g) => {
      const [pid, age, sessions, transfers, files] = tr.cells;
      const moving = g.sessions.filter((s) => s.transfer).map((s) => s.user + " " + s.transfer.name);
      setText(pid, g.pid + (g.silent ? ", does not answer" : ""));
      setText(age, clock(now - Date.parse(g.started)));
      setText(sessions, whole.format(g.clients));
      setText(transfers, whole.format(g.transfers));
      fill(files, ...moving.slice(0, 3).flatMap((text, i) => [i ? ", " : null, name(text)]));
      files.title = moving.join("\n");
      files.classList.toggle("idle", moving.length === 0);
    });
}

function showNow(s, now) {
  const moving = s.uploads.running + s.downloads.running;
  setText(byId("uptime"), clock(now - Date.parse(s.started)));
  setText(byId("now-sessions"), whole.format(s.clients));
  setText(byId("now-opened"), whole.format(s.opened) + " since the start");
  setText(byId("now-transfers"), whole.format(moving));
  setText(byId("now-ended"), whole.format(s.uploads.done + s.downloads.done) + " done");
  setText(byId("now-up"), rate(s.up_rate));
  setText(byId("now-received"), bytes(s.uploads.bytes) + " in all");
  setText(byId("now-down"), rate(s.down_rate));
  setText(byId("now-sent"), bytes(s.downloads.bytes + s.listings.bytes) + " in all");
  setText(byId("now-passive"), whole.format(s.channels));
  setText(byId("now-waiting"), whole.format(s.passive) + " waiting for a client");
  setText(byId("now-logins"), whole.format(s.logins));
  setText(byId("now-failed"), whole.format(s.failed) + " failed");
  announce(plural(s.clients, "session", "sessions") + ", " + plural(moving, "transfer", "transfers"), now);
}

// announce reports a change to screen readers, at most every ten seconds.
let announced = 0;
function announce(text, now) {
  const out = byId("announce");
  if (out.textContent === text || now - announced < 10000) return;
  announced = now;
  out.textContent = text;
}

// Plots.

function shape(tag, attrs, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}

// ceiling returns the end of an axis: 1, 2 or 4 times a power of ten, so that half of
// it is a round number too.
function ceiling(max, least) {
  const n = Math.max(max, least);
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 4, 10].map((f) => f * power).find((c) => c >= n);
}

// trace returns an SVG path through points; a pause in the records leaves a gap in the
// line.
function trace(list, x, y, of, floor) {
  let d = "";
  list.forEach((p, i) => {
    const fresh = i === 0 || p.t - list[i - 1].t > 10000;
    const end = i === list.length - 1 || list[i + 1].t - p.t > 10000;
    const at = x(p.t).toFixed(1) + " " + y(of(p)).toFixed(1);
    if (floor === undefined) d += (fresh ? "M" : "L") + at;
    else d += (fresh ? "M" + x(p.t).toFixed(1) + " " + floor + "L" : "L") + at + (end ? "L" + x(p.t).toFixed(1) + " " + floor + "Z" : "");
  });
  return d;
}

function plot(svg, now, series, least, label) {
  const wide = svg.clientWidth, high = svg.clientHeight;
  const left = 66, right = 12, top = 12, bottom = high - 22;
  const max = ceiling(Math.max(0, ...past.flatMap((p) => series.map((s) => s.of(p)))), least);
  const x = (t) => left + (1 - (now - t) / span) * (wide - left - right);
  const y = (v) => bottom - (v / max) * (bottom - top);
  const parts = [svg.querySelector("title")];
  for (const v of [0, max / 2, max]) {
    parts.push(shape("line", { class: v ? "grid" : "axis", x1: left, x2: wide - right, y1: y(v), y2: y(v) }));
    parts.push(shape("text", { x: left - 8, y: y(v) + 4, "text-anchor": "end" }, label(v)));
  }
  for (let m = wide < 420 ? 4 : 5; m >= 0; m -= wide < 420 ? 2 : 1) {
    parts.push(shape("text", { x: x(now - m * 60000), y: high - 5, "text-anchor": m === 0 ? "end" : m === 5 ? "start" : "middle" }, m ? "−" + m + " min" : "now"));
  }
  const seen = past.filter((p) => now - p.t <= span);
  parts.push(shape("path", { class: "area " + series[0].name, d: trace(seen, x, y, series[0].of, bottom) }));
  for (const s of series) parts.push(shape("path", { class: s.name, d: trace(seen, x, y, s.of) }));
  svg.setAttribute("viewBox", "0 0 " + wide + " " + high);
  svg.replaceChildren(...parts);
}

function showPlots(s, now) {
  plot(byId("plot-bytes"), now, [{ name: "up", of: (p) => p.up }, { name: "down", of: (p) => p.down }], 1000, mark);
  plot(byId("plot-sessions"), now, [{ name: "sessions", of: (p) => p.sessions }, { name: "transfers", of: (p) => p.transfers }], 4, (v) => whole.format(v));
  setText(byId("plot-bytes-title"), "Throughput over the last five minutes, now receiving " + rate(s.up_rate) + " and sending " + rate(s.down_rate));
  setText(byId("plot-sessions-title"), "Sessions over the last five minutes, now " + whole.format(s.clients));
}

// The stream.

function setState(state, text) {
  byId("state").dataset.state = state;
  setText(byId("state-text"), text);
  document.body.classList.toggle("stale", state === "lost");
}

function point(p) {
  return { ...p, t: Date.parse(p.t) };
}

function show(s) {
  const now = Date.parse(s.now);
  if (past.length === 0 || past[past.length - 1].t < now) {
    past.push({ t: now, up: s.up_rate, down: s.down_rate, sessions: s.clients, transfers: s.uploads.running + s.downloads.running });
  }
  past = past.filter((p) => now - p.t <= span);
  setState(s.draining ? "draining" : "serving", s.draining ? "Draining" : "Serving");
  document.title = s.clients ? "(" + s.clients + ") Paradise" : "Paradise";
  showNow(s, now);
  showTables(s, now);
  showOlder((s.generations || []).filter((g) => !g.serving), now);
  showPlots(s, now);
  last = s;
}

// A plot is drawn for its current width, so a new width needs a new drawing.
let last = null;
new ResizeObserver(() => last && showPlots(last, Date.parse(last.now))).observe(byId("plot-bytes"));

function watch() {
  const stream = new EventSource("events");
  stream.addEventListener("history", (e) => { past = JSON.parse(e.data).map(point); });
  stream.addEventListener("stats", (e) => show(JSON.parse(e.data)));
  stream.addEventListener("error", () => {
    setState("lost", "Connection lost, trying again");
    setText(byId("announce"), "Connection lost");
    if (stream.readyState === EventSource.CLOSED) setTimeout(watch, 3000);
  });
}

// Actions.

function post(path) {
  return fetch(path, { method: "POST", headers: { "X-Paradise-Csrf": csrf } });
}

async function kick(id, tr) {
  if (!confirm("End this session? Its transfer is aborted.")) return;
  const answer = await post("sessions/" + id + "/kick");
  if (answer.ok) tr.classList.add("dim");
  else alert(await answer.text());
}

async function drain() {
  if (!confirm("Drain the server? It takes no new clients, and ends when the running transfers have.")) return;
  const answer = await post("drain");
  if (!answer.ok) alert(await answer.text());
}

byId("more").addEventListener("click", unfold);
byId("drain")?.addEventListener("click", drain);
watch();
