//! What an area looks like, as the map's generator describes it next to the collision it makes of the same.

export type Biome = "desert" | "oasis" | "ice" | "arena" | "cave";

export interface XY {
  readonly x: number;
  readonly y: number;
}

/** Something that cannot be walked on. */
export interface Obstacle {
  readonly kind: string;
  /** Its outline on the map, in pixels. */
  readonly polygon: readonly XY[];
}

/** Something to look at. */
export interface Decoration {
  readonly kind: string;
  readonly x: number;
  readonly y: number;
  readonly size?: number;
}

export interface Road {
  readonly points: readonly XY[];
  readonly width: number;
}

export interface Scene {
  readonly biome: Biome;
  readonly width: number;
  readonly height: number;
  readonly obstacles: readonly Obstacle[];
  readonly decorations: readonly Decoration[];
  readonly roads: readonly Road[];
}

/** Obstacles that lie flat or fill their outline: they are part of the ground. */
export const FLAT: ReadonlySet<string> = new Set(["lake", "crevasse", "chasm", "ridge", "wall", "cliff", "water", "pool", "ice", "edge"]);

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function boxOf(points: readonly XY[]): Box {
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** Even-odd. */
export function inside(points: readonly XY[], x: number, y: number): boolean {
  let odd = false;
  let before = points[points.length - 1];
  for (const point of points) {
    if (before !== undefined && point.y > y !== before.y > y && x < ((before.x - point.x) * (y - point.y)) / (before.y - point.y) + point.x) odd = !odd;
    before = point;
  }
  return odd;
}
