//! What can be set for a client, and its limits.

import type { CloseReason } from "../errors.js";
import type { Transport } from "../transport/transport.js";
import { webSocket } from "../transport/websocket.js";
import type { Backoff } from "./backoff.js";
import { type Clock, platformClock } from "./clock.js";
import type { Link } from "./link.js";
import type { AnyMessages, MessageTypes } from "./messages.js";
import { type Store, memoryStore } from "./storage.js";

/** The code of an answer that is no failure, as with Pomelo from the beginning. */
const OK = 200;

/** Version of this package, said in the handshake. */
export const VERSION = "0.1.0";

/** Settings of a `Client`. Only `url` must be given; the defaults suit a game. */
export interface ClientOptions<M extends MessageTypes = AnyMessages> {
  /**
   * Where to connect: `ws://host:port`. A function is asked before each attempt, so that a client whose connector died
   * can ask a gate for another one; see `ask`.
   */
  readonly url: string | ((attempt: number) => string | Promise<string>);
  /** What carries the bytes: the platform's WebSocket if not given. */
  readonly transport?: Transport;
  /** What is said as `user` in the handshake, for the server's own check. A function is asked before each handshake. */
  readonly user?: unknown;
  /** Name and version said in the handshake: `pomelo-client-ts` and its version if not given. */
  readonly client?: { readonly type: string; readonly version: string };
  /**
   * What makes somebody out of a fresh connection: log in, enter the room. Called after every handshake, the first one
   * included; until it is done the client is not open, and only the link it is given can ask. If it fails, the connection
   * is closed and the attempt has failed.
   */
  readonly enter?: (link: Link<M>, context: EnterContext) => unknown;
  /** Connect again when the connection is lost. `false`: never. */
  readonly reconnect?: Partial<ReconnectOptions> | false;
  /** Keeps dictionary and protobuf description; in memory if not given. `webStore(localStorage)` lasts longer. */
  readonly store?: Store;
  /** The name they are kept under: `pomelo-client-ts`. Games on one web site need different ones. */
  readonly storeKey?: string;
  /** Which answers are failures, by their `code`: any but 200 if not given. An answer without a code is none. */
  readonly isFailure?: (code: number) => boolean;
  /** How long dialling and handshake may take together: 5,000. */
  readonly connectTimeoutMs?: number;
  /** How long `url` and `enter` may take, each: 20,000. Then the attempt has failed. */
  readonly hookTimeoutMs?: number;
  /** How long a request may wait for its answer: 10,000. */
  readonly requestTimeoutMs?: number;
  /** Most requests that wait for an answer: 1,024. One more fails with a `BusyError`. */
  readonly pendingRequestsMax?: number;
  /** Most bytes that wait to be sent: 1 MiB. A message that would be over it fails with a `BusyError`. */
  readonly bufferedBytesMax?: number;
  /** Longest package taken from the server: 1 MiB. A longer one ends the connection. */
  readonly packageBytesMax?: number;
  /** Told about what a listener threw and about pushes that can't be read. If not given: the platform's `reportError`. */
  readonly onError?: (error: unknown) => void;
  /** The time; for tests. */
  readonly clock?: Clock;
  /** From 0 to 1; for tests. */
  readonly random?: () => number;
}

/** What `enter` is told. */
export interface EnterContext {
  /** 0 for the first connection, else which attempt to connect again this is. */
  readonly attempt: number;
  /** What the server's application said in the handshake. */
  readonly user: unknown;
}

/** When and how often to connect again. */
export interface ReconnectOptions extends Backoff {
  /** Whether to, after this. If not given: always but after `close`, a refused handshake, or a kick that does not ask for it. */
  readonly when: (reason: CloseReason) => boolean;
}

/** How to send one request. */
export interface RequestOptions {
  /** In place of the client's `requestTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Stops waiting: the request fails with the signal's reason. The server is not told. */
  readonly signal?: AbortSignal;
}

/** Options with nothing missing. */
export interface Settings<M extends MessageTypes> {
  readonly url: (attempt: number) => string | Promise<string>;
  readonly transport: Transport;
  readonly user: () => unknown;
  readonly client: { readonly type: string; readonly version: string };
  readonly enter: ((link: Link<M>, context: EnterContext) => unknown) | undefined;
  readonly reconnect: ReconnectOptions | false;
  readonly store: Store;
  readonly storeKey: string;
  readonly isFailure: (code: number) => boolean;
  readonly connectTimeoutMs: number;
  readonly hookTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly pendingRequestsMax: number;
  readonly bufferedBytesMax: number;
  readonly packageBytesMax: number;
  readonly report: (error: unknown) => void;
  readonly clock: Clock;
  readonly random: () => number;
}

const RECONNECT: ReconnectOptions = {
  firstMs: 500,
  maxMs: 15_000,
  attemptsMax: 20,
  when: (reason) => (reason.kind === "kicked" ? reason.reconnect : reason.kind !== "local" && reason.kind !== "refused"),
};

/** Fills in the defaults. */
export function settingsOf<M extends MessageTypes>(options: ClientOptions<M>): Settings<M> {
  const { url, user, reconnect } = options;
  return {
    url: typeof url === "function" ? url : () => url,
    transport: options.transport ?? webSocket(),
    user: typeof user === "function" ? () => user() as unknown : () => user ?? {},
    client: options.client ?? { type: "pomelo-client-ts", version: VERSION },
    enter: options.enter,
    reconnect: reconnect === false ? false : { ...RECONNECT, ...reconnect },
    store: options.store ?? memoryStore(),
    storeKey: options.storeKey ?? "pomelo-client-ts",
    isFailure: options.isFailure ?? ((code) => code !== OK),
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    hookTimeoutMs: options.hookTimeoutMs ?? 20_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    pendingRequestsMax: options.pendingRequestsMax ?? 1_024,
    bufferedBytesMax: options.bufferedBytesMax ?? 1024 * 1024,
    packageBytesMax: options.packageBytesMax ?? 1024 * 1024,
    report: options.onError ?? report,
    clock: options.clock ?? platformClock,
    random: options.random ?? Math.random,
  };
}

/** As an exception that nobody caught, without ending what is being done. */
function report(error: unknown): void {
  const platform: unknown = Reflect.get(globalThis, "reportError");
  if (typeof platform === "function") platform(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}
