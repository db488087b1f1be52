//! Obstacles that are part of the ground: water, crevasses, walls and ridges. They fill their outline exactly, so that nobody
//! stands where he is not seen.

import { type Fill, type Pen, hash, spot } from "./pen";
import { type Biome, type Obstacle, type XY, boxOf, inside } from "./scene";

interface Rock {
  readonly top: Fill;
  readonly side: Fill;
  readonly edge: string;
  readonly line: string;
  readonly high: number;
}

const ROCKS: Readonly<Record<Biome, Rock>> = {
  desert: { top: ["#d9b183", "#b98a5c"], side: ["#946844", "#5f3f28"], edge: "rgba(255,238,204,.75)", line: "#4a2c18", high: 34 },
  oasis: { top: ["#8fae6a", "#6b8a52"], side: ["#8a775a", "#574731"], edge: "rgba(226,246,180,.7)", line: "#33301a", high: 32 },
  ice: { top: ["#f3faff", "#c2dcf0"], side: ["#86b4d8", "#3f6f9f"], edge: "rgba(255,255,255,.95)", line: "#24486b", high: 38 },
  arena: { top: ["#b9a284", "#94795c"], side: ["#7d6248", "#46321f"], edge: "rgba(255,240,214,.6)", line: "#38241a", high: 46 },
  cave: { top: ["#4b4256", "#322b3e"], side: ["#6f5f70", "#2e2636"], edge: "rgba(214,196,226,.38)", line: "#17111f", high: 44 },
};

export function drawFlat(q: Pen, biome: Biome, obstacle: Obstacle): void {
  switch (obstacle.kind) {
    case "lake":
    case "water":
    case "pool":
      return water(q, obstacle.polygon, biome);
    case "crevasse":
    case "chasm":
      return crevasse(q, obstacle.polygon, biome);
    default:
      return massif(q, obstacle.polygon, ROCKS[biome], biome);
  }
}

/** Rounded corners through the middles of its edges. */
function soft(q: Pen, points: readonly XY[], dx = 0, dy = 0): void {
  q.beginPath();
  const n = points.length;
  for (let i = 0; i <= n; i++) {
    const a = points[i % n];
    const b = points[(i + 1) % n];
    if (a === undefined || b === undefined) continue;
    const mx = (a.x + b.x) / 2 + dx;
    const my = (a.y + b.y) / 2 + dy;
    if (i === 0) q.moveTo(mx, my);
    else q.quadraticCurveTo(a.x + dx, a.y + dy, mx, my);
  }
  q.closePath();
}

function sharp(q: Pen, points: readonly XY[], dx = 0, dy = 0): void {
  q.beginPath();
  points.forEach(({ x, y }, i) => (i === 0 ? q.moveTo(x + dx, y + dy) : q.lineTo(x + dx, y + dy)));
  q.closePath();
}

