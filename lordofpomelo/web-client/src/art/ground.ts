//! The ground of an area, in chunks that are drawn once: soil, small growth, roads, and all that lies flat on it.

import { LYING, drawLying } from "./lying";
import { drawPatch } from "./patches";
import { type Pen, at, clamp, clouds, hash, mix, noise, sheet, spot, stroke } from "./pen";
import type { Biome, Places, Road, Scene, Shape, XY } from "./scene";
import { drawTerrain } from "./terrain";

/** Side of a chunk in pixels of the map. */
export const CHUNK = 512;

/** Cells of noise per chunk; it is drawn larger, softly. */
const CELLS = 128;

type Rgb = readonly [number, number, number];

interface Soil {
  readonly base: Rgb;
  /** Where the second noise is high. */
  readonly patch: Rgb;
  readonly patchFrom: number;
  readonly contrast: number;
  /** How strongly it ripples. */
  readonly ripple: number;
  /** Tinted by slow noise. */
  readonly tint?: readonly [Rgb, Rgb];
  readonly road: Rgb;
  readonly grain: number;
}

export const SOILS: Readonly<Record<Biome, Soil>> = {
  desert: { base: [236, 194, 128], patch: [186, 160, 96], patchFrom: 0.6, contrast: 0.34, ripple: 0.045, road: [206, 156, 98], grain: 10 },
  oasis: { base: [138, 184, 92], patch: [98, 152, 74], patchFrom: 0.52, contrast: 0.36, ripple: 0.012, road: [220, 188, 128], grain: 11 },
  ice: { base: [226, 238, 248], patch: [176, 206, 232], patchFrom: 0.55, contrast: 0.2, ripple: 0.02, tint: [[120, 236, 214], [168, 140, 236]], road: [196, 214, 228], grain: 6 },
  arena: { base: [190, 172, 146], patch: [160, 140, 116], patchFrom: 0.55, contrast: 0.26, ripple: 0, road: [212, 190, 150], grain: 12 },
  cave: { base: [104, 92, 108], patch: [78, 72, 94], patchFrom: 0.5, contrast: 0.5, ripple: 0.02, road: [132, 112, 106], grain: 12 },
};

/** Draws chunk (`column`, `row`) of the scene. Some 20 ms. */
export function drawChunk(places: Places, column: number, row: number): HTMLCanvasElement {
  const { scene } = places;
  const { canvas, pen } = opaque();
  const left = column * CHUNK;
  const top = row * CHUNK;
  soil(pen, SOILS[scene.biome], left, top);
  pen.save();
  pen.translate(-left, -top);
  const near = { left: left - 80, top: top - 80, right: left + CHUNK + 80, bottom: top + CHUNK + 80 };
  const close = ({ box }: Shape) => box.right > near.left && box.left < near.right && box.bottom > near.top && box.top < near.bottom;
  if (scene.biome === "arena") flagstones(pen, left, top);
  for (const patch of places.ground.filter(close)) drawPatch(pen, scene.biome, patch, near);
  for (const road of scene.roads) if (road.kind !== "bridge") drawRoad(pen, road, SOILS[scene.biome]);
  growth(pen, scene.biome, column, row);
  for (const shape of places.terrain.filter(close)) drawTerrain(pen, scene.biome, shape, near);
  for (const road of scene.roads) if (road.kind === "bridge") drawBridge(pen, road);
  const around = [-1, 0, 1].flatMap((r) => [-1, 0, 1].flatMap((c) => places.things(column + c, row + r)));
  for (const { kind, x, y, size, variant } of around) if (LYING.has(kind)) at(pen, x, y, 0, () => drawLying(pen, kind, variant, scene.biome), variant % 2 === 0 ? size : -size, size);
  for (const { kind, x, y, size } of around) {
    const glow = LIGHTS[kind];
    if (glow !== undefined) lightPool(pen, x, y, glow.reach * size, scene.biome, glow.color);
  }
  frame(pen, scene);
  pen.restore();
  return canvas;
}

/** Without transparency: such pictures are copied, not blended. */
function opaque(): { canvas: HTMLCanvasElement; pen: Pen } {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = CHUNK;
  const pen = canvas.getContext("2d", { alpha: false });
  if (pen === null) throw new Error("this browser has no 2d canvas");
  pen.lineJoin = pen.lineCap = "round";
  return { canvas, pen };
}

