//! The handshake: the two JSON documents with which a connection begins, and what both sides know afterwards. Pure.

import { ProtocolError, RefusedError } from "../errors.js";
import { fromUtf8, toUtf8 } from "./bytes.js";
import type { RouteRef } from "./message.js";
import { Protos } from "./protobuf.js";

const CODE_OK = 200;

/** What servers name by a version so that a client that has it need not be sent it again. All of it is JSON. */
export interface Known {
  dictVersion?: string;
  dict?: Record<string, number>;
  protoVersion?: string;
  protos?: { client: unknown; server: unknown };
}

/** Who the client says it is. */
export interface Hello {
  /** Name and version of the client, for the server's check. */
  readonly client: { readonly type: string; readonly version: string };
  /** For the application's own check. */
  readonly user: unknown;
}

/** What both sides agreed on. */
export class Agreed {
  readonly #codes: ReadonlyMap<string, number>;
  readonly #names: ReadonlyMap<number, string>;

  constructor(
    /** Time between heartbeats, 0 if there are none. */
    readonly heartbeatMs: number,
    /** What the application answered. */
    readonly user: unknown,
    /** To be kept for the next handshake. */
    readonly known: Known,
    /** Bodies to the server that are protobuf. */
    readonly outgoing: Protos,
    /** Bodies of the server that are protobuf. */
    readonly incoming: Protos,
  ) {
    const entries = Object.entries(known.dict ?? {});
    this.#codes = new Map(entries);
    this.#names = new Map(entries.map(([name, code]) => [code, name]));
  }

  /** How a message names a route. */
  shorten(route: string): RouteRef {
    return this.#codes.get(route) ?? route;
  }

  /** The route a message names. */
  resolve(route: RouteRef): string {
    if (typeof route === "string") return route;
    const name = this.#names.get(route);
    if (name === undefined) throw new ProtocolError(`route code ${route} is not in the dictionary`);
    return name;
  }
}

/** The body of the client's handshake package. */
export function handshakeRequest(hello: Hello, known: Known): Uint8Array {
  const sys: Record<string, unknown> = { ...hello.client };
  if (known.dict !== undefined && known.dictVersion !== undefined) sys.dictVersion = known.dictVersion;
  if (known.protos !== undefined && known.protoVersion !== undefined) sys.protoVersion = known.protoVersion;
  return toUtf8(JSON.stringify({ sys, user: hello.user }));
}

/** Reads the body of the server's handshake package. Throws a `RefusedError` if it says no. */
export function handshakeReply(body: Uint8Array, known: Known): Agreed {
  const reply = parse(body);
  if (reply.code !== CODE_OK) throw new RefusedError(typeof reply.code === "number" ? reply.code : 0);
  const sys = reply.sys ?? {};
  const next: Known = {};
  const dict = dictionaryOf(sys, known);
  if (dict.dict !== undefined) Object.assign(next, dict);
  const protos = protosOf(sys, known);
  if (protos.protos !== undefined) Object.assign(next, protos);
  const heartbeatMs = typeof sys.heartbeat === "number" && sys.heartbeat > 0 ? sys.heartbeat * 1000 : 0;
  return new Agreed(
    heartbeatMs,
    reply.user,
    next,
    new Protos(next.protos?.client ?? {}),
    new Protos(next.protos?.server ?? {}),
  );
}

interface Reply {
  code?: unknown;
  sys?: Sys;
  user?: unknown;
}

interface Sys {
  heartbeat?: unknown;
  dict?: unknown;
  routeToCode?: unknown;
  dictVersion?: unknown;
  useDict?: unknown;
  protos?: unknown;
  useProto?: unknown;
}

function parse(body: Uint8Array): Reply {
  let reply: unknown;
  try {
    reply = JSON.parse(fromUtf8(body));
  } catch {
    throw new ProtocolError("handshake reply is no JSON");
  }
  if (typeof reply !== "object" || reply === null) throw new ProtocolError("handshake reply is no object");
  return reply;
}

/** The dictionary in the reply; what is known if the server only says that it is in use. */
function dictionaryOf(sys: Sys, known: Known): Pick<Known, "dict" | "dictVersion"> {
  const sent = sys.dict ?? sys.routeToCode;
  if (sent === undefined || sent === null) {
    const { dict, dictVersion } = known;
    return sys.useDict === true && dict !== undefined && dictVersion !== undefined ? { dict, dictVersion } : {};
  }
  if (!isDictionary(sent)) throw new ProtocolError("dictionary in the handshake reply is malformed");
  return { dict: sent, ...(typeof sys.dictVersion === "string" ? { dictVersion: sys.dictVersion } : {}) };
}

function protosOf(sys: Sys, known: Known): Pick<Known, "protos" | "protoVersion"> {
  if (typeof sys.protos !== "object" || sys.protos === null) {
    const { protos, protoVersion } = known;
    return sys.useProto === true && protos !== undefined && protoVersion !== undefined ? { protos, protoVersion } : {};
  }
  const { client, server, version } = sys.protos as { client?: unknown; server?: unknown; version?: unknown };
  return {
    protos: { client: client ?? {}, server: server ?? {} },
    ...(typeof version === "string" ? { protoVersion: version } : {}),
  };
}

function isDictionary(value: unknown): value is Record<string, number> {
  return typeof value === "object" && value !== null && Object.values(value).every((code) => typeof code === "number");
}
