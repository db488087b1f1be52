//! Requests that wait for their answers.

import { BusyError, TimeoutError } from "../errors.js";
import { ID_MAX } from "../protocol/message.js";
import type { Clock, Timer } from "./clock.js";

/** A request and who waits for its answer. */
interface Waiting {
  readonly route: string;
  readonly done: (answer: Answer) => void;
  readonly failed: (error: unknown) => void;
  readonly timer: Timer;
  readonly unlisten: () => void;
}

/** What came back: still bytes, since what they mean depends on the route. */
export interface Answer {
  readonly route: string;
  readonly error: boolean;
  readonly body: Uint8Array;
}

/** How long to wait, and for whom. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A request that has its place in the table. */
export interface Place {
  readonly id: number;
  readonly answer: Promise<Answer>;
}

/** The table of one connection. Holds at most `max` requests; one more throws a `BusyError`. */
export class Pending {
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(
    readonly max: number,
    readonly clock: Clock,
  ) {}

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Takes a place for a request. The promise fails after the time-out, with the reason of the signal, or on `fail`. */
  begin(route: string, { timeoutMs, signal }: Patience): Place {
    if (this.#waiting.size >= this.max) throw new BusyError("pendingRequestsMax", this.max);
    signal?.throwIfAborted();
    const id = this.#nextId();
    const answer = new Promise<Answer>((done, failed) => {
      const timer = this.clock.after(timeoutMs, () => this.#end(id)?.failed(new TimeoutError(route, timeoutMs)));
      const abort = () => this.#end(id)?.failed(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      const unlisten = () => signal?.removeEventListener("abort", abort);
      this.#waiting.set(id, { route, done, failed, timer, unlisten });
    });
    return { id, answer };
  }

  /** An answer came. One that nobody waits for any more is dropped. */
  answered(id: number, error: boolean, body: Uint8Array): void {
    const waiting = this.#end(id);
    waiting?.done({ route: waiting.route, error, body });
  }

  /** One request fails: it could not be sent. */
  abandon(id: number): void {
    this.#end(id);
  }

  /** All that wait fail. */
  fail(error: unknown): void {
    for (const id of this.#waiting.keys()) this.#end(id)?.failed(error);
  }

  #end(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(id);
    this.clock.cancel(waiting.timer);
    waiting.unlisten();
    return waiting;
  }

  /** From 1 on, and again from 1 after the last one; never one that is in use. */
  #nextId(): number {
    do {
      this.#lastId = this.#lastId >= ID_MAX ? 1 : this.#lastId + 1;
    } while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }
}
