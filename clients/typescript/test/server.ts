//! A server that a test plays: it takes the place of the transport and keeps what clients say.

import { fromUtf8, toUtf8 } from "../src/protocol/bytes.js";
import { PackageDecoder, PackageKind, encodePackage } from "../src/protocol/package.js";
import type { Transport, Wire, WireEvents } from "../src/index.js";

/** A request or notify as the server got it. */
export interface Said {
  readonly id: number | undefined;
  readonly route: string | number;
  readonly body: Uint8Array;
}

/** What the server answers to the handshake. */
export type Reply = { readonly [part: string]: unknown };

/** One client's connection, seen from the server. */
export class Connection implements Wire {
  readonly #decoder = new PackageDecoder(1 << 20);
  /** Bodies of handshake packages. */
  readonly handshakes: { sys: Record<string, unknown>; user: unknown }[] = [];
  readonly said: Said[] = [];
  acks = 0;
  beats = 0;
  bufferedBytes = 0;
  /** Whether the client has closed it. */
  left = false;
  /** Whether each beat is answered, as a server does it. */
  beating = true;

  constructor(
    readonly url: string,
    readonly events: WireEvents,
    readonly reply: Reply,
  ) {}

  send(bytes: Uint8Array): void {
    for (const { kind, body } of this.#decoder.feed(bytes)) this.#take(kind, body);
  }

  close(): void {
    this.left = true;
  }

  #take(kind: PackageKind, body: Uint8Array): void {
    switch (kind) {
      case PackageKind.Handshake:
        this.handshakes.push(JSON.parse(fromUtf8(body)) as (typeof this.handshakes)[number]);
        this.give(PackageKind.Handshake, this.reply);
        return;
      case PackageKind.HandshakeAck:
        this.acks++;
        if (this.beating) this.give(PackageKind.Heartbeat);
        return;
      case PackageKind.Heartbeat:
        this.beats++;
        if (this.beating) this.give(PackageKind.Heartbeat);
        return;
      default:
        this.said.push(readSaid(body));
    }
  }

  /** Sends a package, as soon as the client does nothing else. */
  give(kind: PackageKind, json?: unknown): void {
    this.raw(encodePackage(kind, json === undefined ? new Uint8Array(0) : toUtf8(JSON.stringify(json))));
  }

  raw(bytes: Uint8Array): void {
    queueMicrotask(() => this.events.received(bytes));
  }

  answer(id: number, json: unknown, flags = 4): void {
    this.raw(encodePackage(PackageKind.Data, new Uint8Array([flags, id, ...toUtf8(JSON.stringify(json))])));
  }

  push(route: string, json: unknown): void {
    const name = toUtf8(route);
    const body = new Uint8Array([6, name.length, ...name, ...toUtf8(JSON.stringify(json))]);
    this.raw(encodePackage(PackageKind.Data, body));
  }

  kick(reason: string, more: object = {}): void {
    this.give(PackageKind.Kick, { reason, ...more });
  }

  /** The connection is lost. */
  lose(message = "reset"): void {
    this.events.closed(message);
  }
}

/** The server: a transport for clients, and their connections in the order in which they came. */
export class FakeServer {
  readonly connections: Connection[] = [];
  reply: Reply = { code: 200, sys: { heartbeat: 3 } };
  /** Connections are refused by the network. */
  down = false;
  /** Nobody answers. */
  silent = false;

  readonly transport: Transport = (url, events) => {
    const connection = new Connection(url, events, this.reply);
    this.connections.push(connection);
    const { down, silent } = this;
    queueMicrotask(() => {
      if (down) events.closed("connection refused");
      else if (!silent) events.opened();
    });
    return connection;
  };

  /** The newest connection. */
  get last(): Connection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error("nobody has connected");
    return last;
  }
}

function readSaid(bytes: Uint8Array): Said {
  const flags = bytes[0] ?? 0;
  let at = 1;
  let id: number | undefined;
  if ((flags & 0x0e) === 0) {
    // Tests need no more than ids of one byte.
    id = bytes[at++];
  }
  if (flags & 1) return { id, route: ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0), body: bytes.subarray(at + 2) };
  const length = bytes[at++] ?? 0;
  return { id, route: fromUtf8(bytes.subarray(at, at + length)), body: bytes.subarray(at + length) };
}
