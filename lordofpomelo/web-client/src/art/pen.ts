//! How everything is drawn: outlined shapes with a gradient, limbs, eyes, soft shadows. Knows no figure.

export type Pen = CanvasRenderingContext2D;

/** Colour at the top and at the bottom. */
export type Fill = readonly [string, string];

/** The line around everything. */
export const LINE = "#2b1a12";

export const TAU = Math.PI * 2;

/** From 0 to 1 and the same for the same numbers. */
export function hash(x: number, y: number, seed: number): number {
  let h = Math.imul(x | 0, 374761393) + Math.imul(y | 0, 668265263) + Math.imul(seed | 0, 1274126177);
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Value noise, 0 to 1. */
export function noise(x: number, y: number, seed: number): number {
  const xi = Math.floor(x);
  const yi = Math.floor(y);
  const u = smooth(x - xi);
  const v = smooth(y - yi);
  const a = hash(xi, yi, seed);
  const b = hash(xi + 1, yi, seed);
  const c = hash(xi, yi + 1, seed);
  const d = hash(xi + 1, yi + 1, seed);
  return a + (b - a) * u + (c - a) * v + (a - b - c + d) * u * v;
}

/** Four octaves of it. */
export function clouds(x: number, y: number, seed: number): number {
  return (
    noise(x, y, seed) * 0.5 +
    noise(x * 2, y * 2, seed + 1) * 0.28 +
    noise(x * 4, y * 4, seed + 2) * 0.15 +
    noise(x * 9, y * 9, seed + 3) * 0.07
  );
}

export function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}

export function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

export function clamp(v: number, low: number, high: number): number {
  return v < low ? low : v > high ? high : v;
}

/** A canvas of so many units, and a pen in units; `read` if its pixels will be looked at. */
export function sheet(width: number, height: number, scale: number, read = false): { canvas: HTMLCanvasElement; pen: Pen } {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  const pen = canvas.getContext("2d", { willReadFrequently: read });
  if (pen === null) throw new Error("this browser has no 2d canvas");
  pen.scale(scale, scale);
  pen.lineJoin = pen.lineCap = "round";
  return { canvas, pen };
}

function gradient(q: Pen, fill: Fill, y1: number, y2: number): CanvasGradient {
  const g = q.createLinearGradient(0, y1, 0, y2);
  g.addColorStop(0, fill[0]);
  g.addColorStop(1, fill[1]);
  return g;
}

/** A closed shape, filled from `y1` down to `y2`, with a line around. */
export function shape(q: Pen, fill: Fill, y1: number, y2: number, path: (q: Pen) => void, line = 2): void {
  q.fillStyle = gradient(q, fill, y1, y2);
  q.strokeStyle = LINE;
  q.beginPath();
  path(q);
  q.closePath();
  q.fill();
  if (line > 0) {
    q.lineWidth = line;
    q.stroke();
  }
}

export function oval(q: Pen, fill: Fill, x: number, y: number, rx: number, ry = rx, turn = 0, line = 2): void {
  shape(q, fill, y - ry, y + ry, (p) => p.ellipse(x, y, Math.max(rx, 0), Math.max(ry, 0), turn, 0, TAU), line);
}

export type Point = readonly [number, number];

export function poly(q: Pen, fill: Fill, points: readonly Point[], line = 2): void {
  const ys = points.map(([, y]) => y);
  shape(q, fill, Math.min(...ys), Math.max(...ys), (p) => trace(p, points), line);
}

export function trace(q: Pen, points: readonly Point[]): void {
  points.forEach(([x, y], i) => (i === 0 ? q.moveTo(x, y) : q.lineTo(x, y)));
}