function water(q: Pen, points: readonly XY[], biome: Biome): void {
  const box = boxOf(points);
  const icy = biome === "ice";
  for (const [wide, alpha] of [[44, 0.25], [26, 0.45], [12, 0.7]] as const) {
    soft(q, points);
    q.strokeStyle = icy ? `rgba(255,255,255,${alpha})` : `rgba(232,208,150,${alpha})`;
    q.lineWidth = wide;
    q.stroke();
  }
  const g = q.createLinearGradient(0, box.top, 0, box.bottom);
  g.addColorStop(0, icy ? "#a9dcf2" : "#5fd8d2");
  g.addColorStop(0.5, icy ? "#7fbfe4" : "#2fb3bf");
  g.addColorStop(1, icy ? "#5fa3d4" : "#1c8aa6");
  soft(q, points);
  q.fillStyle = g;
  q.fill();
  q.save();
  soft(q, points);
  q.clip();
  // Shallow along the shore, with the bank's shadow in the north.
  for (const [wide, color] of [[70, "rgba(150,240,225,.16)"], [40, "rgba(170,248,230,.2)"], [16, "rgba(220,255,245,.3)"]] as const) {
    soft(q, points);
    q.strokeStyle = color;
    q.lineWidth = wide;
    q.stroke();
  }
  soft(q, points, 0, -7);
  q.strokeStyle = "rgba(10,60,80,.35)";
  q.lineWidth = 14;
  q.stroke();
  const count = Math.min(220, ((box.right - box.left) * (box.bottom - box.top)) / 5200);
  for (let i = 0; i < count; i++) {
    const x = box.left + hash(i, 3, 7) * (box.right - box.left);
    const y = box.top + hash(i, 5, 9) * (box.bottom - box.top);
    const w = 8 + hash(i, 7, 2) * 20;
    q.strokeStyle = `rgba(240,255,252,${0.2 + hash(i, 2, 2) * 0.4})`;
    q.lineWidth = 1.8;
    q.beginPath();
    q.moveTo(x, y);
    q.quadraticCurveTo(x + w / 2, y - 4, x + w, y);
    q.stroke();
    if (!icy && i % 9 === 0) lily(q, x, y + 12);
  }
  q.restore();
  soft(q, points);
  q.strokeStyle = icy ? "rgba(70,120,170,.6)" : "rgba(40,90,86,.65)";
  q.lineWidth = 2.4;
  q.stroke();
}

function lily(q: Pen, x: number, y: number): void {
  spot(q, "rgba(8,60,60,.3)", x + 1, y + 2, 10, 5.6);
  q.fillStyle = "#5fb05a";
  q.beginPath();
  q.ellipse(x, y, 10, 5.6, 0, 0.4, Math.PI * 2);
  q.lineTo(x, y);
  q.fill();
  spot(q, "#ffd6e8", x - 3, y - 2.4, 2.6, 2);
}

function crevasse(q: Pen, points: readonly XY[], biome: Biome): void {
  const box = boxOf(points);
  sharp(q, points);
  const g = q.createLinearGradient(0, box.top, 0, box.bottom);
  const icy = biome === "ice";
  g.addColorStop(0, icy ? "#5f9fd0" : "#3a2d44");
  g.addColorStop(0.35, icy ? "#1f4f86" : "#1a1322");
  g.addColorStop(1, icy ? "#0d2450" : "#0b0710");
  q.fillStyle = g;
  q.fill();
  q.save();
  sharp(q, points);
  q.clip();
  for (let k = 1; k < 4; k++) {
    sharp(q, points, 0, k * 11);
    q.strokeStyle = icy ? `rgba(150,216,255,${0.4 / k})` : `rgba(150,130,170,${0.3 / k})`;
    q.lineWidth = 5;
    q.stroke();
  }
  q.restore();
  sharp(q, points);
  q.strokeStyle = icy ? "rgba(255,255,255,.95)" : "rgba(190,170,210,.5)";
  q.lineWidth = 5;
  q.stroke();
  sharp(q, points);
  q.strokeStyle = icy ? "#2d5f92" : "#17111f";
  q.lineWidth = 2;
  q.stroke();
}

/** A table of rock: its top, and its side to the south, both within the outline. */
function massif(q: Pen, points: readonly XY[], rock: Rock, biome: Biome): void {
  const box = boxOf(points);
  const high = Math.min(rock.high, (box.bottom - box.top) * 0.42);
  // A shadow on the ground below.
  q.save();
  q.shadowColor = "rgba(20,8,0,.5)";
  q.shadowBlur = 18;
  q.shadowOffsetY = 8;
  sharp(q, points);
  q.fillStyle = rock.side[1];
  q.fill();
  q.restore();
  q.save();
  sharp(q, points);
  q.clip();
  sideFaces(q, points, rock, high);
  // The top, moved up, so that the side shows in the south.
  sharp(q, points, 0, -high);
  const g = q.createLinearGradient(0, box.top, 0, box.bottom);
  g.addColorStop(0, rock.top[0]);
  g.addColorStop(1, rock.top[1]);
  q.fillStyle = g;
  q.fill();
  q.save();
  q.clip();
  blotches(q, points, box, rock, high, biome);
  q.restore();
  sharp(q, points, 0, -high);
  q.strokeStyle = rock.line;
  q.lineWidth = 2.6;
  q.stroke();
  sharp(q, points, 0, -high - 2.6);
  q.strokeStyle = rock.edge;
  q.lineWidth = 2.2;
  q.stroke();
  q.restore();
  sharp(q, points);
  q.strokeStyle = rock.line;
  q.lineWidth = 3;
  q.stroke();
}