/** These light the ground around. */
const LIGHTS: Readonly<Record<string, { readonly reach: number; readonly color: string }>> = {
  lamp: { reach: 170, color: "255,196,116" },
  campfire: { reach: 180, color: "255,170,90" },
  brazier: { reach: 170, color: "255,180,100" },
  crystal: { reach: 110, color: "90,190,210" },
  mushrooms: { reach: 56, color: "90,190,170" },
};

function lightPool(q: Pen, x: number, y: number, r: number, biome: Biome, color: string): void {
  q.save();
  q.globalCompositeOperation = biome === "cave" ? "overlay" : "soft-light";
  const g = q.createRadialGradient(x, y, 4, x, y, r);
  g.addColorStop(0, `rgba(${color},${biome === "cave" ? 1 : 0.9})`);
  g.addColorStop(0.5, `rgba(${color},.45)`);
  g.addColorStop(1, `rgba(${color},0)`);
  q.fillStyle = g;
  q.fillRect(x - r, y - r, r * 2, r * 2);
  q.restore();
}

function soil(q: Pen, s: Soil, left: number, top: number): void {
  const image = new ImageData(CELLS, CELLS);
  const step = CHUNK / CELLS;
  for (let j = 0; j < CELLS; j++)
    for (let i = 0; i < CELLS; i++) {
      const x = (left + i * step) / 190;
      const y = (top + j * step) / 190;
      const n = clouds(x, y, 3);
      const m = clouds(x * 1.6 + 9, y * 1.6, 8);
      const light = 1 - s.contrast / 2 + n * s.contrast + (s.ripple > 0 ? Math.sin((y * 1.5 + n * 5) * 9) * s.ripple * 0.5 : 0);
      const t = clamp((m - s.patchFrom) * 7, 0, 1);
      let r = mix(s.base[0], s.patch[0], t);
      let g = mix(s.base[1], s.patch[1], t);
      let b = mix(s.base[2], s.patch[2], t);
      if (s.tint !== undefined) {
        const a = clamp((noise(x * 0.5, y * 0.5, 21) - 0.45) * 0.9, 0, 0.3);
        const c = clamp((noise(x * 0.45 + 40, y * 0.45, 33) - 0.45) * 0.9, 0, 0.3);
        r = mix(mix(r, s.tint[0][0], a), s.tint[1][0], c);
        g = mix(mix(g, s.tint[0][1], a), s.tint[1][1], c);
        b = mix(mix(b, s.tint[0][2], a), s.tint[1][2], c);
      }
      const p = (j * CELLS + i) * 4;
      image.data[p] = r * light;
      image.data[p + 1] = g * light;
      image.data[p + 2] = b * light;
      image.data[p + 3] = 255;
    }
  const small = sheet(CELLS, CELLS, 1);
  small.pen.putImageData(image, 0, 0);
  q.imageSmoothingQuality = "high";
  // A cell over the edge, or the smoothing would show the seams.
  q.drawImage(small.canvas, 0, 0, CELLS, CELLS, 0, 0, CHUNK, CHUNK);
  q.fillStyle = grain(q, s.grain);
  q.fillRect(0, 0, CHUNK, CHUNK);
}

const grains = new Map<number, CanvasPattern>();

/** Fine grain, the same everywhere. */
function grain(q: Pen, strength: number): CanvasPattern {
  const known = grains.get(strength);
  if (known !== undefined) return known;
  const size = 256;
  const { canvas, pen } = sheet(size, size, 1);
  const image = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    const v = hash(i % size, Math.floor(i / size), 5);
    image.data.set([v < 0.5 ? 40 : 255, v < 0.5 ? 26 : 246, v < 0.5 ? 10 : 220, Math.abs(v - 0.5) * 2 * strength * 2.4], i * 4);
  }
  pen.putImageData(image, 0, 0);
  const pattern = q.createPattern(canvas, "repeat");
  if (pattern === null) throw new Error("no pattern of a canvas");
  grains.set(strength, pattern);
  return pattern;
}