/** An outlined stroke along a quadratic or cubic curve, or straight lines. */
export function limb(q: Pen, points: readonly Point[], width: number, fill: Fill, line = 2): void {
  const path = () => {
    const [a, b, c, d] = points;
    if (a === undefined || b === undefined) return;
    q.beginPath();
    q.moveTo(a[0], a[1]);
    if (c === undefined) q.lineTo(b[0], b[1]);
    else if (d === undefined) q.quadraticCurveTo(b[0], b[1], c[0], c[1]);
    else q.bezierCurveTo(b[0], b[1], c[0], c[1], d[0], d[1]);
  };
  const ys = points.map(([, y]) => y);
  path();
  q.strokeStyle = LINE;
  q.lineWidth = width + line * 2;
  q.stroke();
  path();
  q.strokeStyle = gradient(q, fill, Math.min(...ys) - width / 2, Math.max(...ys) + width / 2);
  q.lineWidth = width;
  q.stroke();
}

/** A thin open line. */
export function stroke(q: Pen, color: string, width: number, path: (q: Pen) => void): void {
  q.strokeStyle = color;
  q.lineWidth = width;
  q.beginPath();
  path(q);
  q.stroke();
}

/** A flat spot without a line: shine, blush, spots. */
export function spot(q: Pen, color: string, x: number, y: number, rx: number, ry = rx, turn = 0): void {
  q.fillStyle = color;
  q.beginPath();
  q.ellipse(x, y, rx, ry, turn, 0, TAU);
  q.fill();
}

/** Light that ends softly. */
export function glow(q: Pen, color: string, x: number, y: number, r: number, strength = 1): void {
  const g = q.createRadialGradient(x, y, 0, x, y, r);
  g.addColorStop(0, color);
  g.addColorStop(1, transparent(color));
  q.save();
  q.globalAlpha *= strength;
  q.fillStyle = g;
  q.beginPath();
  q.arc(x, y, r, 0, TAU);
  q.fill();
  q.restore();
}

/** `#rrggbb` with an alpha of 0: a gradient to "transparent" would go through grey. */
export function transparent(color: string): string {
  return color.startsWith("#") ? `${color.slice(0, 7)}00` : color;
}

/** Under everything that stands on the ground. */
export function shadow(q: Pen, x: number, y: number, rx: number, ry: number, strength = 0.42): void {
  q.save();
  q.translate(x, y);
  q.scale(1, ry / rx);
  const g = q.createRadialGradient(0, 0, rx * 0.15, 0, 0, rx);
  g.addColorStop(0, `rgba(30,14,4,${strength})`);
  g.addColorStop(0.6, `rgba(30,14,4,${strength * 0.6})`);
  g.addColorStop(1, "rgba(30,14,4,0)");
  q.fillStyle = g;
  q.beginPath();
  q.arc(0, 0, rx, 0, TAU);
  q.fill();
  q.restore();
}

/** With the pen moved and turned, and back. */
export function at(q: Pen, x: number, y: number, turn: number, draw: () => void, sx = 1, sy = sx): void {
  q.save();
  q.translate(x, y);
  if (turn !== 0) q.rotate(turn);
  if (sx !== 1 || sy !== 1) q.scale(sx, sy);
  draw();
  q.restore();
}

/** An eye with a light in it; closed, it is a line, and crossed when somebody fell. */
export function eye(q: Pen, x: number, y: number, rx: number, ry: number, mood: "open" | "shut" | "fallen", color = LINE): void {
  if (mood === "fallen") {
    stroke(q, LINE, 1.6, (p) => {
      p.moveTo(x - rx, y - rx);
      p.lineTo(x + rx, y + rx);
      p.moveTo(x + rx, y - rx);
      p.lineTo(x - rx, y + rx);
    });
  } else if (mood === "shut") {
    stroke(q, LINE, 1.4, (p) => p.arc(x, y - 1, rx * 1.1, 0.25, Math.PI - 0.25));
  } else {
    spot(q, color, x, y, rx, ry);
    spot(q, "#fff", x + rx * 0.35, y - ry * 0.4, rx * 0.42);
  }
}
