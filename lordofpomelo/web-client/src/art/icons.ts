//! Pictures of things: one family of drawings for each place of equipment, varied by the piece's number; food and medicine; skills.

import { drawFood } from "./food";
import { drawSkill } from "./skill-icons";
import { type Fill, type Pen, TAU, at, hash, limb, oval, poly, shape, sheet, spot, stroke } from "./pen";

/** Units of an icon's side; drawn around the middle. */
export const ICON = 64;

/** Metals, cloths and stones, from plain to precious. */
const METALS: readonly Fill[] = [["#d6c7b4", "#8b7760"], ["#eef3fa", "#8a9ab4"], ["#f0c78a", "#9c6428"], ["#dfe6ff", "#6f7fd0"], ["#b9f0e2", "#2f8f86"], ["#ffe9a0", "#c08a22"], ["#cfd8ff", "#5a4ad0"], ["#ffd0c2", "#c2452e"], ["#e6ffe0", "#4aa04a"], ["#f3d6ff", "#8a3ac0"]];
const CLOTHS: readonly Fill[] = [["#e6d3ae", "#a5865a"], ["#b98a5a", "#6b4526"], ["#c9675a", "#7a2c2c"], ["#7fb0d8", "#2c5a8c"], ["#8fc98a", "#3a7a46"], ["#c79ae0", "#6a3a92"], ["#f2cf7a", "#a8742a"], ["#8adad6", "#227a80"], ["#f0a8c0", "#a83a68"], ["#9aa6c0", "#454f6c"]];
const GEMS: readonly Fill[] = [["#ffd0d0", "#d02a3a"], ["#d0f0ff", "#2a7ad0"], ["#d4ffd8", "#2a9a4a"], ["#fff0b0", "#e09a1a"], ["#ecd4ff", "#8a2ad0"], ["#d0fff6", "#1a9a96"]];

function pick(list: readonly Fill[], id: number, salt: number): Fill {
  return list[Math.floor(hash(id, salt, 77) * list.length) % list.length] ?? ["#ddd", "#888"];
}

type Draw = (q: Pen, id: number) => void;

function blade(q: Pen, id: number): void {
  const metal = METALS[id % METALS.length] ?? ["#eee", "#999"];
  const gem = pick(GEMS, id, 1);
  at(q, 0, 0, Math.PI / 4, () => {
    const wide = 4.6 + (id % 3) * 1.4;
    if (id === 6) {
      limb(q, [[0, 26], [0, -8]], 4, ["#b98a4e", "#6b4526"]);
      for (const x of [-9, 0, 9]) poly(q, metal, [[x - 2.6, -4], [x - 3, -22 - (x === 0 ? 6 : 0)], [x, -29 - (x === 0 ? 6 : 0)], [x + 3, -22 - (x === 0 ? 6 : 0)], [x + 2.6, -4]]);
      return shape(q, metal, -8, 0, (p) => p.roundRect(-13, -7, 26, 7, 3));
    }
    if (id === 8 || id === 11) {
      limb(q, [[0, 27], [0, -10]], 4, ["#b98a4e", "#6b4526"]);
      poly(q, metal, [[-7, -8], [-4, -16], [0, -31], [4, -16], [7, -8], [0, -4]]);
      return oval(q, gem, 0, -10, 3);
    }
    if (id === 9) {
      limb(q, [[0, 27], [0, -24]], 4, ["#b98a4e", "#6b4526"]);
      for (const side of [-1, 1]) shape(q, metal, -24, 2, (p) => {
        p.moveTo(side * 2, -20);
        p.quadraticCurveTo(side * 20, -26, side * 21, -10);
        p.quadraticCurveTo(side * 18, -2, side * 2, -4);
      });
      return oval(q, gem, 0, -12, 4);
    }
    if (id === 10) {
      for (const side of [-1, 1]) at(q, side * 5, 0, side * 0.2, () => limb(q, [[0, 22], [0, -26]], 5, ["#c9e08a", "#5f8a3a"]));
      return;
    }
    poly(q, metal, [[-wide, 8], [-wide - (id % 2) * 2, -18], [id % 4 === 1 ? 4 : 0, -30], [wide + (id % 2) * 1.5, -18], [wide, 8]]);
    stroke(q, "rgba(255,255,255,.8)", 1.8, (p) => {
      p.moveTo(-1.4, 4);
      p.lineTo(-1.4, -20);
    });
    shape(q, ["#ffe08a", "#a8742a"], 7, 13, (p) => p.roundRect(-12, 7, 24, 6, 3));
    limb(q, [[0, 14], [0, 22]], 4, ["#8a5a34", "#4b2d17"]);
    oval(q, gem, 0, 26, 4);
  });
}

