//! What carries bytes to a server and back. Not here: what the bytes mean.

/** A connection that carries bytes, opened by a `Transport`. */
export interface Wire {
  /** Bytes that were sent and are still on this side. */
  readonly bufferedBytes: number;
  /** Never blocks. After `close` it does nothing. */
  send(bytes: Uint8Array): void;
  /** Sends what waits, then closes. `closed` may still be called. */
  close(): void;
}

/** What a wire tells. */
export interface WireEvents {
  /** Bytes can be sent. Called once, before any `received`. */
  opened(): void;
  /** Bytes came, in order. */
  received(bytes: Uint8Array): void;
  /** It is over, or could not be opened: why, in words. Called once; nothing else after it. */
  closed(message: string): void;
}

/** Opens a wire to an address. Throws if the address can't be one. */
export type Transport = (url: string, events: WireEvents) => Wire;
