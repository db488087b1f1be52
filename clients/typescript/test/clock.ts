//! A clock that stands until it is told to go on.

import type { Clock } from "../src/index.js";

interface Alarm {
  readonly at: number;
  readonly run: () => void;
}

/** Time that a test moves. */
export class FakeClock implements Clock {
  #now = 1000;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Alarm {
    const alarm = { at: this.#now + ms, run };
    this.#alarms.add(alarm);
    return alarm;
  }

  cancel(alarm: unknown): void {
    this.#alarms.delete(alarm as Alarm);
  }

  /** How many timers are set. */
  get alarms(): number {
    return this.#alarms.size;
  }

  /** Lets so much time pass; timers run in order, and whatever waits for them. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settled();
      const [next] = [...this.#alarms].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#alarms.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
    await settled();
  }

  /** As a machine that slept: the time is another at once, and timers run late. */
  async sleep(ms: number): Promise<void> {
    this.#now += ms;
    await this.pass(0);
  }
}

/** Everything that could run has run. */
export function settled(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
