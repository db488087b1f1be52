//! Walking along a path at a speed: where somebody is at a time, and which way he looks.

import type { Point } from "../protocol/messages";

export interface Walk {
  readonly path: readonly Point[];
  /** Pixels per second. */
  readonly speed: number;
  readonly startedAt: number;
}

export interface Step extends Point {
  /** Of the segment walked on. */
  readonly dx: number;
  readonly dy: number;
  readonly done: boolean;
}

/** Where the walk is at a time. */
export function stepAt(walk: Walk, now: number): Step {
  let left = Math.max(0, ((now - walk.startedAt) / 1000) * walk.speed);
  let [before] = walk.path;
  let [dx, dy] = [0, 1];
  for (let i = 1; i < walk.path.length; i++) {
    const point = walk.path[i];
    if (before === undefined || point === undefined) break;
    [dx, dy] = [point.x - before.x, point.y - before.y];
    const long = Math.hypot(dx, dy);
    if (left < long) return { x: before.x + (dx / long) * left, y: before.y + (dy / long) * left, dx, dy, done: false };
    left -= long;
    before = point;
  }
  return { x: before?.x ?? 0, y: before?.y ?? 0, dx, dy, done: true };
}
