//! Ground that blocks: water, crevasses, walls, mesas, groves. It fills its rings exactly and never reaches out of them, so that
//! nobody stands where he is not seen.

import { type Fill, type Pen, clamp, hash, noise, spot } from "./pen";
import type { Biome, Box, Shape } from "./scene";

interface Rock {
  readonly top: Fill;
  readonly side: Fill;
  readonly edge: string;
  readonly line: string;
  readonly high: number;
}

const MESA: Rock = { top: ["#dcb487", "#c0905f"], side: ["#9c6e48", "#5c3c26"], edge: "rgba(255,240,208,.75)", line: "#4a2c18", high: 38 };
const RIDGE: Rock = { top: ["#f6fbff", "#c6def2"], side: ["#8ab8dc", "#3f6f9f"], edge: "rgba(255,255,255,.95)", line: "#24486b", high: 42 };
const WALL: Rock = { top: ["#cdb796", "#a98c69"], side: ["#8d7152", "#4a3422"], edge: "rgba(255,244,220,.65)", line: "#38241a", high: 50 };
const STONE: Rock = { top: ["#40384c", "#353042"], side: ["#78677c", "#2e2636"], edge: "rgba(222,204,236,.35)", line: "#17111f", high: 46 };

/** Draws what of it is within `near`. */
export function drawTerrain(q: Pen, biome: Biome, shape: Shape, near: Box): void {
  switch (shape.kind) {
    case "water":
    case "pool":
      return water(q, shape, near, shape.kind === "pool");
    case "crevasse":
      return crevasse(q, shape);
    case "grove":
      return grove(q, shape, near, ["#5f9a4c", "#356b38"], "#244d2a");
    case "forest":
      return grove(q, shape, near, ["#bcd4e0", "#86a9bb"], "#4f7488");
    case "stands":
      return stands(q, shape, near);
    case "outside":
      return outside(q, shape, near);
    case "mesa":
      return massif(q, shape, MESA, near);
    case "ridge":
      return massif(q, shape, RIDGE, near);
    case "wall":
      return massif(q, shape, WALL, near);
    default:
      return massif(q, shape, biome === "ice" ? RIDGE : biome === "desert" ? MESA : STONE, near);
  }
}

/** Points strewn over what of the shape is near, the same wherever the chunks' borders are. */
function strewn(near: Box, box: Box, step: number, seed: number, put: (x: number, y: number, a: number) => void): void {
  const [x1, x2] = [Math.floor(Math.max(near.left, box.left) / step), Math.ceil(Math.min(near.right, box.right) / step)];
  const [y1, y2] = [Math.floor(Math.max(near.top, box.top) / step), Math.ceil(Math.min(near.bottom, box.bottom) / step)];
  for (let j = y1; j <= y2; j++)
    for (let i = x1; i <= x2; i++) put((i + hash(i, j, seed)) * step, (j + hash(j, i, seed + 1)) * step, hash(i, j, seed + 2));
}

function clipped(q: Pen, path: Path2D, draw: () => void): void {
  q.save();
  q.clip(path, "evenodd");
  draw();
  q.restore();
}

function line(q: Pen, path: Path2D, color: string, width: number): void {
  q.strokeStyle = color;
  q.lineWidth = width;
  q.stroke(path);
}

function moved(q: Pen, dx: number, dy: number, draw: () => void): void {
  q.save();
  q.translate(dx, dy);
  draw();
  q.restore();
}

function water(q: Pen, { path, box }: Shape, near: Box, dark: boolean): void {
  for (const [wide, alpha] of [[46, 0.22], [28, 0.4], [14, 0.6]] as const) line(q, path, dark ? `rgba(70,90,110,${alpha * 0.6})` : `rgba(236,212,154,${alpha})`, wide);
  q.fillStyle = dark ? "#1f5f74" : "#31b4c0";
  q.fill(path, "evenodd");
  clipped(q, path, () => {
    strewn(near, box, 120, 5, (x, y, a) => spot(q, dark ? `rgba(20,40,70,${0.2 + a * 0.2})` : `rgba(14,110,150,${0.1 + a * 0.16})`, x, y, 90 + a * 50, 60 + a * 40));
    for (const [wide, color] of [[96, "rgba(120,232,222,.12)"], [56, "rgba(160,246,230,.16)"], [22, "rgba(210,255,244,.26)"]] as const) line(q, path, color, dark ? wide * 0.6 : wide);
    moved(q, 0, 5, () => line(q, path, "rgba(6,50,70,.28)", 9));
    strewn(near, box, 58, 7, (x, y, a) => {
      q.strokeStyle = `rgba(240,255,252,${dark ? 0.1 + a * 0.12 : 0.16 + a * 0.34})`;
      q.lineWidth = 1.8;
      q.beginPath();
      q.moveTo(x, y);
      q.quadraticCurveTo(x + 6 + a * 9, y - 4, x + 12 + a * 18, y);
      q.stroke();
    });
  });
  line(q, path, dark ? "rgba(10,24,34,.8)" : "rgba(38,88,84,.6)", 2.4);
}

