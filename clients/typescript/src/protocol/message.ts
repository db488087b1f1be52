//! Messages: what a data package holds. Pure; bodies are opaque here.
//!
//! flags: bit 0 route is a code, bits 1-3 kind, bit 4 body is gzip, bit 5 response is an error of the framework
//! id:    requests and responses only, a varint
//! route: requests, notifies and pushes only; two bytes code, or one byte length and text
//! body:  the rest

import { ProtocolError } from "../errors.js";
import { Reader, Writer, fromUtf8, toUtf8 } from "./bytes.js";

/** A route as a message carries it: its name, or its code in the dictionary. */
export type RouteRef = string | number;

/** A message of a client. */
export type Outgoing =
  | { readonly kind: "request"; readonly id: number; readonly route: RouteRef; readonly body: Uint8Array }
  | { readonly kind: "notify"; readonly route: RouteRef; readonly body: Uint8Array };

/** A message of a server. `error` is said by the framework, not the handler. */
export type Incoming =
  | { readonly kind: "response"; readonly id: number; readonly error: boolean; readonly body: Uint8Array }
  | { readonly kind: "push"; readonly route: RouteRef; readonly body: Uint8Array };

const REQUEST = 0;
const NOTIFY = 1;
const RESPONSE = 2;
const PUSH = 3;
const CODE_BIT = 0x01;
const GZIP_BIT = 0x10;
const ERROR_BIT = 0x20;
/** The length of a name has one byte. */
const ROUTE_BYTES_MAX = 255;
/** Ids have 32 bits. */
export const ID_MAX = 0xffff_ffff;

/** A message as bytes. Throws a `ProtocolError` on a route that is too long. */
export function encodeMessage(message: Outgoing): Uint8Array {
  const kind = message.kind === "request" ? REQUEST : NOTIFY;
  const out = new Writer().byte((kind << 1) | (typeof message.route === "number" ? CODE_BIT : 0));
  if (message.kind === "request") out.varint(message.id);
  if (typeof message.route === "number") {
    out.uint16(message.route);
  } else {
    const name = toUtf8(message.route);
    if (name.length === 0 || name.length > ROUTE_BYTES_MAX) {
      throw new ProtocolError(`route of ${name.length} bytes: expected 1 to ${ROUTE_BYTES_MAX}`);
    }
    out.byte(name.length).raw(name);
  }
  return out.raw(message.body).done();
}

/** Reads a message of a server; its body is a slice of `bytes`. */
export function decodeMessage(bytes: Uint8Array): Incoming {
  const input = new Reader(bytes);
  const flags = input.byte();
  if (flags & GZIP_BIT) throw new ProtocolError("message body is compressed with gzip");
  switch ((flags >> 1) & 7) {
    case RESPONSE: {
      const id = input.varint();
      if (id > ID_MAX) throw new ProtocolError("message id is over 32 bits");
      return { kind: "response", id, error: (flags & ERROR_BIT) !== 0, body: input.rest() };
    }
    case PUSH: {
      const route = flags & CODE_BIT ? input.uint16() : fromUtf8(input.take(input.byte()));
      return { kind: "push", route, body: input.rest() };
    }
    default:
      throw new ProtocolError(`a server sends no message with flags ${flags}`);
  }
}