function armor(q: Pen, id: number): void {
  const cloth = id >= 21 ? pick(METALS, id, 3) : CLOTHS[(id - 13) % CLOTHS.length] ?? ["#ccc", "#888"];
  shape(q, cloth, -24, 26, (p) => {
    p.moveTo(-9, -23);
    p.quadraticCurveTo(0, -15, 9, -23);
    p.lineTo(20, -18);
    p.lineTo(26, -2);
    p.lineTo(17, 2);
    p.lineTo(16, 25);
    p.quadraticCurveTo(0, 29, -16, 25);
    p.lineTo(-17, 2);
    p.lineTo(-26, -2);
    p.lineTo(-20, -18);
  }, 2.4);
  const trim = pick(METALS, id, 9)[0];
  stroke(q, trim, 2.6, (p) => {
    p.moveTo(0, -16);
    p.lineTo(0, 25);
    p.moveTo(-16, 13);
    p.quadraticCurveTo(0, 17, 16, 13);
  });
  if (id % 3 !== 0) for (let i = 0; i < 6; i++) stroke(q, "rgba(0,0,0,.2)", 1.6, (p) => p.arc(-10 + (i % 3) * 10, -6 + Math.floor(i / 3) * 9, 5, 0.3, 2.8));
  oval(q, pick(GEMS, id, 2), 0, -3, 4.4);
  spot(q, "rgba(255,255,255,.3)", -11, -8, 4, 10, 0.3);
}

function ring(q: Pen, id: number): void {
  const metal = METALS[(id * 3) % METALS.length] ?? ["#ffe9a0", "#c08a22"];
  for (const [color, width] of [["#2b1a12", 11], [metal[1], 7.4], [metal[0], 3]] as const) stroke(q, color, width, (p) => p.ellipse(0, 8, 17, 16, 0, 0, TAU));
  const gem = pick(GEMS, id, 4);
  if (id % 3 === 0) poly(q, gem, [[-10, -14], [-6, -23], [6, -23], [10, -14], [0, -3]], 2.4);
  else if (id % 3 === 1) oval(q, gem, 0, -13, 9.5, 9.5, 0, 2.4);
  else for (const x of [-9, 0, 9]) oval(q, gem, x, -11 + Math.abs(x) * 0.3, 5.4);
  spot(q, "rgba(255,255,255,.8)", -3, -16, 2.4);
}

function helmet(q: Pen, id: number): void {
  const metal = id < 42 ? CLOTHS[id % CLOTHS.length] ?? ["#ccc", "#888"] : METALS[id % METALS.length] ?? ["#eee", "#999"];
  if (id % 4 === 0 || id % 4 === 2) {
    for (const [color, width] of [["#2b1a12", 12], [metal[1], 8], [metal[0], 3.4]] as const) stroke(q, color, width, (p) => p.ellipse(0, 4, 22, 10, 0, 0, Math.PI));
    for (const [x, h] of [[-16, 14], [0, 26], [16, 14]] as const) poly(q, metal, [[x - 6, 8 + (x === 0 ? 5 : 2)], [x, 8 - h], [x + 6, 8 + (x === 0 ? 5 : 2)]], 2.2);
    for (const [x, y] of [[0, 9], [-14, 5], [14, 5]] as const) oval(q, pick(GEMS, id, 5), x, y, x === 0 ? 5 : 3.4);
    return;
  }
  shape(q, metal, -22, 20, (p) => {
    p.moveTo(-21, 12);
    p.quadraticCurveTo(-23, -22, 0, -23);
    p.quadraticCurveTo(23, -22, 21, 12);
    p.lineTo(16, 21);
    p.lineTo(9, 19);
    p.lineTo(8, 4);
    p.quadraticCurveTo(0, -1, -8, 4);
    p.lineTo(-9, 19);
    p.lineTo(-16, 21);
  }, 2.4);
  stroke(q, "rgba(255,255,255,.5)", 2.4, (p) => p.arc(-2, -2, 15, 3.4, 4.4));
  if (id >= 46) for (const side of [-1, 1]) shape(q, ["#fff6dc", "#b99a5e"], -22, 4, (p) => {
    p.moveTo(side * 18, -4);
    p.quadraticCurveTo(side * 32, -8, side * 26, -24);
    p.quadraticCurveTo(side * 24, -14, side * 14, -14);
  });
  oval(q, pick(GEMS, id, 5), 0, -10, 4);
}