function sideFaces(q: Pen, points: readonly XY[], rock: Rock, high: number): void {
  const n = points.length;
  for (let i = 0; i < n; i++) {
    const a = points[i];
    const b = points[(i + 1) % n];
    if (a === undefined || b === undefined) continue;
    const low = Math.max(a.y, b.y);
    const g = q.createLinearGradient(0, low - high, 0, low);
    g.addColorStop(0, rock.side[0]);
    g.addColorStop(1, rock.side[1]);
    q.fillStyle = g;
    q.beginPath();
    q.moveTo(a.x, a.y);
    q.lineTo(b.x, b.y);
    q.lineTo(b.x, b.y - high - 2);
    q.lineTo(a.x, a.y - high - 2);
    q.closePath();
    q.fill();
    // Faces that look to the left are lighter.
    const tilt = Math.atan2(b.y - a.y, b.x - a.x);
    q.fillStyle = Math.sin(tilt) > 0 ? "rgba(255,240,210,.10)" : "rgba(0,0,0,.14)";
    q.fill();
    q.strokeStyle = "rgba(0,0,0,.22)";
    q.lineWidth = 1.6;
    const long = Math.hypot(b.x - a.x, b.y - a.y);
    for (let k = 1; k < long / 26; k++) {
      const t = (k + hash(k, i, 3) * 0.5) / (long / 26);
      const x = a.x + (b.x - a.x) * t;
      const y = a.y + (b.y - a.y) * t;
      q.beginPath();
      q.moveTo(x, y - high * (0.1 + hash(i, k, 8) * 0.3));
      q.lineTo(x + (hash(i, k, 5) - 0.5) * 8, y - high * 0.95);
      q.stroke();
    }
  }
}

function blotches(q: Pen, points: readonly XY[], box: ReturnType<typeof boxOf>, rock: Rock, high: number, biome: Biome): void {
  const count = Math.min(400, ((box.right - box.left) * (box.bottom - box.top)) / 1500);
  for (let i = 0; i < count; i++) {
    const x = box.left + hash(i, 13, 7) * (box.right - box.left);
    const y = box.top + hash(i, 15, 9) * (box.bottom - box.top);
    if (!inside(points, x, y + high)) continue;
    const a = hash(i, 4, 4);
    if (a < 0.4) spot(q, "rgba(255,250,230,.12)", x, y, 12 + a * 30, 6 + a * 12, a * 3);
    else if (a < 0.75) spot(q, "rgba(20,8,16,.12)", x, y, 10 + a * 22, 5 + a * 10, a * 5);
    else if (biome === "oasis") {
      spot(q, "rgba(60,110,44,.5)", x, y, 7, 4.4);
      spot(q, "rgba(160,206,96,.6)", x - 1, y - 1.6, 5, 2.8);
    } else {
      q.strokeStyle = rock.line;
      q.globalAlpha = 0.35;
      q.lineWidth = 1.6;
      q.beginPath();
      q.moveTo(x - 8, y);
      q.lineTo(x, y - 4 * a);
      q.lineTo(x + 9, y + 3);
      q.stroke();
      q.globalAlpha = 1;
    }
  }
}
