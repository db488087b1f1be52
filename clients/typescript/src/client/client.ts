//! The client: keeps a link to a server, makes a new one when it is lost, and tells what happens.

import { ClosedError, type CloseReason, RefusedError, TimeoutError, messageOf } from "../errors.js";
import type { Known } from "../protocol/handshake.js";
import { delayMs } from "./backoff.js";
import type { Timer } from "./clock.js";
import { Listeners } from "./events.js";
import { Link } from "./link.js";
import type { AnswerOf, AnyMessages, BodyArgs, MessageTypes, PushOf, PushedOf, RequestOf, RouteOf } from "./messages.js";
import { type ClientOptions, type RequestOptions, type Settings, settingsOf } from "./options.js";
import { load, save } from "./storage.js";

/** Where a client stands. */
export type State =
  /** `connect` was not called yet. */
  | "idle"
  /** `connect` is under way. */
  | "connecting"
  /** Messages can be sent. */
  | "open"
  /** The connection was lost; another one is being made, or waited for. */
  | "reconnecting"
  /** It is over. `connect` may be called again. */
  | "closed";

/** From one state to another, or from one attempt to the next. */
export interface StateChange {
  readonly state: State;
  readonly previous: State;
  /** Why the connection was lost, or the client closed. */
  readonly reason?: CloseReason;
  /** Which attempt to connect again comes next, from 1 on. */
  readonly attempt?: number;
  /** How long until then. */
  readonly delayMs?: number;
}

/** What a client tells. */
export interface ClientEvents {
  /** Its state changed. */
  state: StateChange;
  /** The server told it to go, or to come back elsewhere. */
  kick: { readonly reason: string; readonly reconnect: boolean };
  /** It is open again after the connection was lost; `enter` is done. */
  reconnected: { readonly attempts: number };
  /** How long a heartbeat took there and back, in milliseconds. */
  ping: number;
}

/** A push of any name. */
export interface AnyPush {
  readonly route: string;
  readonly body: unknown;
}

/**
 * A client of Pomelo servers. `M` are the generated types of the game's messages; without them anything can be sent.
 *
 * ```ts
 * const client = new Client<Messages>({ url: "ws://127.0.0.1:3050" });
 * client.onPush("onChat", ({ from, msg }) => console.log(`${from}: ${msg}`));
 * await client.connect();
 * await client.request("chat.chatHandler.send", { content: "hello", target: "*" });
 * ```
 */
export class Client<M extends MessageTypes = AnyMessages> {
  readonly #settings: Settings<M>;
  readonly #events: Listeners<ClientEvents>;
  readonly #pushes: Listeners<Record<string, unknown>>;
  readonly #anyPush: Listeners<{ push: AnyPush }>;
  #state: State = "idle";
  #reason: CloseReason = { kind: "lost", message: "connect was not called" };
  #link: Link<M> | undefined;
  #known: Known | undefined;
  #pingMs: number | undefined;
  /** The attempt that made the present link, and when. */
  #opened = { attempt: 0, at: 0 };
  /** Ends what is under way: an attempt, or a wait for one. */
  #abort = new AbortController();

  constructor(options: ClientOptions<M>) {
    this.#settings = settingsOf(options);
    this.#events = new Listeners(this.#settings.report);
    this.#pushes = new Listeners(this.#settings.report);
    this.#anyPush = new Listeners(this.#settings.report);
  }

  /** Where it stands. */
  get state(): State {
    return this.#state;
  }

  /** How long the last heartbeat took there and back, in milliseconds. */
  get pingMs(): number | undefined {
    return this.#pingMs;
  }

