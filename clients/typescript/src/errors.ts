//! How a client can fail, and why a connection ended. Every error of this package is a `PomeloError`; its `kind` tells which.

/** Why a connection ended. */
export type CloseReason =
  /** This side closed it. */
  | { readonly kind: "local" }
  /** The server told the client to go; or, with `reconnect`, to come back elsewhere, because it ends. */
  | { readonly kind: "kicked"; readonly reason: string; readonly reconnect: boolean }
  /** The server closed it without a word, or the network did. */
  | { readonly kind: "lost"; readonly message: string }
  /** Nothing was heard for twice the heartbeat's interval. */
  | { readonly kind: "silent"; readonly afterMs: number }
  /** The server said something that is not Pomelo. */
  | { readonly kind: "protocol"; readonly message: string }
  /** The server does not want this client: 500 refused, 501 client too old. */
  | { readonly kind: "refused"; readonly code: number }
  /** So many attempts to connect again failed; the last one for this reason. */
  | { readonly kind: "gaveUp"; readonly attempts: number; readonly last: string };

/** Which error it is: one for each class here. */
export type ErrorKind = "timeout" | "closed" | "failed" | "refused" | "connect" | "busy" | "protocol" | "body";

/** What all errors of this package are. */
export abstract class PomeloError extends Error {
  /** Which error it is. */
  abstract readonly kind: ErrorKind;
}

/** A request was not answered in time. It may have been executed. */
export class TimeoutError extends PomeloError {
  override readonly name = "TimeoutError";
  readonly kind = "timeout";
  constructor(
    readonly route: string,
    readonly afterMs: number,
  ) {
    super(`no answer to ${route} within ${afterMs} ms`);
  }
}

/** There is no connection, or it ended before the answer came; a request may have been executed. */
export class ClosedError extends PomeloError {
  override readonly name = "ClosedError";
  readonly kind = "closed";
  constructor(readonly reason: CloseReason) {
    super(describe(reason));
  }
}

/** The server answered with a failure: its `code`, and the whole answer. */
export class FailedError extends PomeloError {
  override readonly name = "FailedError";
  readonly kind = "failed";
  constructor(
    readonly route: string,
    readonly code: number,
    readonly answer: unknown,
  ) {
    const text = textOf(answer);
    super(`${route} failed with code ${code}${text === undefined ? "" : `: ${text}`}`);
  }
}

/** The server refused the handshake: code 500, or 501 for a client that is too old. */
export class RefusedError extends PomeloError {
  override readonly name = "RefusedError";
  readonly kind = "refused";
  constructor(readonly code: number) {
    super(`the server refused the handshake with code ${code}`);
  }
}

/** No connection could be made. */
export class ConnectError extends PomeloError {
  override readonly name = "ConnectError";
  readonly kind = "connect";
  constructor(
    readonly url: string,
    message: string,
  ) {
    super(`could not connect to ${url}: ${message}`);
  }
}

/** A limit of this client is reached; the message was not sent. */
export class BusyError extends PomeloError {
  override readonly name = "BusyError";
  readonly kind = "busy";
  constructor(
    readonly limit: "pendingRequestsMax" | "bufferedBytesMax",
    readonly value: number,
  ) {
    super(
      limit === "pendingRequestsMax"
        ? `${value} requests wait for an answer already`
        : `more than ${value} bytes would wait to be sent`,
    );
  }
}

/** Bytes of the server that are not Pomelo, or something that does not fit into the protocol. */
export class ProtocolError extends PomeloError {
  override readonly name = "ProtocolError";
  readonly kind = "protocol";
}

/** A body that does not fit what the protobuf description of its route says, or no JSON. */
export class BodyError extends PomeloError {
  override readonly name = "BodyError";
  readonly kind = "body";
}

/** A reason in words. */
export function describe(reason: CloseReason): string {
  switch (reason.kind) {
    case "local":
      return "the client is closed";
    case "kicked":
      return `kicked: ${reason.reason || "no reason given"}`;
    case "lost":
      return `connection lost: ${reason.message}`;
    case "silent":
      return `nothing heard from the server for ${reason.afterMs} ms`;
    case "protocol":
      return `the server broke the protocol: ${reason.message}`;
    case "refused":
      return `the server refused the handshake with code ${reason.code}`;
    case "gaveUp":
      return `gave up after ${reason.attempts} attempts to connect again: ${reason.last}`;
  }
}

/** What was thrown, in words. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function textOf(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { message, msg } = answer as { message?: unknown; msg?: unknown };
  return [message, msg].find((text) => typeof text === "string");
}