function necklace(q: Pen, id: number): void {
  const metal = METALS[(id * 7) % METALS.length] ?? ["#ffe9a0", "#c08a22"];
  for (let i = 0; i <= 12; i++) {
    const a = Math.PI * (1.02 + (i / 12) * -1.04);
    oval(q, id % 2 === 0 ? metal : pick(GEMS, id, 6), Math.cos(a) * 21, -14 + Math.sin(a) * 24, 3.6, 3.6, 0, 1.6);
  }
  const gem = pick(GEMS, id, 8);
  if (id % 3 === 0) poly(q, gem, [[0, 3], [10, 14], [0, 29], [-10, 14]], 2.4);
  else if (id % 3 === 1) oval(q, gem, 0, 16, 10.5, 11, 0, 2.4);
  else poly(q, gem, Array.from({ length: 10 }, (_, i) => [Math.cos((i / 10) * TAU - 1.57) * (i % 2 === 0 ? 13 : 6), 16 + Math.sin((i / 10) * TAU - 1.57) * (i % 2 === 0 ? 13 : 6)] as const), 2.2);
  spot(q, "rgba(255,255,255,.75)", -3.4, 12, 2.6, 3.4, 0.4);
}

function belt(q: Pen, id: number): void {
  const cloth = CLOTHS[(id - 60) % CLOTHS.length] ?? ["#b98a5a", "#6b4526"];
  const metal = pick(METALS, id, 10);
  shape(q, cloth, -12, 14, (p) => {
    p.moveTo(-29, -8);
    p.quadraticCurveTo(0, 4, 29, -8);
    p.lineTo(28, 8);
    p.quadraticCurveTo(0, 20, -28, 8);
  }, 2.4);
  for (const x of [-21, -14, 14, 21]) oval(q, metal, x, 2 + (1 - Math.abs(x) / 29) * 6 - 3, 2.8, 2.8, 0, 1.4);
  if (id % 2 === 0) shape(q, metal, -8, 20, (p) => p.roundRect(-11, -6, 22, 22, 4), 2.4);
  else oval(q, metal, 0, 5, 12.5, 12, 0, 2.4);
  oval(q, pick(GEMS, id, 11), 0, 5, 5.4);
}

function legguard(q: Pen, id: number): void {
  const cloth = id % 2 === 0 ? CLOTHS[id % CLOTHS.length] ?? ["#ccc", "#888"] : pick(METALS, id, 12);
  if (id % 3 === 1) {
    shape(q, cloth, -22, 26, (p) => {
      p.moveTo(-14, -20);
      p.lineTo(14, -20);
      p.lineTo(26, 22);
      p.quadraticCurveTo(0, 30, -26, 22);
    }, 2.4);
    stroke(q, "rgba(0,0,0,.22)", 2, (p) => {
      for (const x of [-12, -4, 4, 12]) {
        p.moveTo(x * 0.7, -14);
        p.lineTo(x * 1.6, 23);
      }
    });
  } else {
    for (const side of [-1, 1]) {
      shape(q, cloth, -22, 27, (p) => {
        p.moveTo(side * 1, -20);
        p.lineTo(side * 18, -20);
        p.lineTo(side * 20, 26);
        p.lineTo(side * 6, 26);
        p.lineTo(side * 3, -2);
      }, 2.4);
      oval(q, pick(METALS, id, 13), side * 12, 6, 6, 7);
    }
  }
  shape(q, ["#8a5a34", "#4b2d17"], -24, -15, (p) => p.roundRect(-18, -24, 36, 8, 3), 2.2);
  oval(q, pick(METALS, id, 14), 0, -20, 4.4);
}

