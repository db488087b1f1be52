//! The time and its timers, so that tests can have a clock of their own.

/** What a clock gives for a timer. */
export type Timer = unknown;

/** Milliseconds that never go back, and timers. */
export interface Clock {
  now(): number;
  after(ms: number, run: () => void): Timer;
  cancel(timer: Timer): void;
}

/** The longest wait that timers of the platform know; longer ones would fire at once. */
const WAIT_MAX_MS = 0x7fff_ffff;

/** The clock of the platform. */
export const platformClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => setTimeout(run, Math.min(ms, WAIT_MAX_MS)),
  cancel: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
