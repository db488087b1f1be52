//! Things that stand on the ground: rocks, plants, ruins, huts, lights. Drawn once for each kind, size and seed.

import type { Figure } from "./figure";
import { type Fill, type Pen, TAU, at, glow, hash, limb, oval, poly, shape, spot, stroke } from "./pen";

/** Drawn with the pen at its middle on the ground. */
export interface Prop extends Pick<Figure, "width" | "height" | "foot" | "shade"> {
  readonly draw: (q: Pen, seed: number) => void;
}

function boulder(fill: Fill, moss?: string): Prop {
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
      points.forEach(([x, y], i) => (i === 0 ? q.moveTo(x, y) : q.lineTo(x, y)));
      q.clip();
      q.fillStyle = "rgba(255,246,224,.34)";
      q.beginPath();
      for (const [i, [x, y]] of points.slice(5, 10).entries()) i === 0 ? q.moveTo(x, y) : q.lineTo(x, y);
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

const CACTUS: Prop = {
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

const PALM: Prop = {
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

const PINE: Prop = {
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

function column(q: Pen, x: number, tall: number, stone: Fill, broken: boolean, seed: number): void {
  shape(q, stone, -12, 0, (p) => p.roundRect(x - 15, -9, 30, 10, 2));
  shape(q, stone, -tall, -8, (p) => {
    p.moveTo(x - 11, -8);
    p.lineTo(x - 10, -tall + 3);
    if (broken) {
      p.lineTo(x - 4, -tall - 5 - hash(seed, 1, 1) * 5);
      p.lineTo(x + 2, -tall + 4);
      p.lineTo(x + 7, -tall - 3);
    }
    p.lineTo(x + 10, -tall + 5);
    p.lineTo(x + 11, -8);
  });
  stroke(q, "rgba(80,56,34,.35)", 2, (p) => {
    for (const k of [-4.5, 0, 4.5]) {
      p.moveTo(x + k, -11);
      p.lineTo(x + k, -tall + 10);
    }
  });
  if (!broken) shape(q, stone, -tall - 10, -tall + 2, (p) => p.roundRect(x - 16, -tall - 9, 32, 11, 3));
}

const RUIN: Prop = {
  width: 190, height: 158, foot: 136, shade: [72, 18],
  draw(q, seed) {
    const stone: Fill = ["#f6e6c2", "#b08d5f"];
    at(q, 0, -4, 0, () => {
      column(q, -52, 94, stone, false, seed);
      column(q, 50, 62 + hash(seed, 4, 4) * 26, stone, true, seed);
      shape(q, stone, -116, -98, (p) => {
        p.moveTo(-76, -103);
        p.lineTo(-72, -118);
        p.lineTo(-8, -116);
        p.lineTo(4, -108);
        p.lineTo(-4, -102);
      });
    });
    at(q, 8, -2, 0.12, () => shape(q, stone, -16, 4, (p) => p.roundRect(-26, -18, 50, 20, 4)));
    stroke(q, "rgba(80,56,34,.4)", 1.8, (p) => {
      p.moveTo(-4, -16);
      p.lineTo(2, -6);
      p.lineTo(-2, 0);
    });
    for (let i = 0; i < 5; i++) stroke(q, "#6d9a4a", 2, (p) => {
      const x = -58 + i * 4;
      p.moveTo(x, -102);
      p.quadraticCurveTo(x - 2, -90 + i * 2, x + (i % 2) * 4, -82 + i * 4);
    });
  },
};

const HUT: Prop = {
  width: 210, height: 180, foot: 156, shade: [84, 22],
  draw(q) {
    shape(q, ["#f3dbac", "#b98d58"], -70, 0, (p) => {
      p.moveTo(-62, -64);
      p.lineTo(62, -64);
      p.lineTo(58, -2);
      p.quadraticCurveTo(0, 6, -58, -2);
    }, 2.4);
    stroke(q, "rgba(110,70,34,.3)", 2, (p) => {
      for (let i = 0; i < 4; i++) {
        p.moveTo(-58, -50 + i * 14);
        p.quadraticCurveTo(0, -44 + i * 14, 58, -50 + i * 14);
      }
    });
    shape(q, ["#7b4f2c", "#3f2715"], -48, 2, (p) => {
      p.moveTo(-15, 2);
      p.lineTo(-15, -34);
      p.quadraticCurveTo(0, -50, 15, -34);
      p.lineTo(15, 2);
    });
    spot(q, "#ffd66b", 9, -16, 2.2);
    for (const x of [-40, 38]) {
      shape(q, ["#ffe9a8", "#f0a53a"], -44, -24, (p) => p.roundRect(x - 9, -42, 18, 18, 3));
      stroke(q, "#5d3b20", 2, (p) => {
        p.moveTo(x, -42);
        p.lineTo(x, -24);
        p.moveTo(x - 9, -33);
        p.lineTo(x + 9, -33);
      });
    }
    shape(q, ["#e6c56f", "#9a6b2c"], -140, -48, (p) => {
      p.moveTo(0, -142);
      p.quadraticCurveTo(40, -96, 88, -58);
      p.quadraticCurveTo(44, -46, 0, -48);
      p.quadraticCurveTo(-44, -46, -88, -58);
      p.quadraticCurveTo(-40, -96, 0, -142);
    }, 2.4);
    stroke(q, "rgba(90,54,16,.4)", 2, (p) => {
      for (let i = -5; i <= 5; i++) {
        p.moveTo(i * 3, -128 + Math.abs(i) * 3);
        p.quadraticCurveTo(i * 9, -90, i * 15, -54);
      }
    });
    shape(q, ["#c9752f", "#7d3f16"], -150, -134, (p) => p.ellipse(0, -140, 9, 7, 0, 0, TAU));
  },
};

const SHARD: Prop = {
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

const BUSH: Prop = {
  width: 96, height: 72, foot: 58, shade: [32, 9],
  draw(q, seed) {
    for (const [x, y, r] of [[-16, -14, 17], [16, -14, 17], [0, -24, 20], [-2, -10, 18]] as const) oval(q, ["#9ad46c", "#3a7f40"], x, y, r, r * 0.86);
    for (let i = 0; i < 5; i++) spot(q, i % 2 === 0 ? "#ff8a9a" : "#ffd66b", -22 + hash(i, seed, 3) * 44, -34 + hash(i, seed, 4) * 26, 2.8);
  },
};

const LAMP: Prop = {
  width: 110, height: 140, foot: 112, shade: [14, 5],
  draw(q) {
    glow(q, "#ffcf6a", 0, -76, 50, 0.6);
    limb(q, [[0, 0], [0, -66]], 5, ["#7b5a36", "#3f2a18"]);
    oval(q, ["#8a6844", "#4a3320"], 0, 0, 10, 4);
    shape(q, ["#fff8d0", "#ffa83a"], -92, -64, (p) => {
      p.moveTo(-9, -66);
      p.lineTo(-11, -84);
      p.lineTo(11, -84);
      p.lineTo(9, -66);
    });
    poly(q, ["#7b5a36", "#3f2a18"], [[-14, -84], [0, -97], [14, -84]]);
  },
};

const BRAZIER: Prop = {
  width: 110, height: 130, foot: 104, shade: [22, 7],
  draw(q, seed) {
    glow(q, "#ff9a3a", 0, -58, 48, 0.6);
    for (const x of [-11, 11]) limb(q, [[x, 0], [x * 0.4, -26]], 4, ["#6f6258", "#332b26"]);
    shape(q, ["#8f8074", "#3d342e"], -42, -24, (p) => {
      p.moveTo(-22, -42);
      p.quadraticCurveTo(0, -36, 22, -42);
      p.quadraticCurveTo(16, -22, 0, -22);
      p.quadraticCurveTo(-16, -22, -22, -42);
    });
    for (const [x, h, fill] of [[-8, 26, ["#ffb03a", "#e0481a"]], [8, 30, ["#ffb03a", "#e0481a"]], [0, 40, ["#ffe27a", "#ff7a1e"]], [0, 22, ["#fffbe0", "#ffd04a"]]] as const)
      shape(q, fill, -42 - h, -38, (p) => {
        p.moveTo(x - 9, -40);
        p.quadraticCurveTo(x - 9, -42 - h * 0.6, x + (hash(seed, x, 4) - 0.5) * 8, -42 - h);
        p.quadraticCurveTo(x + 10, -42 - h * 0.5, x + 9, -40);
      }, 0);
  },
};

const CRYSTAL: Prop = {
  width: 100, height: 100, foot: 80, shade: [26, 8],
  draw(q, seed) {
    glow(q, "#8af0e6", 0, -26, 44, 0.55);
    for (const [x, h, turn] of [[-12, 34, -0.4], [12, 38, 0.4], [0, 54, 0.02]] as const)
      at(q, x, 0, turn, () => poly(q, seed % 2 === 0 ? ["#e6fffb", "#2fa8a0"] : ["#f2e4ff", "#8a4ad0"], [[-8, 0], [-8, -h * 0.7], [0, -h], [8, -h * 0.66], [8, 0]], 2));
  },
};

const BANNER: Prop = {
  width: 80, height: 160, foot: 140, shade: [12, 4],
  draw(q, seed) {
    limb(q, [[0, 0], [0, -128]], 4, ["#a9743e", "#5d3b20"]);
    shape(q, seed % 2 === 0 ? ["#d8483a", "#7a1c22"] : ["#3f7fc9", "#1d3f78"], -122, -56, (p) => {
      p.moveTo(2, -122);
      p.lineTo(34, -118);
      p.lineTo(32, -62);
      p.lineTo(18, -74);
      p.lineTo(2, -60);
    });
    oval(q, ["#fff0b8", "#c9922e"], 18, -98, 8, 9, 0, 1.6);
    oval(q, ["#ffe08a", "#b07a26"], 0, -130, 5, 5, 0, 1.6);
  },
};

const TENT: Prop = {
  width: 180, height: 134, foot: 112, shade: [72, 18],
  draw(q) {
    poly(q, ["#f6e6c2", "#b88a54"], [[-70, 0], [-4, -92], [70, 0], [0, 8]], 2.4);
    for (const [a, b] of [[-50, -30], [30, 52]] as const) poly(q, ["#d8584a", "#8a2a2a"], [[a, 2], [-4, -92], [b, 4]], 1.4);
    poly(q, ["#4a2f1c", "#23140a"], [[-16, 6], [-4, -52], [16, 6]], 2);
    limb(q, [[-4, -88], [-4, -104]], 3, ["#a9743e", "#5d3b20"]);
    poly(q, ["#ffd66b", "#d98f2a"], [[-3, -104], [16, -98], [-3, -92]], 1.6);
  },
};

const BARREL: Prop = {
  width: 70, height: 70, foot: 56, shade: [22, 7],
  draw(q) {
    shape(q, ["#c98f52", "#6f4522"], -40, 2, (p) => {
      p.moveTo(-14, -38);
      p.quadraticCurveTo(-22, -18, -14, 1);
      p.quadraticCurveTo(0, 6, 14, 1);
      p.quadraticCurveTo(22, -18, 14, -38);
    });
    oval(q, ["#e0b070", "#a06c38"], 0, -38, 14, 4.6);
    for (const y of [-28, -8]) stroke(q, "#4d4a4a", 3, (p) => {
      p.moveTo(-17.6, y);
      p.quadraticCurveTo(0, y + 6, 17.6, y);
    });
  },
};

const STALAGMITE: Prop = {
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

const BONES: Prop = {
  width: 120, height: 70, foot: 54, shade: [40, 10],
  draw(q) {
    for (let i = 0; i < 5; i++) limb(q, [[-26 + i * 12, 0], [-32 + i * 13, -30 - (i % 3) * 4], [-16 + i * 12, -36]], 3.4, ["#fffaf0", "#cdb98e"], 1.6);
    oval(q, ["#fffaf0", "#cdb98e"], 38, -10, 15, 12);
    for (const x of [33, 43]) spot(q, "#4a3320", x, -11, 3.4, 4);
  },
};

const SIGN: Prop = {
  width: 80, height: 90, foot: 74, shade: [14, 5],
  draw(q) {
    limb(q, [[0, 0], [0, -52]], 5, ["#a9743e", "#5d3b20"]);
    poly(q, ["#d8a866", "#8f5f30"], [[-24, -58], [18, -58], [28, -48], [18, -38], [-24, -38]]);
    stroke(q, "rgba(70,40,16,.6)", 2, (p) => {
      p.moveTo(-16, -51);
      p.lineTo(10, -51);
      p.moveTo(-16, -45);
      p.lineTo(4, -45);
    });
  },
};

export const PROPS: Readonly<Record<string, Prop>> = {
  rock: boulder(["#d6b594", "#775743"]),
  mossrock: boulder(["#b9b496", "#5f5f4c"], "rgba(110,160,70,.75)"),
  snowrock: boulder(["#dfe9f4", "#6f8199"], "rgba(255,255,255,.9)"),
  darkrock: boulder(["#8d7d94", "#3d3348"]),
  cactus: CACTUS,
  palm: PALM,
  pine: PINE,
  ruin: RUIN,
  hut: HUT,
  shard: SHARD,
  bush: BUSH,
  lamp: LAMP,
  brazier: BRAZIER,
  crystal: CRYSTAL,
  banner: BANNER,
  tent: TENT,
  barrel: BARREL,
  stalagmite: STALAGMITE,
  bones: BONES,
  sign: SIGN,
};
