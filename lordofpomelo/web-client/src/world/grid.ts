//! Where one can walk: the grid the server sends, the check of a straight line, and ways around. Knows no entity.

import type { SceneMap, Point } from "../protocol/messages";

const TILE = 20;
const STEP = 10;

/** Most tiles a search looks at; a way that needs more is none. */
const SEARCH_TILES_MAX = 90_000;

/** A way and how long it is. */
export interface Way {
  readonly path: Point[];
  readonly cost: number;
}

export class Grid {
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
  readonly #blocked: Uint8Array;

  constructor(map: Pick<SceneMap, "width" | "height" | "weightMap">) {
    this.width = map.width;
    this.height = map.height;
    this.columns = Math.ceil(map.width / TILE);
    this.rows = Math.ceil(map.height / TILE);
    this.#blocked = new Uint8Array(this.columns * this.rows);
    map.weightMap.slice(0, this.columns).forEach(({ collisions }, column) => {
      for (const { start, length } of collisions ?? [])
        for (let row = start; row < Math.min(start + length, this.rows); row++) this.#blocked[column * this.rows + row] = 1;
    });
  }

  /** Whether a tile can be walked on. */
  free(column: number, row: number): boolean {
    return column >= 0 && row >= 0 && column < this.columns && row < this.rows && this.#blocked[column * this.rows + row] === 0;
  }

  reachable(x: number, y: number): boolean {
    return x >= 0 && y >= 0 && x < this.width && y < this.height && this.free(Math.floor(x / TILE), Math.floor(y / TILE));
  }

  /** Whether one can walk straight from one point to the other. */
  sees(from: Point, to: Point): boolean {
    const dx = to.x - from.x;
    const dy = to.y - from.y;
    const long = Math.hypot(dx, dy);
    if (long === 0) return this.reachable(from.x, from.y);
    const steps = Math.ceil(long / STEP);
    let p = from;
    for (let i = 1; i <= steps; i++) {
      const t = Math.min(1, (i * STEP) / long);
      const q = { x: from.x + dx * t, y: from.y + dy * t };
      if (!this.#step(p, q)) return false;
      p = q;
    }
    return true;
  }

  #step(p: Point, q: Point): boolean {
    if (!this.reachable(p.x, p.y) || !this.reachable(q.x, q.y)) return false;
    const [c1, r1, c2, r2] = [Math.floor(p.x / TILE), Math.floor(p.y / TILE), Math.floor(q.x / TILE), Math.floor(q.y / TILE)];
    if (c1 === c2 || r1 === r2) return true;
    // Over a corner: the tile in between must be free, too.
    const xMax = Math.max(c1, c2) * TILE;
    const yMax = Math.max(r1, r2) * TILE;
    if (Math.min(p.y, q.y) === yMax) return true;
    const k = (q.y - p.y) / (q.x - p.x);
    const cross = p.x + (yMax - p.y) / k;
    const x = (cross + xMax) / 2;
    return this.reachable(x, p.y + (x - p.x) * k);
  }

  /** The way to a point, or none. */
  find(from: Point, to: Point): Way | undefined {
    if (!this.reachable(from.x, from.y) || !this.reachable(to.x, to.y)) return undefined;
    if (this.sees(from, to)) return { path: [from, to], cost: Math.hypot(to.x - from.x, to.y - from.y) };
    const tiles = this.#search(from, to);
    if (tiles === undefined) return undefined;
    // The middle of a tile next to it is seen from everywhere in a tile: the ends can be exact before anything is left out.
    const steps = tiles.map(([c, r]) => ({ x: c * TILE + TILE / 2, y: r * TILE + TILE / 2 }));
    [steps[0], steps[steps.length - 1]] = [from, to];
    const path = this.#straighten(steps);
    let cost = 0;
    for (let i = 1; i < path.length; i++) cost += distance(path[i - 1], path[i]);
    return { path, cost };
  }

  /** A point near `to` that can be reached, for clicks on walls. */
  near(to: Point): Point | undefined {
    if (this.reachable(to.x, to.y)) return to;
    for (let ring = 1; ring < 12; ring++)
      for (let k = 0; k < 16; k++) {
        const a = (k / 16) * Math.PI * 2;
        const p = { x: to.x + Math.cos(a) * ring * TILE * 0.7, y: to.y + Math.sin(a) * ring * TILE * 0.7 };
        if (this.reachable(p.x, p.y)) return p;
      }
    return undefined;
  }

