//! Patches of other ground that one can walk on: camps, paving, meadows, frozen lakes.

import { type Pen, hash, spot, stroke } from "./pen";
import type { Biome, Box, Shape } from "./scene";

interface Look {
  readonly color: string;
  /** Soft edge, in pixels. */
  readonly edge: number;
  readonly step: number;
  readonly put: (q: Pen, x: number, y: number, a: number, biome: Biome) => void;
}

const blades = (color: string) => (q: Pen, x: number, y: number, a: number) =>
  stroke(q, color, 1.6, (p) => {
    for (let b = -2; b < 3; b++) {
      p.moveTo(x + b, y);
      p.quadraticCurveTo(x + b * 2, y - 7, x + b * 4, y - 9 - a * 6);
    }
  });

const LOOKS: Readonly<Record<string, Look>> = {
  camp: { color: "rgba(150,108,66,.30)", edge: 34, step: 46, put: (q, x, y, a) => spot(q, "rgba(80,50,26,.16)", x, y, 10 + a * 12, 4 + a * 5) },
  paving: {
    color: "rgba(190,168,130,.30)", edge: 16, step: 40,
    put(q, x, y, a) {
      if (a < 0.25) return;
      q.fillStyle = a < 0.6 ? "rgba(214,196,160,.8)" : "rgba(190,170,134,.8)";
      q.strokeStyle = "rgba(80,60,38,.5)";
      q.lineWidth = 1.6;
      q.beginPath();
      q.roundRect(x - 15, y - 10, 30 - a * 6, 19 - a * 4, 4);
      q.fill();
      q.stroke();
      stroke(q, "rgba(255,250,230,.4)", 1.2, (p) => {
        p.moveTo(x - 11, y - 8);
        p.lineTo(x + 8, y - 8);
      });
    },
  },
  gravel: {
    color: "rgba(90,70,54,.22)", edge: 24, step: 17,
    put(q, x, y, a) {
      spot(q, "rgba(50,34,24,.45)", x, y, 2 + a * 3, 1.5 + a * 2);
      spot(q, "rgba(255,240,214,.3)", x - 0.8, y - 0.8, 1 + a * 1.4, 0.8 + a);
    },
  },
  meadow: {
    color: "rgba(150,200,84,.34)", edge: 30, step: 22,
    put(q, x, y, a) {
      blades(a < 0.5 ? "rgba(64,120,46,.7)" : "rgba(196,226,110,.6)")(q, x, y, a);
      if (a > 0.72) {
        const color = ["#ff9ac0", "#ffe27a", "#ffffff", "#b9a0ff"][Math.floor(a * 997) % 4] ?? "#fff";
        for (let i = 0; i < 5; i++) spot(q, color, x + 6 + Math.cos(i * 1.257) * 3, y - 8 + Math.sin(i * 1.257) * 2.4, 2.1, 1.9);
        spot(q, "#f2a83a", x + 6, y - 8, 1.5);
      }
    },
  },
  shore: { color: "rgba(226,200,140,.62)", edge: 26, step: 30, put: (q, x, y, a) => spot(q, a < 0.6 ? "rgba(150,120,70,.25)" : "rgba(255,250,226,.6)", x, y, 1.6 + a * 2, 1.2 + a) },
  frozen: {
    color: "rgba(130,200,236,.62)", edge: 12, step: 70,
    put(q, x, y, a) {
      stroke(q, "rgba(255,255,255,.75)", 1.6, (p) => {
        p.moveTo(x - 16, y + 6 * a);
        p.lineTo(x, y);
        p.lineTo(x + 20, y - 9 * a);
        p.moveTo(x, y);
        p.lineTo(x + 6, y + 14 * a);
      });
      if (a > 0.6) spot(q, "rgba(255,255,255,.35)", x + 18, y + 20, 26, 6, -0.3);
    },
  },
  snow: { color: "rgba(255,255,255,.6)", edge: 30, step: 44, put: (q, x, y, a) => {
    spot(q, "rgba(130,170,210,.25)", x, y + 3, 18 * a + 8, 5 * a + 3);
    spot(q, "rgba(255,255,255,.9)", x, y, 18 * a + 8, 4.4 * a + 3);
  } },
  moss: { color: "rgba(70,150,120,.28)", edge: 26, step: 24, put: (q, x, y, a) => {
    spot(q, "rgba(96,190,140,.3)", x, y, 9 + a * 6, 4 + a * 3);
    if (a > 0.7) spot(q, "rgba(180,255,220,.8)", x, y - 1, 1.6);
  } },
  lair: {
    color: "rgba(60,30,20,.28)", edge: 34, step: 78,
    put(q, x, y, a) {
      stroke(q, "rgba(40,18,10,.4)", 2.4, (p) => {
        for (let i = 0; i < 3; i++) {
          p.moveTo(x + i * 7, y);
          p.quadraticCurveTo(x + i * 7 + 6, y + 10, x + i * 7 + 4, y + 22);
        }
      });
      if (a > 0.6) for (const [color, width] of [["rgba(90,66,40,.6)", 5], ["rgba(255,248,226,.9)", 3]] as const) stroke(q, color, width, (p) => {
        p.moveTo(x - 14, y - 8);
        p.lineTo(x - 2, y - 14);
      });
    },
  },
};

export function drawPatch(q: Pen, biome: Biome, { kind, path, box }: Shape, near: Box): void {
  const look = LOOKS[kind];
  if (look === undefined) return;
  q.save();
  // A soft edge: the same colour again and again, a little wider.
  q.strokeStyle = look.color.replace(/[\d.]+(?=\)$)/, (alpha) => String(Number(alpha) * 0.22));
  for (const part of [1, 0.66, 0.33]) {
    q.lineWidth = look.edge * 2 * part;
    q.stroke(path);
  }
  q.fillStyle = look.color;
  q.fill(path, "evenodd");
  if (kind === "frozen") {
    q.strokeStyle = "rgba(255,255,255,.9)";
    q.lineWidth = 4;
    q.stroke(path);
  }
  q.clip(path, "evenodd");
  const { step } = look;
  const [x1, x2] = [Math.floor(Math.max(near.left, box.left) / step), Math.ceil(Math.min(near.right, box.right) / step)];
  const [y1, y2] = [Math.floor(Math.max(near.top, box.top) / step), Math.ceil(Math.min(near.bottom, box.bottom) / step)];
  for (let j = y1; j <= y2; j++)
    for (let i = x1; i <= x2; i++) look.put(q, (i + hash(i, j, 41)) * step, (j + hash(j, i, 43)) * step, hash(i, j, 47), biome);
  q.restore();
}
