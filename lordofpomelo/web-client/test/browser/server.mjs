//! A game server for one page, in the page's own WebSockets: what the page says is answered as the specification has it, in JSON and
//! without dictionary. It knows no rules; tests push what they want to see.

const [HANDSHAKE, ACK, , DATA] = [1, 2, 3, 4];

function frame(type, body) {
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeUInt32BE(body.length);
  bytes[0] = type;
  body.copy(bytes, 4);
  return bytes;
}

/** A message of the page: request (with an id) or notify. */
function read(bytes) {
  const type = (bytes[0] >> 1) & 7;
  let at = 1;
  let id = 0;
  if (type === 0) {
    let shift = 1;
    for (;;) {
      const byte = bytes[at++];
      id += (byte & 127) * shift;
      shift *= 128;
      if (byte < 128) break;
    }
  }
  const length = bytes[at++];
  const route = bytes.subarray(at, at + length).toString();
  const text = bytes.subarray(at + length).toString();
  return { type, id, route, body: text === "" ? {} : JSON.parse(text) };
}

function answer(id, body) {
  const head = [2 << 1];
  for (let n = id; ; n = Math.floor(n / 128)) {
    head.push(n >= 128 ? (n % 128) | 128 : n);
    if (n < 128) break;
  }
  return frame(DATA, Buffer.concat([Buffer.from(head), Buffer.from(JSON.stringify(body))]));
}

export class Server {
  /** All that was asked, in order. */
  asked = [];
  #answers;
  #connector;

  /** `answers`: route to what is answered, or to a function of the body. */
  constructor(answers) {
    this.#answers = answers;
  }

  async serve(page) {
    await page.routeWebSocket(/:(3014|3010)\/?$/, (ws) => {
      if (ws.url().includes("3010")) this.#connector = ws;
      ws.onMessage((data) => this.#heard(ws, Buffer.from(data)));
    });
  }

  #heard(ws, bytes) {
    const body = bytes.subarray(4);
    if (bytes[0] === HANDSHAKE) ws.send(frame(HANDSHAKE, Buffer.from(JSON.stringify({ code: 200, sys: {}, user: {} }))));
    if (bytes[0] === HANDSHAKE || bytes[0] === ACK) return;
    if (bytes[0] !== DATA) return;
    const { type, id, route, body: said } = read(body);
    this.asked.push({ route, body: said });
    const made = this.#answers[route];
    if (type === 0) ws.send(answer(id, typeof made === "function" ? made(said) : (made ?? { code: 200 })));
  }

  push(route, body) {
    const name = Buffer.from(route);
    this.#connector.send(frame(DATA, Buffer.concat([Buffer.from([3 << 1, name.length]), name, Buffer.from(JSON.stringify(body))])));
  }

  /** The connection breaks. */
  drop() {
    return this.#connector.close({ code: 1011, reason: "test" });
  }

  count(route) {
    return this.asked.filter((one) => one.route === route).length;
  }
}
