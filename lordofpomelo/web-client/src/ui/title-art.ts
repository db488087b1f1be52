//! The picture behind the login: dunes in the evening, the heroes, and what waits for them.

import { figureOf } from "../art/figures";
import { type Moment, paint } from "../art/figure";
import { type Pen, at, glow, hash, shadow, spot } from "../art/pen";
import { propOf } from "../art/props";

/** Painted for this size; it is laid over the page from its middle. */
const WIDE = 1600;
const HIGH = 900;

export function paintTitle(canvas: HTMLCanvasElement, width: number, height: number): void {
  const scale = Math.max(width / WIDE, height / HIGH);
  canvas.width = Math.ceil(width);
  canvas.height = Math.ceil(height);
  const q = canvas.getContext("2d");
  if (q === null) return;
  q.lineJoin = q.lineCap = "round";
  q.translate(width / 2, height / 2);
  q.scale(scale, scale);
  q.translate(-WIDE / 2, -HIGH / 2);
  sky(q);
  mountains(q);
  dunes(q);
  const narrow = width / scale < 900;
  people(q, narrow);
  const g = q.createRadialGradient(WIDE / 2, HIGH * 0.45, 260, WIDE / 2, HIGH / 2, 1000);
  g.addColorStop(0, "rgba(30,10,4,0)");
  g.addColorStop(1, "rgba(24,8,8,.72)");
  q.fillStyle = g;
  q.fillRect(-WIDE, -HIGH, WIDE * 3, HIGH * 3);
}

function sky(q: Pen): void {
  const g = q.createLinearGradient(0, 0, 0, HIGH * 0.66);
  g.addColorStop(0, "#2c2350");
  g.addColorStop(0.4, "#8a4470");
  g.addColorStop(0.75, "#ee8a52");
  g.addColorStop(1, "#ffd27a");
  q.fillStyle = g;
  q.fillRect(-WIDE, -HIGH, WIDE * 3, HIGH * 3);
  for (let i = 0; i < 90; i++) spot(q, `rgba(255,246,220,${0.3 + hash(i, 3, 3) * 0.6})`, hash(i, 1, 1) * WIDE, hash(i, 2, 2) * 260, 0.7 + hash(i, 4, 4) * 1.3);
  glow(q, "#fff0b0", WIDE / 2, 470, 420, 0.85);
  spot(q, "#fff3c4", WIDE / 2, 470, 96);
  for (let i = 0; i < 9; i++) {
    const y = 120 + hash(i, 7, 7) * 260;
    const x = hash(i, 8, 8) * WIDE;
    for (let k = 0; k < 5; k++) spot(q, `rgba(255,${170 + k * 10},140,.16)`, x + k * 44 - 90, y + Math.sin(k) * 7, 90 - Math.abs(k - 2) * 20, 13);
  }
}

function ridge(q: Pen, y: number, high: number, seed: number, color: string, step: number): void {
  q.fillStyle = color;
  q.beginPath();
  q.moveTo(-WIDE, HIGH);
  for (let x = -400; x <= WIDE + 400; x += step) q.lineTo(x, y - hash(Math.round(x / step), seed, 5) * high - Math.sin(x / 230 + seed) * high * 0.4);
  q.lineTo(WIDE * 2, HIGH);
  q.fill();
}

function mountains(q: Pen): void {
  ridge(q, 520, 120, 3, "rgba(110,58,96,.75)", 90);
  ridge(q, 560, 86, 8, "rgba(132,66,78,.85)", 64);
}

function dune(q: Pen, points: readonly (readonly [number, number])[], top: string, low: string): void {
  const [first] = points;
  if (first === undefined) return;
  const g = q.createLinearGradient(0, Math.min(...points.map(([, y]) => y)), 0, HIGH);
  g.addColorStop(0, top);
  g.addColorStop(1, low);
  q.fillStyle = g;
  q.beginPath();
  q.moveTo(first[0], first[1]);
  for (let i = 1; i < points.length - 1; i += 1) {
    const [ax, ay] = points[i] ?? first;
    const [bx, by] = points[i + 1] ?? first;
    q.quadraticCurveTo(ax, ay, (ax + bx) / 2, (ay + by) / 2);
  }
  q.lineTo(WIDE + 500, HIGH + 100);
  q.lineTo(-500, HIGH + 100);
  q.fill();
}

function dunes(q: Pen): void {
  dune(q, [[-500, 600], [120, 520], [520, 640], [900, 560], [1300, 640], [1700, 540], [2200, 620]], "#f0a566", "#a85a3c");
  prop(q, "ruinWall", 330, 640, 0.8);
  prop(q, "column", 250, 628, 0.8);
  prop(q, "palm", 1290, 650, 0.8);
  prop(q, "palm", 1350, 640, 0.66);
  dune(q, [[-500, 720], [200, 640], [700, 740], [1100, 650], [1600, 720], [2200, 660]], "#f6b878", "#9a5236");
  for (let i = 0; i < 26; i++) {
    q.strokeStyle = "rgba(120,60,34,.16)";
    q.lineWidth = 2;
    q.beginPath();
    const y = 740 + i * 9;
    const x = hash(i, 5, 2) * WIDE;
    q.moveTo(x, y);
    q.quadraticCurveTo(x + 90, y - 9, x + 190, y + 3);
    q.stroke();
  }
}

function prop(q: Pen, kind: string, x: number, y: number, size: number): void {
  const art = propOf(kind, "desert");
  if (art === undefined) return;
  at(q, x, y, 0, () => {
    shadow(q, 0, 0, art.shade[0], art.shade[1], 0.4);
    art.draw(q, 1);
  }, size);
}

function figure(q: Pen, kind: number, x: number, y: number, size: number, moment: Moment, left = false): void {
  const art = figureOf(kind);
  // On a canvas of its own: its light must not fall on the land.
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(art.width * size * 1.5);
  canvas.height = Math.ceil(art.height * size * 1.5);
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  pen.lineJoin = pen.lineCap = "round";
  pen.scale(size * 1.5, size * 1.5);
  paint(pen, art, moment);
  at(q, x, y, 0, () => q.drawImage(canvas, (-art.width / 2) * size, -art.foot * size, art.width * size, art.height * size), left ? -1 : 1, 1);
}

function people(q: Pen, narrow: boolean): void {
  const off = narrow ? 190 : 520;
  prop(q, "cactus", WIDE / 2 - off - 190, 770, 1.3);
  prop(q, "boulder", WIDE / 2 + off + 190, 790, 1.2);
  figure(q, 203, WIDE / 2 + off + 60, 400, 0.62, { pose: "stand", t: 0.25, back: false }, true);
  figure(q, 202, WIDE / 2 - off - 60, 420, 0.85, { pose: "stand", t: 0.3, back: false });
  figure(q, 202, WIDE / 2 - off + 90, 350, 0.55, { pose: "walk", t: 0.7, back: false });
  figure(q, 209, WIDE / 2 + off + 110, 830, 1.5, { pose: "stand", t: 0.1, back: false }, true);
  figure(q, 210, WIDE / 2 - off, 840, 2.5, { pose: "stand", t: 0.1, back: false });
  figure(q, 211, WIDE / 2 + off - 30, 845, 2.3, { pose: "stand", t: 0.1, back: false }, true);
  for (let i = 0; i < 40; i++) glow(q, "#ffe6a0", WIDE / 2 + (hash(i, 11, 1) - 0.5) * WIDE, 560 + hash(i, 12, 2) * 320, 4 + hash(i, 13, 3) * 5, 0.7);
}