  #search(from: Point, to: Point): (readonly [number, number])[] | undefined {
    const { rows } = this;
    const start = Math.floor(from.x / TILE) * rows + Math.floor(from.y / TILE);
    const [tc, tr] = [Math.floor(to.x / TILE), Math.floor(to.y / TILE)];
    const goal = tc * rows + tr;
    const cost = new Map<number, number>([[start, 0]]);
    const before = new Map<number, number>();
    const open = new Heap();
    open.push(start, 0);
    const done = new Set<number>();
    while (done.size < SEARCH_TILES_MAX) {
      const tile = open.pop();
      if (tile === undefined) return undefined;
      if (tile === goal) break;
      if (done.has(tile)) continue;
      done.add(tile);
      const c = Math.floor(tile / rows);
      const r = tile % rows;
      const next = (cost.get(tile) ?? 0) + 1;
      for (const [nc, nr] of [[c, r - 1], [c + 1, r], [c, r + 1], [c - 1, r]] as const) {
        if (!this.free(nc, nr)) continue;
        const n = nc * rows + nr;
        if (next >= (cost.get(n) ?? Number.POSITIVE_INFINITY)) continue;
        cost.set(n, next);
        before.set(n, tile);
        open.push(n, next + Math.hypot(nc - tc, nr - tr));
      }
    }
    if (!before.has(goal)) return undefined;
    const tiles: (readonly [number, number])[] = [];
    for (let tile: number | undefined = goal; tile !== undefined; tile = before.get(tile)) tiles.push([Math.floor(tile / rows), tile % rows]);
    return tiles.toReversed();
  }

  /** Leaves out points without which the way is the same, and points that the one before sees past: as the server does. */
  #straighten(points: readonly Point[]): Point[] {
    let path = withoutMiddles(points, () => true);
    for (let round = 0; round < 3; round++) {
      const kept: Point[] = [];
      for (let i = 0; i < path.length; ) {
        const p = path[i];
        const over = path[i + 2];
        if (p === undefined) break;
        kept.push(p);
        i += over !== undefined && this.sees(p, over) ? 2 : 1;
      }
      path = kept;
    }
    // A slanting line that passes a tile's corner may be free in pieces and not as a whole: it is looked at in steps from its start.
    return withoutMiddles(path, (from, to) => this.sees(from, to));
  }
}

export function distance(a: Point | undefined, b: Point | undefined): number {
  return a === undefined || b === undefined ? 0 : Math.hypot(a.x - b.x, a.y - b.y);
}

/** Without points in the middle of a straight piece that is free. */
function withoutMiddles(points: readonly Point[], isFree: (from: Point, to: Point) => boolean): Point[] {
  const kept: Point[] = [];
  points.forEach((b, i) => {
    const a = kept.at(-1);
    const c = points[i + 1];
    const needless = a !== undefined && c !== undefined && (b.x - a.x) * (c.y - b.y) === (b.y - a.y) * (c.x - b.x) && (b.x - a.x) * (c.x - b.x) + (b.y - a.y) * (c.y - b.y) >= 0 && isFree(a, c);
    if (!needless) kept.push(b);
  });
  return kept;
}

/** Smallest first. */
class Heap {
  readonly #at: { tile: number; rank: number }[] = [];

  push(tile: number, rank: number): void {
    const heap = this.#at;
    let i = heap.length;
    const one = { tile, rank };
    heap.push(one);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || parent.rank <= rank) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = one;
  }

  pop(): number | undefined {
    const heap = this.#at;
    const [top] = heap;
    const last = heap.pop();
    if (top === undefined || last === undefined) return undefined;
    if (heap.length === 0) return top.tile;
    let i = 0;
    for (;;) {
      let down = i * 2 + 1;
      if (down >= heap.length) break;
      if ((heap[down + 1]?.rank ?? Number.POSITIVE_INFINITY) < (heap[down]?.rank ?? 0)) down += 1;
      const child = heap[down];
      if (child === undefined || child.rank >= last.rank) break;
      heap[i] = child;
      i = down;
    }
    heap[i] = last;
    return top.tile;
  }
}
