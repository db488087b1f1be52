//! Rocks, plants, ice and stone that stand on the ground.

import { type Fill, TAU, at, glow, hash, limb, oval, poly, shape, spot, stroke, trace } from "./pen";
import type { Prop } from "./prop";

export function boulder(fill: Fill, moss?: string): Prop {
  return {
    width: 150, height: 112, foot: 88, shade: [60, 17],
    draw(q, seed) {
      const points = Array.from({ length: 11 }, (_, i) => {
        const a = (i / 11) * TAU;
        const r = 44 + hash(i, seed, 4) * 14;
        return [Math.cos(a) * r * 1.12, -32 + Math.sin(a) * r * 0.72] as const;
      });
      poly(q, fill, points, 2.4);
      q.save();
      q.beginPath();
      trace(q, points);
      q.clip();
      q.fillStyle = "rgba(255,246,224,.34)";
      q.beginPath();
      trace(q, points.slice(5, 10));
      q.lineTo(8, -42);
      q.lineTo(-18, -34);
      q.fill();
      q.fillStyle = "rgba(30,10,0,.18)";
      q.fillRect(-80, -14, 160, 40);
      stroke(q, "rgba(40,22,12,.42)", 1.8, (p) => {
        p.moveTo(8, -42);
        p.lineTo(30, -4);
        p.moveTo(8, -42);
        p.lineTo(-18, -34);
        p.lineTo(-34, -2);
        p.moveTo(8, -42);
        p.lineTo(34, -48);
      });
      if (moss !== undefined) for (let i = 0; i < 6; i++) spot(q, moss, -30 + hash(i, seed, 9) * 60, -58 + hash(i, seed, 2) * 18, 10, 4.4);
      q.restore();
    },
  };
}

export const CACTUS: Prop = {
  width: 100, height: 146, foot: 128, shade: [30, 9],
  draw(q, seed) {
    const tall = 84 + hash(seed, 1, 1) * 22;
    const arm = (points: readonly (readonly [number, number])[], w: number) => {
      limb(q, points, w, ["#7cc46a", "#2f7a44"]);
      const light = points.map(([x, y]) => [x - w * 0.22, y] as const);
      const [a, b, c, d] = light;
      if (a === undefined || b === undefined || c === undefined || d === undefined) return;
      stroke(q, "rgba(214,250,170,.5)", w * 0.22, (p) => {
        p.moveTo(a[0], a[1]);
        p.bezierCurveTo(b[0], b[1], c[0], c[1], d[0], d[1]);
      });
    };
    const side = hash(seed, 2, 2) < 0.5 ? 1 : -1;
    arm([[0, -38], [side * 27, -36], [side * 29, -44], [side * 29, -68]], 13);
    if (hash(seed, 3, 3) < 0.7) arm([[0, -52], [side * -24, -50], [side * -27, -58], [side * -27, -78]], 12);
    arm([[0, 0], [0, -30], [0, -60], [0, -tall]], 20);
    for (let i = 0; i < 7; i++) stroke(q, "rgba(255,255,230,.75)", 1.1, (p) => {
      const y = -8 - i * 11;
      p.moveTo(4 - (i % 3) * 4, y);
      p.lineTo(7 - (i % 3) * 5, y - 3.4);
    });
    for (const [x, y, r] of [[0, -tall - 9, 5.4], [side * 29, -75, 4]] as const) {
      for (let i = 0; i < 5; i++) oval(q, ["#ffb0d0", "#e0508c"], x + Math.cos(i * 1.257) * r * 0.7, y + Math.sin(i * 1.257) * r * 0.5, r * 0.6, r * 0.6, 0, 1.2);
      spot(q, "#ffe27a", x, y, r * 0.4);
    }
  },
};

