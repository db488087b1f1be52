//! The server's grid of a map file, for a gallery without a server: blocked runs by column.

import type { Run } from "../protocol/messages";

interface Tiled {
  readonly layers: readonly { readonly name: string; readonly objects?: readonly { readonly x: number; readonly y: number; readonly width: number; readonly height: number; readonly polygon?: readonly { readonly x: number; readonly y: number }[] }[] }[];
}

export function gridRuns(map: Tiled, width: number, height: number): { collisions: Run[] }[] {
  const [columns, rows] = [Math.ceil(width / 20), Math.ceil(height / 20)];
  const blocked = Array.from({ length: columns }, () => new Uint8Array(rows));
  const block = (c: number, r: number) => {
    const column = blocked[c];
    if (column !== undefined && r >= 0 && r < rows) column[r] = 1;
  };
  for (const { x, y, width: w, height: h, polygon } of map.layers.find(({ name }) => name === "collision")?.objects ?? []) {
    const points = polygon?.map((p) => ({ x: p.x + x, y: p.y + y }));
    const xs = points?.map((p) => p.x) ?? [x, x + w];
    const ys = points?.map((p) => p.y) ?? [y, y + h];
    for (let c = Math.max(0, Math.floor(Math.min(...xs) / 20)); c < Math.min(columns, Math.ceil(Math.max(...xs) / 20)); c++)
      for (let r = Math.max(0, Math.floor(Math.min(...ys) / 20)); r < Math.min(rows, Math.ceil(Math.max(...ys) / 20)); r++) {
        const [mx, my] = [c * 20 + 10, r * 20 + 10];
        if (points === undefined || [[-5, -5], [5, -5], [-5, 5], [5, 5]].some(([dx = 0, dy = 0]) => inside(points, mx + dx, my + dy))) block(c, r);
      }
  }
  return blocked.map((column) => {
    const collisions: Run[] = [];
    for (let r = 0; r < rows; r++) {
      if (column[r] !== 1) continue;
      const last = collisions.at(-1);
      if (last !== undefined && last.start + last.length === r) last.length += 1;
      else collisions.push({ start: r, length: 1 });
    }
    return { collisions };
  });
}

/** Even-odd. */
function inside(points: readonly { x: number; y: number }[], x: number, y: number): boolean {
  let odd = false;
  let before = points.at(-1);
  for (const point of points) {
    if (before !== undefined && point.y > y !== before.y > y && x < ((before.x - point.x) * (y - point.y)) / (before.y - point.y) + point.x) odd = !odd;
    before = point;
  }
  return odd;
}
