//! When to beat, when the server is dead, and how long a beat takes there and back. Decides only: the time is told.
//!
//! A server answers each beat of a client with one of its own, at once; the client beats one interval after that. So the time
//! from a beat to its answer is the ping.

/** How late a timer may be before it was not the server that was silent but this program that did not run. */
const OVERSLEPT_MS = 1000;

/** What is to be done now. */
export type Tick = "beat" | "dead" | undefined;

/** Heartbeats of one connection, from the end of its handshake on. Times are milliseconds of any clock. */
export class Heartbeat {
  #heard: number;
  #beatAt: number;
  /** When the beat was sent that is not answered yet. */
  #sent: number | undefined;

  /** `intervalMs` is above 0. The acknowledgement of the handshake, sent now, is answered with the first beat. */
  constructor(
    readonly intervalMs: number,
    now: number,
  ) {
    this.#heard = now;
    this.#sent = now;
    this.#beatAt = now + intervalMs;
  }

  /** How long the server may be silent. */
  get silenceMaxMs(): number {
    return this.intervalMs * 2;
  }

  /** Something came from the server, whatever it was. */
  heard(now: number): void {
    this.#heard = now;
  }

  /** The server beat. Returns how long the answer took, if it was one. */
  answered(now: number): number | undefined {
    this.#heard = now;
    this.#beatAt = now + this.intervalMs;
    const ping = this.#sent === undefined ? undefined : now - this.#sent;
    this.#sent = undefined;
    return ping;
  }

  /** A beat is sent now: because it was due, or because somebody wants to know the ping. */
  sent(now: number): void {
    this.#sent ??= now;
    this.#beatAt = now + this.intervalMs;
  }

  /** When to look again. */
  get due(): number {
    return Math.min(this.#beatAt, this.#heard + this.silenceMaxMs);
  }

  /** What is due. A program that slept gives the server an interval to be heard. */
  tick(now: number): Tick {
    if (now < this.due) return undefined;
    const dead = this.#heard + this.silenceMaxMs;
    if (now < dead) return "beat";
    if (now - this.due <= OVERSLEPT_MS) return "dead";
    this.#heard = now - this.intervalMs;
    this.#sent = undefined;
    return "beat";
  }
}