function crevasse(q: Pen, { path }: Shape): void {
  line(q, path, "rgba(255,255,255,.5)", 12);
  q.fillStyle = "#123263";
  q.fill(path, "evenodd");
  clipped(q, path, () => {
    for (const [dy, color, wide] of [[0, "#6fb4e4", 26], [10, "#3d7fbd", 26], [22, "#245a98", 28], [38, "#183f76", 30]] as const) moved(q, 0, dy - 10, () => line(q, path, color, wide));
    moved(q, 0, 70, () => line(q, path, "rgba(4,14,40,.5)", 60));
  });
  line(q, path, "rgba(255,255,255,.95)", 5);
  line(q, path, "#2d5f92", 2);
}

/** Growth so dense that nobody gets through; its trees stand on it. */
function grove(q: Pen, { path, box }: Shape, near: Box, fill: Fill, dark: string): void {
  line(q, path, "rgba(20,40,20,.16)", 22);
  q.fillStyle = fill[1];
  q.fill(path, "evenodd");
  clipped(q, path, () => {
    strewn(near, box, 24, 11, (x, y, a) => {
      spot(q, dark, x, y + 4, 15, 10);
      spot(q, a < 0.5 ? fill[0] : fill[1], x, y, 14 + a * 4, 9 + a * 3);
      spot(q, "rgba(255,255,230,.16)", x - 3, y - 4, 7, 3.4);
    });
    moved(q, 0, -4, () => line(q, path, "rgba(10,30,16,.3)", 8));
  });
  line(q, path, dark, 2.6);
}

function stands(q: Pen, { path, box }: Shape, near: Box): void {
  q.fillStyle = "#8d7456";
  q.fill(path, "evenodd");
  clipped(q, path, () => {
    const row = 24;
    for (let y = Math.floor(near.top / row) * row; y < Math.min(near.bottom, box.bottom) + row; y += row) {
      q.fillStyle = "rgba(255,240,210,.22)";
      q.fillRect(near.left, y, near.right - near.left, 9);
      q.fillStyle = "rgba(40,22,10,.32)";
      q.fillRect(near.left, y + 17, near.right - near.left, 7);
    }
    // Those who watch.
    strewn(near, box, 24, 17, (x, y, a) => {
      if (a < 0.42) return;
      const by = Math.round(y / row) * row + 4;
      const color = ["#c9574a", "#4f86c0", "#d9a441", "#6aa05a", "#8a6ab8", "#d8cdb8"][Math.floor(a * 611) % 6] ?? "#c9574a";
      spot(q, "rgba(30,14,6,.4)", x, by + 5, 7, 4);
      spot(q, color, x, by, 6.4, 6.6);
      spot(q, ["#f3cfa4", "#b97b4e", "#ffe6c8"][Math.floor(a * 89) % 3] ?? "#f3cfa4", x, by - 8, 4.6, 4.6);
      spot(q, "rgba(50,26,12,.9)", x, by - 10.4, 4.6, 2.8);
    });
    line(q, path, "rgba(30,14,6,.4)", 18);
  });
  line(q, path, "#38241a", 3);
}

function outside(q: Pen, { path, box }: Shape, near: Box): void {
  q.fillStyle = "#4d3a2a";
  q.fill(path, "evenodd");
  clipped(q, path, () => {
    strewn(near, box, 70, 23, (x, y, a) => spot(q, a < 0.5 ? "rgba(24,12,6,.25)" : "rgba(150,112,76,.16)", x, y, 46 + a * 30, 28 + a * 18));
    strewn(near, box, 40, 27, (x, y, a) => {
      if (a > 0.5) spot(q, "rgba(130,100,70,.5)", x, y, 3 + a * 3, 2 + a * 2);
    });
    line(q, path, "rgba(14,6,2,.5)", 26);
  });
}

