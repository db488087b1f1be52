import { describe, expect, it } from "vitest";
import { hash } from "../../src/art/pen";
import { Grid } from "../../src/world/grid";

/** The area of the specification's vector: a triangle and a rectangle on 200 × 120 pixels. */
const RUNS = [[], [], [{ start: 1, length: 3 }], [{ start: 1, length: 2 }], [{ start: 1, length: 1 }], [], [{ start: 3, length: 2 }], [], [], []];
const grid = new Grid({ width: 200, height: 120, weightMap: RUNS.map((collisions) => ({ collisions })) });

function drawn(): string[] {
  return Array.from({ length: grid.rows }, (_, row) => Array.from({ length: grid.columns }, (_c, column) => (grid.free(column, row) ? "." : "#")).join(""));
}

describe("the grid", () => {
  it("is what the runs say", () => {
    expect(drawn()).toEqual(["..........", "..###.....", "..##......", "..#...#...", "......#...", ".........."]);
  });

  it("ends at its borders", () => {
    expect(grid.reachable(0, 0)).toBe(true);
    expect(grid.reachable(199.9, 119.9)).toBe(true);
    expect(grid.reachable(200, 10)).toBe(false);
    expect(grid.reachable(-0.1, 10)).toBe(false);
  });

  it("takes columns without runs, and fewer than there are", () => {
    const bare = new Grid({ width: 60, height: 60, weightMap: [{}] });
    expect(bare.reachable(50, 50)).toBe(true);
  });
});

describe("the line check", () => {
  it("sees what stands across", () => {
    expect(grid.sees({ x: 10, y: 50 }, { x: 150, y: 50 })).toBe(false);
    expect(grid.sees({ x: 10, y: 30 }, { x: 150, y: 50 })).toBe(false);
    expect(grid.sees({ x: 10, y: 10 }, { x: 30, y: 110 })).toBe(true);
  });
});

/** A map with walls strewn over it. */
function among(seed: number): Grid {
  const columns = Array.from({ length: 30 }, () => new Set<number>());
  for (let i = 0; i < 4 + (seed % 24); i++) {
    const [left, top, wide, tall] = [hash(i, 1, seed) * 30, hash(i, 2, seed) * 20, 1 + hash(i, 3, seed) * 7, 1 + hash(i, 4, seed) * 4].map(Math.floor);
    for (let c = left ?? 0; c < Math.min(30, (left ?? 0) + (wide ?? 0)); c++) for (let r = 0; r < (tall ?? 0); r++) columns[c]?.add((top ?? 0) + r);
  }
  return new Grid({ width: 600, height: 400, weightMap: columns.map((rows) => ({ collisions: [...rows].map((start) => ({ start, length: 1 })) })) });
}

describe("the way", () => {
  const way = (x: number, y: number, x1: number, y1: number) => {
    const found = grid.find({ x, y }, { x: x1, y: y1 });
    return found === undefined ? undefined : { path: found.path.map((p) => [p.x, p.y]), cost: Number(found.cost.toFixed(3)) };
  };

  it("goes around, as the server's does", () => {
    expect(way(10, 10, 190, 110)).toEqual({ path: [[10, 10], [110, 10], [190, 110]], cost: 228.062 });
    expect(way(10, 110, 110, 30)).toEqual({ path: [[10, 110], [50, 90], [110, 30]], cost: 129.574 });
  });

  it("is straight where nothing stands", () => {
    expect(way(10, 10, 30, 110)).toEqual({ path: [[10, 10], [30, 110]], cost: 101.98 });
  });

  it("is none into a wall or out of the map", () => {
    expect(way(10, 10, 45, 45)).toBeUndefined();
    expect(way(10, 10, 300, 45)).toBeUndefined();
  });

  it("begins and ends exactly, and each part of it is seen by the strict check", () => {
    for (const [from, to] of [[{ x: 13, y: 7 }, { x: 183, y: 117 }], [{ x: 5, y: 115 }, { x: 119, y: 33 }], [{ x: 63, y: 65 }, { x: 30, y: 10 }]] as const) {
      const found = grid.find(from, to);
      expect(found?.path[0]).toEqual(from);
      expect(found?.path.at(-1)).toEqual(to);
      found?.path.slice(1).forEach((point, i) => expect(grid.sees(found.path[i] ?? from, point)).toBe(true));
    }
  });

  it("is found among many walls wherever there is one, and no part of it cuts a corner", () => {
    let found = 0;
    const faults: unknown[] = [];
    for (let round = 0; round < 300; round++) {
      const crowded = among(round);
      for (let i = 0; i < 12; i++) {
        const point = (n: number) => ({ x: hash(i, n, round) * 600, y: hash(i, n + 1, round) * 400 });
        const [from, to] = [point(20), point(30)];
        const there = crowded.find(from, to);
        if ((there === undefined) !== (crowded.find(to, from) === undefined)) faults.push([from, to]);
        if (there === undefined) continue;
        found += 1;
        if (there.path.some((next, n) => n > 0 && !crowded.sees(there.path[n - 1] ?? from, next))) faults.push(there.path);
      }
    }
    expect(faults).toEqual([]);
    expect(found).toBeGreaterThan(1_000);
  });

  it("ends near a wall that was clicked", () => {
    const near = grid.near({ x: 50, y: 50 });
    expect(near === undefined ? false : grid.reachable(near.x, near.y)).toBe(true);
  });
});
