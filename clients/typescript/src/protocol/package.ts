//! Packages: kind (1 byte), length of the body (3 bytes, the highest first), body. Pure.

import { ProtocolError } from "../errors.js";

/** What a package is. */
export const PackageKind = {
  Handshake: 1,
  HandshakeAck: 2,
  Heartbeat: 3,
  Data: 4,
  Kick: 5,
} as const;
export type PackageKind = (typeof PackageKind)[keyof typeof PackageKind];

/** One package. */
export interface Package {
  readonly kind: PackageKind;
  readonly body: Uint8Array;
}

const HEAD_BYTES = 4;
/** What three bytes can count. */
const BODY_BYTES_LIMIT = 0xff_ffff;
const EMPTY = new Uint8Array(0);

/** A package as bytes. */
export function encodePackage(kind: PackageKind, body: Uint8Array = EMPTY): Uint8Array {
  if (body.length > BODY_BYTES_LIMIT) {
    throw new ProtocolError(`body of ${body.length} bytes does not fit a package`);
  }
  const bytes = new Uint8Array(HEAD_BYTES + body.length);
  bytes.set([kind, body.length >> 16, body.length >> 8, body.length]);
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

/** Cuts a stream of bytes into packages. After an error it is of no more use. */
export class PackageDecoder {
  #rest: Uint8Array = EMPTY;

  /** A package with a longer body is an error, before it arrives. */
  constructor(readonly bodyBytesMax: number) {}

  /** Bytes that wait for the rest of their package. */
  get bufferedBytes(): number {
    return this.#rest.length;
  }

  /** The packages that are whole now. Bodies are slices of what was fed where that is possible. */
  *feed(chunk: Uint8Array): Generator<Package> {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    // Whoever stops in the middle loses nothing.
    this.#rest = bytes;
    for (;;) {
      const head = this.#head(this.#rest);
      if (head === undefined || this.#rest.length < HEAD_BYTES + head.length) break;
      const body = this.#rest.subarray(HEAD_BYTES, HEAD_BYTES + head.length);
      this.#rest = this.#rest.subarray(HEAD_BYTES + head.length);
      yield { kind: head.kind, body };
    }
    // A copy of the few bytes that are left, so that the chunk can go.
    this.#rest = this.#rest.slice();
  }

  /** Checked as early as the bytes allow: a wrong kind needs one byte, a length four. */
  #head(bytes: Uint8Array): { kind: PackageKind; length: number } | undefined {
    const [kind, high, middle, low] = bytes;
    if (kind === undefined) return undefined;
    if (!isKind(kind)) throw new ProtocolError(`unknown package kind ${kind}`);
    if (high === undefined || middle === undefined || low === undefined) return undefined;
    const length = (high << 16) | (middle << 8) | low;
    if (length > this.bodyBytesMax) {
      throw new ProtocolError(`package body of ${length} bytes is over the limit of ${this.bodyBytesMax}`);
    }
    return { kind, length };
  }
}

function isKind(byte: number): byte is PackageKind {
  return byte >= PackageKind.Handshake && byte <= PackageKind.Kick;
}
