//! How long to wait before the next attempt to connect again. Decides only.

/** Settings of the waits between attempts. */
export interface Backoff {
  /** The longest first wait. */
  readonly firstMs: number;
  /** The longest wait of all. */
  readonly maxMs: number;
  /** How many attempts before it is given up. */
  readonly attemptsMax: number;
}

/**
 * The wait before an attempt, counted from 1: between a half and the whole of a time that doubles with each. The chance
 * keeps the clients of a server that died from coming back all at once. `random` is from 0 to 1.
 */
export function delayMs({ firstMs, maxMs }: Backoff, attempt: number, random: number): number {
  const longest = Math.min(maxMs, firstMs * 2 ** (attempt - 1));
  return longest * (0.5 + random / 2);
}