export const PALM: Prop = {
  width: 170, height: 196, foot: 176, shade: [44, 13],
  draw(q, seed) {
    const lean = (hash(seed, 1, 2) - 0.5) * 44;
    limb(q, [[0, 0], [lean * 0.1, -60], [lean, -122]], 13, ["#c99a62", "#7d5330"]);
    for (let i = 1; i < 9; i++) {
      const t = i / 9;
      const x = 2 * t * (1 - t) * lean * 0.1 + t * t * lean;
      const y = -(2 * t * (1 - t) * 60 + t * t * 122);
      stroke(q, "rgba(70,40,16,.45)", 2, (p) => {
        p.moveTo(x - 6, y + 2);
        p.quadraticCurveTo(x, y + 5, x + 6, y + 1);
      });
    }
    at(q, lean, -124, 0, () => {
      const leaf = (a: number, long: number, fill: Fill) =>
        shape(q, fill, -50, 40, (p) => {
          const x = Math.cos(a) * long;
          const y = Math.sin(a) * long * 0.5 + 22;
          p.moveTo(0, 0);
          p.quadraticCurveTo(x * 0.5, y - 48, x, y);
          p.quadraticCurveTo(x * 0.42, y - 24, 0, 7);
        }, 1.8);
      for (const a of [-2.5, -0.65, -1.57]) leaf(a, 56, ["#5fae52", "#2c7040"]);
      for (const a of [3.1, 0.05, 2.35, 0.8]) leaf(a, 66, ["#a6dc6e", "#3f9148"]);
      leaf(1.57, 44, ["#b9e67c", "#4b9c4a"]);
      for (const [x, y] of [[-6, 6], [5, 9], [0, 2]] as const) oval(q, ["#b9804a", "#6b4222"], x, y, 6, 6.4, 0, 1.8);
    });
  },
};

export const PINE: Prop = {
  width: 120, height: 168, foot: 150, shade: [34, 10],
  draw(q, seed) {
    limb(q, [[0, 0], [0, -24]], 12, ["#8a6444", "#4f3522"]);
    const tiers = 4;
    for (let i = 0; i < tiers; i++) {
      const w = 44 - i * 8.4;
      const y = -18 - i * 27;
      const points: (readonly [number, number])[] = [[-w, y]];
      const teeth = 5;
      for (let k = 0; k <= teeth; k++) points.push([-w + ((k + 0.5) / (teeth + 1)) * w * 2, y + (k % 2 === 0 ? 7 : -1) + hash(k, i, seed) * 3]);
      points.push([w, y], [w * 0.3, y - 36], [0, y - 46], [-w * 0.3, y - 36]);
      poly(q, ["#5f9c8c", "#23544f"], points, 2.2);
      // Snow.
      shape(q, ["#ffffff", "#d3e6f4"], y - 46, y - 8, (p) => {
        p.moveTo(0, y - 45);
        p.quadraticCurveTo(w * 0.26, y - 36, w * 0.62, y - 15);
        p.quadraticCurveTo(w * 0.3, y - 18, w * 0.14, y - 12);
        p.quadraticCurveTo(-w * 0.1, y - 24, -w * 0.3, y - 14);
        p.quadraticCurveTo(-w * 0.5, y - 18, -w * 0.66, y - 13);
        p.quadraticCurveTo(-w * 0.26, y - 36, 0, y - 45);
      }, 1.4);
    }
  },
};

export const SHARD: Prop = {
  width: 130, height: 142, foot: 122, shade: [48, 14],
  draw(q, seed) {
    for (const [x, h, w, turn] of [[-26, 54, 13, -0.34], [26, 62, 14, 0.3], [-8, 96, 18, -0.08], [12, 76, 14, 0.14], [0, 44, 16, 0]] as const)
      at(q, x, 0, turn + (hash(seed, x, 1) - 0.5) * 0.14, () => {
        const tall = h * (0.88 + hash(seed, h, 2) * 0.2);
        poly(q, ["#f6fdff", "#5fb2e2"], [[-w, 0], [-w * 0.8, -tall * 0.74], [0, -tall], [w * 0.8, -tall * 0.68], [w, 0], [0, 5]], 2.2);
        q.fillStyle = "rgba(255,255,255,.5)";
        q.beginPath();
        q.moveTo(-w * 0.8, -tall * 0.74);
        q.lineTo(0, -tall);
        q.lineTo(-w * 0.1, 0);
        q.lineTo(-w, 0);
        q.fill();
      });
  },
};

export const BUSH: Prop = {
  width: 96, height: 72, foot: 58, shade: [32, 9],
  draw(q, seed) {
    for (const [x, y, r] of [[-16, -14, 17], [16, -14, 17], [0, -24, 20], [-2, -10, 18]] as const) oval(q, ["#9ad46c", "#3a7f40"], x, y, r, r * 0.86);
    for (let i = 0; i < 5; i++) spot(q, i % 2 === 0 ? "#ff8a9a" : "#ffd66b", -22 + hash(i, seed, 3) * 44, -34 + hash(i, seed, 4) * 26, 2.8);
  },
};