function along(q: Pen, points: readonly XY[]): void {
  q.beginPath();
  const [first] = points;
  if (first === undefined) return;
  q.moveTo(first[0], first[1]);
  for (let i = 1; i < points.length - 1; i++) {
    const a = points[i] ?? first;
    const b = points[i + 1] ?? a;
    q.quadraticCurveTo(a[0], a[1], (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
  }
  const last = points.at(-1) ?? first;
  q.lineTo(last[0], last[1]);
}

function drawRoad(q: Pen, { kind, width, points }: Road, s: Soil): void {
  const [r, g, b] = s.road;
  const worn = kind === "trail" ? 0.55 : 1;
  for (const [wide, alpha] of [[1.3, 0.16], [1.12, 0.2], [0.92, 0.3], [0.7, 0.28]] as const) {
    along(q, points);
    q.strokeStyle = `rgba(${r},${g},${b},${alpha * worn})`;
    q.lineWidth = width * wide;
    q.stroke();
  }
  along(q, points);
  q.strokeStyle = "rgba(60,36,14,.05)";
  q.lineWidth = width * 0.5;
  q.stroke();
}

/** Planks across, beams along. */
function drawBridge(q: Pen, { width, points }: Road): void {
  for (const [color, wide] of [["rgba(6,40,50,.4)", width + 12], ["#5d3b20", width + 4], ["#b9854e", width - 4]] as const) {
    along(q, points);
    q.lineCap = "butt";
    q.strokeStyle = color;
    q.lineWidth = wide;
    q.stroke();
  }
  for (const [color, dash, wide] of [["rgba(70,40,16,.6)", [2.5, 13.5], width - 4], ["rgba(255,230,180,.25)", [1.5, 14.5], width - 8]] as const) {
    q.setLineDash([...dash]);
    along(q, points);
    q.strokeStyle = color;
    q.lineWidth = wide;
    q.stroke();
  }
  q.setLineDash([]);
  q.lineCap = "round";
}

function growth(q: Pen, biome: Biome, column: number, row: number): void {
  const count = biome === "oasis" ? 150 : biome === "ice" ? 46 : 64;
  for (let k = 0; k < count; k++) {
    const x = (column + hash(k, column, row + 11)) * CHUNK;
    const y = (row + hash(k, row, column + 17)) * CHUNK;
    const a = hash(k, column + row * 3, 23);
    switch (biome) {
      case "desert":
        if (a < 0.5) tuft(q, x, y, a * 2, "rgba(128,116,52,.6)", 4);
        else if (a < 0.56) bone(q, x, y, a * 60);
        else pebble(q, x, y, a, "rgba(110,85,55,.5)", "rgba(255,235,200,.4)");
        break;
      case "oasis":
        if (a < 0.72) tuft(q, x, y, a, a < 0.35 ? "rgba(52,108,44,.6)" : "rgba(190,222,110,.55)", 5);
        else if (a < 0.86) blossom(q, x, y, a);
        else pebble(q, x, y, a, "rgba(70,90,60,.45)", "rgba(240,250,220,.4)");
        break;
      case "ice":
        if (a < 0.3) crack(q, x, y, a * 20, column + k);
        else if (a < 0.65) drift(q, x, y, a);
        else spot(q, "rgba(255,255,255,.9)", x, y, 1 + a * 0.8);
        break;
      case "arena":
        if (a < 0.4) crack(q, x, y, a * 20, column + k, "rgba(60,40,26,.3)");
        else pebble(q, x, y, a, "rgba(80,62,46,.5)", "rgba(250,235,210,.3)");
        break;
      case "cave":
        if (a < 0.22) mushroom(q, x, y, a * 4);
        else if (a < 0.5) crack(q, x, y, a * 16, column + k, "rgba(20,14,26,.5)");
        else pebble(q, x, y, a, "rgba(30,24,36,.6)", "rgba(190,180,210,.22)");
    }
  }
}

function tuft(q: Pen, x: number, y: number, a: number, color: string, blades: number): void {
  stroke(q, color, 1.5, (p) => {
    for (let b = 0; b < blades; b++) {
      const lean = b - (blades - 1) / 2;
      p.moveTo(x + lean * 0.8, y);
      p.quadraticCurveTo(x + lean * 1.6, y - 6, x + lean * 3.6, y - 8 - hash(b, x, 2) * 5 * (0.5 + a));
    }
  });
}

function pebble(q: Pen, x: number, y: number, a: number, dark: string, light: string): void {
  spot(q, dark, x, y, 2 + a * 3, 1.4 + a * 2);
  spot(q, light, x - 0.6, y - 0.8, 1.2 + a * 1.5, 0.8 + a);
}

function bone(q: Pen, x: number, y: number, turn: number): void {
  const dx = Math.cos(turn) * 8;
  const dy = Math.sin(turn) * 4;
  stroke(q, "rgba(110,84,50,.5)", 4.6, (p) => line(p, x, y + 1, dx, dy));
  stroke(q, "rgba(255,246,222,.9)", 3, (p) => line(p, x, y, dx, dy));
}

function line(p: Pen, x: number, y: number, dx: number, dy: number): void {
  p.moveTo(x - dx, y - dy);
  p.lineTo(x + dx, y + dy);
}

function blossom(q: Pen, x: number, y: number, a: number): void {
  const color = ["#ffd0e4", "#fff2a8", "#ffffff", "#c9b6ff"][Math.floor(a * 97) % 4] ?? "#fff";
  for (let i = 0; i < 5; i++) spot(q, color, x + Math.cos(i * 1.257) * 2.6, y + Math.sin(i * 1.257) * 2, 1.8, 1.6);
  spot(q, "#f2a83a", x, y, 1.3);
}

function crack(q: Pen, x: number, y: number, turn: number, seed: number, color = "rgba(96,140,180,.4)"): void {
  stroke(q, color, 1.3, (p) => {
    let [px, py] = [x, y];
    p.moveTo(px, py);
    for (let i = 0; i < 4; i++) {
      px += Math.cos(turn + (hash(i, seed, 4) - 0.5) * 2) * 12;
      py += Math.sin(turn + (hash(i, seed, 4) - 0.5) * 2) * 8;
      p.lineTo(px, py);
    }
  });
}

function drift(q: Pen, x: number, y: number, a: number): void {
  spot(q, "rgba(120,160,200,.22)", x, y + 2, 20 * a + 6, 5 * a + 2);
  spot(q, "rgba(255,255,255,.65)", x, y, 20 * a + 6, 4.4 * a + 2);
}

function mushroom(q: Pen, x: number, y: number, a: number): void {
  spot(q, "rgba(110,240,220,.14)", x, y - 4, 13);
  stroke(q, "rgba(220,230,220,.8)", 2, (p) => line(p, x, y - 2, 0, 3));
  spot(q, a < 0.5 ? "rgba(96,222,206,.95)" : "rgba(180,130,240,.95)", x, y - 6, 4, 2.8);
  spot(q, "rgba(255,255,255,.6)", x - 1.2, y - 7, 1.2, 0.8);
}

/** Worn slabs in a running bond. */
function flagstones(q: Pen, left: number, top: number): void {
  const w = 74;
  const h = 46;
  for (let j = Math.floor(top / h) - 1; j * h < top + CHUNK; j++)
    for (let i = Math.floor(left / w) - 1; i * w < left + CHUNK + w; i++) {
      const x = i * w + (j % 2 === 0 ? 0 : w / 2);
      const y = j * h;
      const v = hash(i, j, 31);
      q.fillStyle = v < 0.5 ? `rgba(70,50,34,${0.05 + v * 0.16})` : `rgba(255,240,214,${(v - 0.5) * 0.3})`;
      q.beginPath();
      q.roundRect(x + 1.5, y + 1.5, w - 3, h - 3, 6);
      q.fill();
      q.strokeStyle = "rgba(70,48,32,.34)";
      q.lineWidth = 2;
      q.stroke();
      q.strokeStyle = "rgba(255,244,220,.22)";
      q.lineWidth = 1.2;
      q.beginPath();
      q.moveTo(x + 6, y + 3.4);
      q.lineTo(x + w - 8, y + 3.4);
      q.stroke();
    }
}

/** The world ends in the dark. */
function frame(q: Pen, { width, height }: Scene): void {
  for (const [x1, y1, x2, y2] of [[0, 0, 90, 0], [width, 0, width - 90, 0], [0, 0, 0, 90], [0, height, 0, height - 90]] as const) {
    const g = q.createLinearGradient(x1, y1, x2, y2);
    g.addColorStop(0, "rgba(24,12,6,.5)");
    g.addColorStop(1, "rgba(24,12,6,0)");
    q.fillStyle = g;
    q.fillRect(Math.min(x1, x2), Math.min(y1, y2), x1 === x2 ? width : 90, y1 === y2 ? height : 90);
  }
  q.fillStyle = "#160d08";
  q.fillRect(width, -CHUNK, CHUNK, height + CHUNK * 2);
  q.fillRect(-CHUNK, height, width + CHUNK * 2, CHUNK);
}
