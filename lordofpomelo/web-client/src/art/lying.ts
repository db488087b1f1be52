//! Small things that lie or grow on the ground and are walked over: part of the ground's picture.

import { type Pen, TAU, hash, limb, oval, poly, spot, stroke } from "./pen";
import type { Biome } from "./scene";

type Draw = (q: Pen, variant: number, biome: Biome) => void;

const grass = (dark: string, light: string, tall: number): Draw => (q, v) => {
  for (const [color, shift] of [[dark, 0], [light, 2]] as const)
    stroke(q, color, 1.7, (p) => {
      for (let b = -3; b <= 3; b++) {
        p.moveTo(b * 1.6 + shift, 0);
        p.quadraticCurveTo(b * 3 + shift, -tall * 0.6, b * 5 + shift, -tall - hash(b, v, 2) * 6);
      }
    });
};

const DRAWS: Readonly<Record<string, Draw>> = {
  grass: grass("rgba(58,112,44,.85)", "rgba(180,216,100,.8)", 11),
  dryGrass: grass("rgba(132,108,50,.85)", "rgba(226,196,116,.85)", 11),
  reeds(q, v) {
    for (let i = 0; i < 6; i++) {
      const x = -12 + i * 5;
      const tall = 22 + hash(i, v, 3) * 14;
      stroke(q, "#4f8a4a", 2.2, (p) => {
        p.moveTo(x, 0);
        p.quadraticCurveTo(x, -tall * 0.6, x + 3, -tall);
      });
      if (i % 2 === 0) limb(q, [[x + 3, -tall], [x + 3.4, -tall - 8]], 3, ["#a9703c", "#6b4222"], 1);
    }
  },
  lily(q, v) {
    spot(q, "rgba(8,60,60,.3)", 1, 3, 13, 7);
    q.fillStyle = "#63b85c";
    q.strokeStyle = "#2f6b3a";
    q.lineWidth = 1.4;
    q.beginPath();
    q.ellipse(0, 0, 13, 7, 0, 0.45, TAU);
    q.lineTo(0, 0);
    q.closePath();
    q.fill();
    q.stroke();
    if (v % 3 === 0) for (let i = 0; i < 5; i++) oval(q, ["#fff0f6", "#f08ab4"], -3 + Math.cos(i * 1.257) * 3.4, -3 + Math.sin(i * 1.257) * 2, 3, 2.4, 0, 0.8);
  },
  flowers(q, v) {
    for (let i = 0; i < 5; i++) {
      const [x, y] = [(hash(i, v, 1) - 0.5) * 34, (hash(i, v, 2) - 0.5) * 20];
      stroke(q, "#4f9a48", 1.6, (p) => {
        p.moveTo(x, y);
        p.lineTo(x, y - 8);
      });
      const color = ["#ff8ab4", "#ffd84a", "#ffffff", "#b08aff", "#ff9a5a"][(i + v) % 5] ?? "#fff";
      for (let k = 0; k < 5; k++) spot(q, color, x + Math.cos(k * 1.257) * 3, y - 10 + Math.sin(k * 1.257) * 2.6, 2.3);
      spot(q, "#f2a02a", x, y - 10, 1.6);
    }
  },
  succulent(q) {
    for (let i = 0; i < 8; i++) {
      const a = (i / 8) * TAU;
      oval(q, ["#b4dc9a", "#4f8f6a"], Math.cos(a) * 7, -4 + Math.sin(a) * 4.4, 5, 3.6, a, 1.3);
    }
    oval(q, ["#d8f0b4", "#6fae7a"], 0, -6, 4.6, 4, 0, 1.3);
  },
  pebbles(q, v, biome) {
    for (let i = 0; i < 7; i++) {
      const [x, y, r] = [(hash(i, v, 4) - 0.5) * 44, (hash(i, v, 5) - 0.5) * 24, 3 + hash(i, v, 6) * 4];
      spot(q, "rgba(20,10,4,.3)", x + 1, y + 2, r, r * 0.7);
      oval(q, biome === "ice" ? ["#f0f7fd", "#8fa8bf"] : biome === "cave" ? ["#8d7d94", "#4a3f56"] : ["#d8bd9a", "#8f7050"], x, y, r, r * 0.74, 0, 1.3);
    }
  },
  cracks(q, v, biome) {
    stroke(q, biome === "ice" ? "rgba(70,130,180,.55)" : "rgba(50,28,14,.45)", 2, (p) => {
      for (let k = 0; k < 3; k++) {
        let [x, y] = [0, 0];
        p.moveTo(x, y);
        const turn = (k / 3) * TAU + v;
        for (let i = 0; i < 4; i++) {
          x += Math.cos(turn + (hash(i, k, v) - 0.5) * 1.6) * 14;
          y += Math.sin(turn + (hash(i, k, v) - 0.5) * 1.6) * 9;
          p.lineTo(x, y);
        }
      }
    });
  },
  bones(q) {
    for (let i = 0; i < 4; i++) limb(q, [[-18 + i * 10, 4], [-24 + i * 11, -18 - (i % 2) * 4], [-10 + i * 10, -22]], 3, ["#fffaf0", "#cdb98e"], 1.4);
    limb(q, [[-26, 6], [24, 4]], 3.4, ["#fffaf0", "#cdb98e"], 1.4);
  },
  skull(q) {
    spot(q, "rgba(20,10,4,.3)", 1, 3, 13, 6);
    oval(q, ["#fffaf0", "#cdb98e"], 0, -6, 11, 9.5, 0, 1.8);
    oval(q, ["#fffaf0", "#cdb98e"], 4, 1, 6, 4, 0, 1.6);
    for (const x of [-2, 6]) spot(q, "#4a3320", x, -6, 2.8, 3.2);
  },
  drift(q, _v, biome) {
    const sand = biome !== "ice";
    spot(q, sand ? "rgba(150,104,56,.22)" : "rgba(110,150,190,.28)", 3, 5, 42, 10);
    spot(q, sand ? "rgba(255,226,170,.45)" : "rgba(255,255,255,.85)", 0, 0, 42, 9);
    spot(q, sand ? "rgba(255,240,204,.45)" : "rgba(255,255,255,.9)", -8, -3, 24, 4);
  },
  shards(q, v) {
    for (let i = 0; i < 4; i++) {
      const [x, y] = [(hash(i, v, 4) - 0.5) * 40, (hash(i, v, 5) - 0.5) * 20];
      const h = 10 + hash(i, v, 6) * 12;
      poly(q, ["#f4fdff", "#6fbce8"], [[x - 4, y], [x - 2, y - h * 0.7], [x + 1, y - h], [x + 4, y - h * 0.5], [x + 4, y + 1]], 1.5);
    }
  },
  mushrooms(q, v) {
    for (let i = 0; i < 4; i++) {
      const [x, y, s] = [(hash(i, v, 4) - 0.5) * 34, (hash(i, v, 5) - 0.5) * 16, 0.7 + hash(i, v, 6) * 0.7];
      limb(q, [[x, y], [x, y - 9 * s]], 3.4 * s, ["#f0f4ec", "#a8b8b0"], 1.2);
      oval(q, i % 2 === 0 ? ["#a8fff0", "#2a9a96"] : ["#dcb4ff", "#7a3ac0"], x, y - 11 * s, 8 * s, 5.4 * s, 0, 1.5);
      spot(q, "rgba(255,255,255,.8)", x - 2 * s, y - 12.4 * s, 1.7 * s, 1.2 * s);
    }
  },
  puddle(q) {
    spot(q, "rgba(20,50,66,.75)", 0, 0, 32, 12);
    spot(q, "rgba(70,130,150,.7)", -2, -1, 28, 9.6);
    spot(q, "rgba(230,250,255,.5)", -10, -4, 9, 2);
  },
  web(q) {
    for (let i = 0; i < 6; i++) stroke(q, "rgba(226,226,240,.5)", 1.1, (p) => {
      p.moveTo(0, 0);
      p.lineTo(Math.cos((i / 6) * TAU) * 28, Math.sin((i / 6) * TAU) * 18);
    });
    for (const r of [0.35, 0.65, 0.95]) stroke(q, "rgba(226,226,240,.45)", 1, (p) => p.ellipse(0, 0, 26 * r, 16 * r, 0, 0, TAU));
  },
};

export const LYING: ReadonlySet<string> = new Set(Object.keys(DRAWS));

export function drawLying(q: Pen, kind: string, variant: number, biome: Biome): void {
  DRAWS[kind]?.(q, variant, biome);
}