export const CRYSTAL: Prop = {
  width: 100, height: 100, foot: 80, shade: [26, 8],
  draw(q, seed) {
    glow(q, "#8af0e6", 0, -26, 44, 0.55);
    for (const [x, h, turn] of [[-12, 34, -0.4], [12, 38, 0.4], [0, 54, 0.02]] as const)
      at(q, x, 0, turn, () => poly(q, seed % 2 === 0 ? ["#e6fffb", "#2fa8a0"] : ["#f2e4ff", "#8a4ad0"], [[-8, 0], [-8, -h * 0.7], [0, -h], [8, -h * 0.66], [8, 0]], 2));
  },
};

export const STALAGMITE: Prop = {
  width: 110, height: 120, foot: 100, shade: [36, 10],
  draw(q, seed) {
    for (const [x, h, w] of [[-18, 46, 14], [18, 56, 15], [0, 84, 19]] as const) {
      const tall = h * (0.85 + hash(seed, x, 2) * 0.25);
      shape(q, ["#a391ae", "#4a3f56"], -tall, 4, (p) => {
        p.moveTo(x - w, 0);
        p.quadraticCurveTo(x - w * 0.3, -tall * 0.5, x, -tall);
        p.quadraticCurveTo(x + w * 0.4, -tall * 0.5, x + w, 0);
        p.quadraticCurveTo(x, 6, x - w, 0);
      });
      stroke(q, "rgba(255,240,255,.3)", 2.2, (p) => {
        p.moveTo(x - w * 0.5, -4);
        p.quadraticCurveTo(x - w * 0.14, -tall * 0.5, x - 1, -tall * 0.86);
      });
    }
  },
};

export const DEAD_TREE: Prop = {
  width: 120, height: 140, foot: 124, shade: [26, 8],
  draw(q, seed) {
    const lean = (hash(seed, 1, 9) - 0.5) * 20;
    const bark: Fill = ["#a98a6a", "#5a4330"];
    for (const [x, y, tx, ty, w] of [[lean * 0.4, -42, -38, -74, 6], [lean * 0.6, -56, 36, -92, 6], [lean, -76, -16, -108, 5]] as const) limb(q, [[x, y], [(x + tx) * 0.6, (y + ty) * 0.45], [tx, ty]], w, bark);
    limb(q, [[0, 0], [lean * 0.2, -40], [lean + 8, -100]], 13, bark);
    for (const x of [-12, 11]) limb(q, [[0, -4], [x * 0.6, 0], [x, 3]], 6, bark, 1.8);
    stroke(q, "rgba(60,36,20,.5)", 1.8, (p) => {
      p.moveTo(-2, -10);
      p.quadraticCurveTo(lean * 0.1 - 3, -34, lean * 0.6, -64);
    });
  },
};

export const CAIRN: Prop = {
  width: 80, height: 100, foot: 82, shade: [26, 9],
  draw(q, seed) {
    for (const [y, w, h] of [[-8, 24, 12], [-26, 20, 11], [-42, 15, 10], [-57, 11, 8], [-68, 7, 6]] as const) {
      oval(q, ["#e2ebf4", "#74879d"], (hash(seed, y, 2) - 0.5) * 6, y, w, h);
      spot(q, "rgba(255,255,255,.8)", -3, y - h * 0.6, w * 0.5, h * 0.26);
    }
  },
};

export const FERN: Prop = {
  width: 90, height: 70, foot: 56, shade: [26, 8],
  draw(q, seed) {
    for (const a of [-1.3, -0.7, 0.7, 1.3, -0.2, 0.3])
      at(q, 0, 0, a + (hash(seed, a * 10, 2) - 0.5) * 0.2, () => shape(q, ["#a6e07a", "#3a8a44"], -44, 0, (p) => {
        p.moveTo(0, 0);
        p.quadraticCurveTo(-9, -24, 0, -44);
        p.quadraticCurveTo(9, -24, 0, 0);
      }, 1.6));
  },
};
