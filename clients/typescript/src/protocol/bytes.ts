//! Reading and writing of bytes with bounds: integers of variable length, text, floats. Pure.

import { ProtocolError } from "../errors.js";

/** Integers of variable length have at most as many bytes: 53 bits are what a number holds exactly. */
const VARINT_BYTES_MAX = 8;

const encoder = new TextEncoder();
/** A byte order mark is a character like others: who has written it wants it back. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text as UTF-8. */
export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** UTF-8 as text; what is not UTF-8 becomes U+FFFD, as Node's buffers do it. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Takes bytes from the front. Reading beyond the end throws a `ProtocolError`. */
export class Reader {
  #at = 0;

  constructor(readonly bytes: Uint8Array) {}

  /** How many bytes are left. */
  get left(): number {
    return this.bytes.length - this.#at;
  }

  byte(): number {
    const byte = this.bytes[this.#at];
    if (byte === undefined) throw new ProtocolError("bytes end where more must follow");
    this.#at++;
    return byte;
  }

  /** Two bytes, the higher one first. */
  uint16(): number {
    return this.byte() * 256 + this.byte();
  }

  /** Seven bits a byte, the lowest first; the highest bit says that another byte follows. */
  varint(): number {
    let value = 0;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw new ProtocolError("integer is over 53 bits");
  }

  /** A slice, not a copy. */
  take(length: number): Uint8Array {
    if (length > this.left) throw new ProtocolError(`${length} bytes must follow where ${this.left} do`);
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** IEEE 754 with 4 or 8 bytes, the lowest first. */
  float(length: 4 | 8): number {
    const bytes = this.take(length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    return length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
  }
}

/** Appends bytes. */
export class Writer {
  #bytes = new Uint8Array(64);
  #length = 0;

  /** How many were written. */
  get length(): number {
    return this.#length;
  }

  byte(byte: number): this {
    this.#room(1)[this.#length++] = byte;
    return this;
  }

  uint16(value: number): this {
    return this.byte(value >> 8).byte(value);
  }

  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.byte(rest);
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  float(value: number, length: 4 | 8): this {
    const bytes = this.#room(length);
    const view = new DataView(bytes.buffer, this.#length, length);
    if (length === 4) view.setFloat32(0, value, true);
    else view.setFloat64(0, value, true);
    this.#length += length;
    return this;
  }

  /** What was written; a slice that later writes don't change. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(more: number): Uint8Array {
    const needed = this.#length + more;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.done());
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