  /**
   * Connects, does the handshake and calls `enter`. Fails if one of them does, and the client is closed then: connecting
   * again by itself is for connections that were open.
   */
  async connect(): Promise<void> {
    if (this.#state !== "idle" && this.#state !== "closed") throw new Error(`connect: the client is ${this.#state}`);
    const { signal } = (this.#abort = new AbortController());
    this.#become({ state: "connecting" });
    try {
      await this.#attempt(0, signal);
    } catch (error) {
      if (signal.aborted) throw new ClosedError(this.#reason);
      this.#over(reasonOf(error));
      throw error;
    }
  }

  /**
   * Asks, and waits for the answer. Fails with a `FailedError` if the server says so, a `TimeoutError`, a `ClosedError` if
   * there is no connection or it is lost meanwhile, a `BusyError`, or a `BodyError`. Nothing is sent twice.
   */
  async request<R extends RouteOf<M>>(
    route: R,
    ...args: BodyArgs<RequestOf<M, R>, [options?: RequestOptions]>
  ): Promise<AnswerOf<M, R>> {
    return this.#ready().request(route, ...args);
  }

  /** Tells, without an answer. Throws a `ClosedError`, `BusyError` or `BodyError` if it can't be sent. */
  notify<R extends RouteOf<M>>(route: R, ...args: BodyArgs<RequestOf<M, R>, []>): void {
    this.#ready().notify(route, ...args);
  }

  /** Listens to a push, on this connection and all after it. What is returned ends that. */
  onPush<P extends PushOf<M>>(name: P, listener: (body: PushedOf<M, P>) => void): () => void {
    return this.#pushes.add(name, listener as (body: unknown) => void);
  }

  /** Listens to all pushes. */
  onAnyPush(listener: (push: AnyPush) => void): () => void {
    return this.#anyPush.add("push", listener);
  }

  /** Listens to what happens to the client. What is returned ends that. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#events.add(name, listener);
  }

  /** Measures how long a heartbeat takes there and back, in milliseconds. */
  async ping(): Promise<number> {
    return this.#ready().ping();
  }

  /** Closes the connection, or gives up making one. Requests that wait fail with a `ClosedError`. */
  close(): void {
    if (this.#state === "idle" || this.#state === "closed") return;
    this.#over({ kind: "local" });
  }

  #ready(): Link<M> {
    if (this.#link === undefined || this.#state !== "open") throw new ClosedError(this.#reason);
    return this.#link;
  }

  /** One attempt, from the question where to the end of `enter`. */
  async #attempt(attempt: number, signal: AbortSignal): Promise<void> {
    const settings = this.#settings;
    this.#known ??= await load(settings.store, settings.storeKey);
    const url = await this.#within("url", settings.url(attempt), signal);
    let current: Link<M> | undefined;
    let lose: (reason: CloseReason) => void = () => {};
    const lost = new Promise<never>((_, failed) => (lose = (reason) => failed(new ClosedError(reason))));
    // Nobody waits for it any more once the client is open.
    lost.catch(() => {});
    const { link, agreed } = await Link.open(
      url,
      this.#known,
      settings,
      {
        pushed: (route, body) => this.#pushed(route, body),
        ping: (ms) => {
          this.#pingMs = ms;
          this.#events.tell("ping", ms);
        },
        closed: (reason) => {
          lose(reason);
          this.#closed(current, reason, signal);
        },
      },
      signal,
    );
    current = link;
    if (signal.aborted) return abandon(link, signal);
    await this.#keep(agreed.known);
    const abort = () => link.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      const entered = settings.enter?.(link, { attempt, user: agreed.user });
      await this.#within("enter", Promise.race([entered, lost]), signal);
    } catch (error) {
      link.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
    if (link.closed !== undefined) throw new ClosedError(link.closed);
    if (signal.aborted) return abandon(link, signal);
    // At once, in this very turn: the link may be lost in the next.
    this.#link = link;
    this.#opened = { attempt, at: settings.clock.now() };
    this.#become({ state: "open" });
    if (attempt > 0) this.#events.tell("reconnected", { attempts: attempt });
  }

  /** What the application does in an attempt: it may take too long, and the client may be closed meanwhile. */
  #within<T>(what: "url" | "enter", step: T | Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, hookTimeoutMs } = this.#settings;
    return new Promise<T>((done, failed) => {
      const over = () => {
        clock.cancel(timer);
        signal.removeEventListener("abort", abort);
      };
      const abort = () => {
        over();
        failed(signal.reason);
      };
      const timer: Timer = clock.after(hookTimeoutMs, () => {
        over();
        failed(new TimeoutError(what, hookTimeoutMs));
      });
      signal.addEventListener("abort", abort, { once: true });
      Promise.resolve(step).finally(over).then(done, failed);
    });
  }

  async #keep(told: Known): Promise<void> {
    const before = this.#known;
    // A server without a dictionary says nothing about that of another.
    const known = (this.#known = { ...before, ...told });
    if (known.dictVersion === before?.dictVersion && known.protoVersion === before?.protoVersion) return;
    await save(this.#settings.store, this.#settings.storeKey, known);
  }

  #pushed(route: string, body: unknown): void {
    this.#pushes.tell(route, body);
    this.#anyPush.tell("push", { route, body });
  }

  /** A link ended after its handshake. */
  #closed(link: Link<M> | undefined, reason: CloseReason, signal: AbortSignal): void {
    if (signal.aborted) return;
    if (reason.kind === "kicked") this.#events.tell("kick", { reason: reason.reason, reconnect: reason.reconnect });
    // One that ends within `enter` is what fails there.
    if (link === undefined || link !== this.#link || signal.aborted) return;
    this.#link = undefined;
    const { reconnect } = this.#settings;
    if (reconnect === false || !reconnect.when(reason)) return this.#over(reason);
    this.#again(reason, signal).catch(this.#settings.report);
  }

  /** Attempts until one succeeds, it is given up, or the client is closed. */
  async #again(reason: CloseReason, signal: AbortSignal): Promise<void> {
    const { clock, reconnect, random } = this.#settings;
    if (reconnect === false) return;
    let last = reason;
    // A server that lets everybody in and drops them at once is not asked faster and faster: such attempts have failed.
    const { attempt: before, at } = this.#opened;
    const first = clock.now() - at < reconnect.maxMs ? before + 1 : 1;
    for (let attempt = first; attempt <= reconnect.attemptsMax; attempt++) {
      const wait = delayMs(reconnect, attempt, random());
      this.#become({ state: "reconnecting", reason: last, attempt, delayMs: wait });
      await this.#sleep(wait, signal);
      if (signal.aborted) return;
      try {
        await this.#attempt(attempt, signal);
      } catch (error) {
        if (signal.aborted) return;
        last = reasonOf(error);
        if (!reconnect.when(last)) return this.#over(last);
        continue;
      }
      return;
    }
    const { attemptsMax } = reconnect;
    this.#over({ kind: "gaveUp", attempts: attemptsMax, last: new ClosedError(last).message });
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#settings;
    return new Promise((done) => {
      if (signal.aborted) return done();
      const end = () => {
        clock.cancel(timer);
        signal.removeEventListener("abort", end);
        done();
      };
      const timer: Timer = clock.after(ms, end);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  #over(reason: CloseReason): void {
    const link = this.#link;
    this.#link = undefined;
    this.#reason = reason;
    this.#abort.abort(new ClosedError(reason));
    link?.close();
    this.#become({ state: "closed", reason });
  }

  #become(change: Omit<StateChange, "previous">): void {
    const previous = this.#state;
    this.#state = change.state;
    if (change.reason !== undefined) this.#reason = change.reason;
    this.#events.tell("state", { ...change, previous });
  }
}

/** The client was closed while the link was made. */
function abandon(link: { close(): void }, signal: AbortSignal): never {
  link.close();
  throw signal.reason;
}

/** What an attempt that failed with this means. */
function reasonOf(error: unknown): CloseReason {
  if (error instanceof ClosedError) return error.reason;
  if (error instanceof RefusedError) return { kind: "refused", code: error.code };
  return { kind: "lost", message: messageOf(error) };
}