/** A table of rock: its top, and its sides to the south. */
function massif(q: Pen, shape: Shape, rock: Rock, near: Box): void {
  const { path, box, rings } = shape;
  const high = Math.min(rock.high, (box.bottom - box.top) * 0.45);
  // Its shadow on the ground; what falls inside is painted over.
  moved(q, 4, 9, () => {
    line(q, path, "rgba(24,10,2,.14)", 26);
    line(q, path, "rgba(24,10,2,.22)", 12);
  });
  q.fillStyle = rock.side[1];
  q.fill(path, "evenodd");
  clipped(q, path, () => {
    for (const ring of rings) faces(q, ring, rock, high, near);
    moved(q, 0, -high, () => {
      q.fillStyle = rock.top[1];
      q.fill(path, "evenodd");
      clipped(q, path, () => {
        tops(q, box, rock, { left: near.left, right: near.right, top: near.top + high, bottom: near.bottom + high });
        line(q, path, "rgba(0,0,0,.14)", 26);
      });
      line(q, path, rock.line, 2.6);
      moved(q, 0, -3, () => line(q, path, rock.edge, 2.2));
    });
  });
  line(q, path, rock.line, 3);
}

function faces(q: Pen, ring: readonly (readonly [number, number])[], rock: Rock, high: number, near: Box): void {
  ring.forEach(([ax, ay], i) => {
    const [bx, by] = ring[(i + 1) % ring.length] ?? [ax, ay];
    if (Math.max(ax, bx) < near.left || Math.min(ax, bx) > near.right || Math.max(ay, by) < near.top || Math.min(ay, by) - high > near.bottom) return;
    const low = Math.max(ay, by);
    const g = q.createLinearGradient(0, low - high, 0, low);
    g.addColorStop(0, rock.side[0]);
    g.addColorStop(1, rock.side[1]);
    q.fillStyle = g;
    q.beginPath();
    q.moveTo(ax, ay);
    q.lineTo(bx, by);
    q.lineTo(bx, by - high - 2);
    q.lineTo(ax, ay - high - 2);
    q.closePath();
    q.fill();
    // Faces towards the light are lighter.
    const slope = (by - ay) / Math.max(1, Math.hypot(bx - ax, by - ay));
    q.fillStyle = slope * Math.sign(bx - ax) < 0 ? `rgba(0,0,0,${clamp(Math.abs(slope) * 0.3, 0, 0.2)})` : `rgba(255,240,210,${clamp(Math.abs(slope) * 0.25, 0, 0.14)})`;
    q.fill();
    const long = Math.hypot(bx - ax, by - ay);
    q.strokeStyle = "rgba(0,0,0,.2)";
    q.lineWidth = 1.6;
    for (let k = 0; k < Math.ceil(long / 30); k++) {
      const t = (k + hash(Math.round(ax), Math.round(ay) + k, 3)) / Math.ceil(long / 30);
      const [x, y] = [ax + (bx - ax) * t, ay + (by - ay) * t];
      q.beginPath();
      q.moveTo(x, y - high * (0.08 + hash(i, k, 8) * 0.4));
      q.lineTo(x + (hash(i, k, 5) - 0.5) * 7, y - high * 0.95);
      q.stroke();
    }
  });
}

function tops(q: Pen, box: Box, rock: Rock, near: Box): void {
  strewn(near, box, 64, 13, (x, y, a) => {
    const light = noise(x / 220, y / 220, 4);
    spot(q, light > 0.5 ? rock.top[0] : "rgba(20,8,16,.10)", x, y, 50 + a * 26, 28 + a * 16);
  });
  strewn(near, box, 52, 19, (x, y, a) => {
    if (a < 0.4) spot(q, "rgba(20,8,16,.12)", x, y, 9 + a * 16, 4 + a * 8);
    else if (a < 0.7) spot(q, rock.edge, x, y, 1.4 + a * 2, 1 + a);
    else {
      q.strokeStyle = rock.line;
      q.globalAlpha = 0.3;
      q.lineWidth = 1.6;
      q.beginPath();
      q.moveTo(x - 9, y);
      q.lineTo(x, y - 4 * a);
      q.lineTo(x + 10, y + 3);
      q.stroke();
      q.globalAlpha = 1;
    }
  });
}