function shoes(q: Pen, id: number): void {
  const cloth = CLOTHS[(id * 3) % CLOTHS.length] ?? ["#b98a5a", "#6b4526"];
  const metal = pick(METALS, id, 15);
  for (const [x, y] of [[5, -5], [-7, 3]] as const) {
    shape(q, cloth, -24 + y, 22 + y, (p) => {
      p.moveTo(x - 10, -22 + y);
      p.lineTo(x + 6, -22 + y);
      p.lineTo(x + 6, 3 + y);
      p.quadraticCurveTo(x + 23, 7 + y, x + 21, 19 + y);
      p.lineTo(x - 11, 19 + y);
      p.quadraticCurveTo(x - 13, 4 + y, x - 10, -22 + y);
    }, 2.4);
    shape(q, ["#7b5638", "#3f2a18"], 16 + y, 22 + y, (p) => p.roundRect(x - 12, 16 + y, 34, 6, 3), 1.8);
    shape(q, metal, -24 + y, -14 + y, (p) => p.roundRect(x - 12, -24 + y, 20, 8, 3), 2);
    if (id % 2 === 0) stroke(q, metal[0], 2.4, (p) => {
      for (const k of [-6, 0, 6]) {
        p.moveTo(x - 6, k + y);
        p.lineTo(x + 5, k + 3 + y);
      }
    });
  }
}

function amulet(q: Pen, id: number): void {
  const metal = METALS[(id * 5) % METALS.length] ?? ["#ffe9a0", "#c08a22"];
  const gem = pick(GEMS, id, 16);
  const n = 4 + (id % 5);
  for (let i = 0; i < n; i++) at(q, 0, 2, (i / n) * TAU, () => poly(q, metal, [[-7, -13], [0, -27], [7, -13]], 2));
  oval(q, metal, 0, 2, 18, 18, 0, 2.4);
  oval(q, ["#3a2a3f", "#1d1322"], 0, 2, 13, 13, 0, 1.8);
  if (id % 2 === 0) oval(q, gem, 0, 2, 8, 9);
  else poly(q, gem, [[0, -8], [8, 2], [0, 12], [-8, 2]]);
  spot(q, "rgba(255,255,255,.8)", -2.6, -1.4, 2.2, 2.8, 0.4);
}

const PLACES: Readonly<Record<string, Draw>> = { weapon: blade, armor, ring, helmet, necklace, belt, legguard, shoes, amulet };

const urls = new Map<string, string>();

function url(key: string, draw: (q: Pen) => void): string {
  const known = urls.get(key);
  if (known !== undefined) return known;
  const { canvas, pen } = sheet(ICON, ICON, 2);
  pen.translate(ICON / 2, ICON / 2);
  draw(pen);
  const made = canvas.toDataURL();
  urls.set(key, made);
  return made;
}

export function equipmentIcon(place: string, id: number): string {
  return url(`e${place}${id}`, (q) => (PLACES[place.toLowerCase()] ?? amulet)(q, id));
}

/** An empty place: its drawing as a grey shade. */
export function placeIcon(place: string): string {
  return url(`p${place}`, (q) => {
    const first: Readonly<Record<string, number>> = { weapon: 2, armor: 14, ring: 28, helmet: 39, necklace: 52, belt: 62, legguard: 77, shoes: 90, amulet: 104 };
    (PLACES[place] ?? amulet)(q, first[place] ?? 1);
    q.globalCompositeOperation = "source-in";
    q.fillStyle = "rgba(214,180,120,.28)";
    q.fillRect(-ICON, -ICON, ICON * 2, ICON * 2);
  });
}

export function itemIcon(id: number): string {
  return url(`i${id}`, (q) => drawFood(q, id));
}

export function skillIcon(id: number): string {
  return url(`s${id}`, (q) => drawSkill(q, id));
}

/** For the map: what lies on the ground, as a canvas. */
export function groundIcon(type: "item" | "equipment", place: string, id: number, scale: number): HTMLCanvasElement {
  const { canvas, pen } = sheet(44, 40, scale);
  pen.translate(22, 18);
  pen.save();
  pen.scale(0.5, 0.5);
  if (type === "item") drawFood(pen, id);
  else (PLACES[place.toLowerCase()] ?? amulet)(pen, id);
  pen.restore();
  pen.globalCompositeOperation = "destination-over";
  const g = pen.createRadialGradient(0, 8, 2, 0, 8, 20);
  g.addColorStop(0, "rgba(255,226,130,.75)");
  g.addColorStop(1, "rgba(255,226,130,0)");
  pen.fillStyle = g;
  pen.fillRect(-22, -18, 44, 40);
  return canvas;
}
