import { describe, expect, it } from "vitest";
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
  it("never looks at lines along an axis when lenient, and always when strict", () => {
    const [from, to] = [{ x: 10, y: 50 }, { x: 150, y: 50 }];
    expect(grid.sees(from, to, "lenient")).toBe(true);
    expect(grid.sees(from, to, "strict")).toBe(false);
  });

  it("sees what stands across", () => {
    expect(grid.sees({ x: 10, y: 30 }, { x: 150, y: 50 }, "lenient")).toBe(false);
    expect(grid.sees({ x: 10, y: 10 }, { x: 30, y: 110 })).toBe(true);
  });
});

describe("the way", () => {
  const way = (x: number, y: number, x1: number, y1: number) => {
    const found = grid.find({ x, y }, { x: x1, y: y1 }, "lenient");
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

  it("ends near a wall that was clicked", () => {
    const near = grid.near({ x: 50, y: 50 });
    expect(near === undefined ? false : grid.reachable(near.x, near.y)).toBe(true);
  });
});
