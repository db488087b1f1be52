// A Pomelo client of one page: the hybridconnector protocol over WebSocket with JSON bodies.
// A package is type (1 byte), length of the body (3 bytes, big-endian), body. A message is flags, request id (varint, not
// in a push or notify), route (a code of 2 bytes, or a length byte and the name; not in a response), body.
"use strict";

class Pomelo {
  static #HANDSHAKE = 1;
  static #ACK = 2;
  static #HEARTBEAT = 3;
  static #DATA = 4;
  static #KICK = 5;
  static #REQUEST = 0;
  static #RESPONSE = 2;
  static #PUSH = 3;
  static #REQUEST_TIMEOUT_MS = 10_000;

  #socket;
  #routes = {}; // code to name
  #waiting = new Map(); // request id to {resolve, reject, timer}
  #lastId = 0;
  #heartbeatMs = 0;
  #silence; // timer: closes when nothing is heard for two heartbeats

  onPush = (route, body) => {};
  onClose = (why) => {};

  // Resolves when the handshake is done.
  static connect(url) {
    return new Promise((resolve, reject) => {
      const client = new Pomelo();
      const socket = (client.#socket = new WebSocket(url));
      socket.binaryType = "arraybuffer";
      let done = false;
      let why = "";
      socket.onopen = () => client.#send(Pomelo.#HANDSHAKE, JSON.stringify({ sys: { type: "page", version: "0.1.0" }, user: {} }));
      socket.onclose = () => {
        clearTimeout(client.#silence);
        for (const w of client.#waiting.values()) { clearTimeout(w.timer); w.reject(new Error("the connection closed")); }
        client.#waiting.clear();
        if (done) client.onClose(why || "the connection closed");
        else reject(new Error(`could not connect to ${url}`));
      };
      socket.onmessage = ({ data }) => {
        for (const [type, body] of Pomelo.#packages(new Uint8Array(data))) {
          client.#heard();
          if (type === Pomelo.#HANDSHAKE) {
            const reply = JSON.parse(Pomelo.#text(body));
            if (reply.code !== 200) { reject(new Error(`the server refused the handshake with code ${reply.code}`)); return socket.close(); }
            for (const [name, code] of Object.entries(reply.sys.dict ?? {})) client.#routes[code] = name;
            client.#heartbeatMs = (reply.sys.heartbeat ?? 0) * 1000;
            client.#send(Pomelo.#ACK);
            done = true;
            resolve(client);
          } else if (type === Pomelo.#HEARTBEAT) {
            setTimeout(() => client.#send(Pomelo.#HEARTBEAT), client.#heartbeatMs);
          } else if (type === Pomelo.#DATA) {
            client.#message(body);
          } else if (type === Pomelo.#KICK) {
            why = `kicked: ${JSON.parse(Pomelo.#text(body) || "{}").reason ?? "no reason given"}`;
          }
        }
      };
    });
  }

  request(route, body) {
    const id = ++this.#lastId;
    this.#send(Pomelo.#DATA, Pomelo.#encode(id, route, JSON.stringify(body)));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => { this.#waiting.delete(id); reject(new Error(`no answer to ${route}`)); }, Pomelo.#REQUEST_TIMEOUT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
    });
  }

  close() { this.#socket.close(); }

  #message(m) {
    const type = (m[0] >> 1) & 7;
    const byCode = m[0] & 1;
    let at = 1;
    if (type === Pomelo.#RESPONSE) {
      let id = 0;
      for (let shift = 0, more = true; more; shift += 7) { id += (m[at] & 127) * 2 ** shift; more = m[at++] > 127; }
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (waiting) { clearTimeout(waiting.timer); waiting.resolve(JSON.parse(Pomelo.#text(m.subarray(at)) || "null")); }
    } else if (type === Pomelo.#PUSH) {
      let route;
      if (byCode) { route = this.#routes[(m[at] << 8) | m[at + 1]]; at += 2; }
      else { const n = m[at++]; route = Pomelo.#text(m.subarray(at, at + n)); at += n; }
      this.onPush(route, JSON.parse(Pomelo.#text(m.subarray(at)) || "null"));
    }
  }

  #heard() {
    clearTimeout(this.#silence);
    if (this.#heartbeatMs) this.#silence = setTimeout(() => this.#socket.close(), 2 * this.#heartbeatMs + 1000);
  }

  #send(type, body = "") {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const p = new Uint8Array(4 + bytes.length);
    p.set([type, bytes.length >> 16, bytes.length >> 8, bytes.length]);
    p.set(bytes, 4);
    this.#socket.send(p);
  }

  static #encode(id, route, body) {
    const out = [Pomelo.#REQUEST << 1];
    for (let rest = id, more = true; more; ) { more = rest > 127; out.push((rest & 127) | (more ? 128 : 0)); rest = Math.floor(rest / 128); }
    const name = new TextEncoder().encode(route);
    return new Uint8Array([...out, name.length, ...name, ...new TextEncoder().encode(body)]);
  }

  static *#packages(bytes) {
    for (let at = 0; at + 4 <= bytes.length; ) {
      const n = (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
      yield [bytes[at], bytes.subarray(at + 4, at + 4 + n)];
      at += 4 + n;
    }
  }

  static #text(bytes) { return new TextDecoder().decode(bytes); }
}
