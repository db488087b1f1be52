//! Things that stand on the ground: rocks, plants, ruins, huts, lights. Drawn once for each kind, size and seed.

import type { Figure } from "./figure";
import type { Biome } from "./scene";
import { type Fill, type Pen, TAU, at, glow, hash, limb, oval, poly, shape, spot, stroke, trace } from "./pen";

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

const RUIN_STONE: Fill = ["#f6e6c2", "#b08d5f"];

const COLUMN: Prop = { width: 60, height: 140, foot: 124, shade: [22, 8], draw: (q, seed) => column(q, 0, 98, RUIN_STONE, false, seed) };
const BROKEN_COLUMN: Prop = {
  width: 70, height: 110, foot: 94, shade: [24, 8],
  draw(q, seed) {
    column(q, 0, 40 + hash(seed, 4, 4) * 32, RUIN_STONE, true, seed);
    at(q, 20, 2, 0.2, () => shape(q, RUIN_STONE, -12, 2, (p) => p.roundRect(-8, -11, 18, 12, 3)));
  },
};

const RUIN_WALL: Prop = {
  width: 160, height: 112, foot: 92, shade: [68, 15],
  draw(q, seed) {
    const tops = [54, 66, 48, 62, 34, 22].map((h, i) => h + hash(i, seed, 5) * 14);
    shape(q, RUIN_STONE, -80, 4, (p) => {
      p.moveTo(-64, 2);
      tops.forEach((h, i) => {
        p.lineTo(-64 + i * 21.4, -h);
        p.lineTo(-64 + (i + 1) * 21.4, -h - (i % 2 === 0 ? 4 : -3));
      });
      p.lineTo(64, 2);
    }, 2.4);
    q.save();
    q.clip();
    for (let row = 0; row < 6; row++)
      for (let i = -4; i < 5; i++) {
        const x = i * 27 + (row % 2) * 13;
        stroke(q, "rgba(96,70,42,.35)", 1.6, (p) => p.roundRect(x, -14 - row * 14, 27, 14, 2));
      }
    q.restore();
    for (let i = 0; i < 5; i++) stroke(q, "#6d9a4a", 2.2, (p) => {
      const x = -46 + i * 7;
      p.moveTo(x, -56);
      p.quadraticCurveTo(x - 3, -44, x + (i % 2) * 4, -34 + i * 3);
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

const DEAD_TREE: Prop = {
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

const WELL: Prop = {
  width: 120, height: 130, foot: 102, shade: [46, 20],
  draw(q) {
    for (const x of [-34, 34]) limb(q, [[x, -20], [x, -76]], 6, ["#a9743e", "#5d3b20"]);
    shape(q, ["#d8c8ae", "#7f6c54"], -36, 18, (p) => {
      p.moveTo(-42, -26);
      p.lineTo(-40, 4);
      p.quadraticCurveTo(0, 24, 40, 4);
      p.lineTo(42, -26);
    }, 2.4);
    oval(q, ["#efe2ca", "#a8947a"], 0, -26, 42, 13, 0, 2.4);
    oval(q, ["#17566a", "#2fb3bf"], 0, -25, 31, 8.6, 0, 2);
    for (const [x, y] of [[-26, -4], [-6, 2], [16, 0], [30, -8]] as const) stroke(q, "rgba(70,54,36,.4)", 2, (p) => p.roundRect(x - 8, y - 6, 17, 10, 3));
    poly(q, ["#c9752f", "#7d3f16"], [[-50, -70], [0, -102], [50, -70], [40, -64], [-40, -64]], 2.4);
    limb(q, [[0, -70], [0, -44]], 1.6, ["#e0c48a", "#a8824a"], 1);
    shape(q, ["#b9854e", "#6b4222"], -46, -32, (p) => p.roundRect(-7, -45, 14, 13, 3), 1.8);
  },
};

const CART: Prop = {
  width: 150, height: 100, foot: 80, shade: [54, 15],
  draw(q) {
    limb(q, [[38, -20], [68, -4]], 4, ["#a9743e", "#5d3b20"]);
    shape(q, ["#c98f52", "#7a4c26"], -52, -16, (p) => {
      p.moveTo(-50, -48);
      p.lineTo(44, -48);
      p.lineTo(38, -18);
      p.lineTo(-44, -18);
    }, 2.4);
    for (const y of [-38, -28]) stroke(q, "rgba(70,40,16,.45)", 2, (p) => {
      p.moveTo(-47, y);
      p.lineTo(41, y);
    });
    for (const [x, fill] of [[-28, ["#e9d3a0", "#a8824a"]], [0, ["#f0e0b4", "#b99a5e"]], [24, ["#d8b878", "#94703c"]]] as const) oval(q, fill, x, -54, 15, 11);
    for (const x of [-26, 22]) {
      oval(q, ["#a9743e", "#5d3b20"], x, -10, 17, 17, 0, 2.4);
      oval(q, ["#d8b07a", "#8f6434"], x, -10, 10.5, 10.5, 0, 1.8);
      for (let i = 0; i < 3; i++) at(q, x, -10, (i * Math.PI) / 3, () => stroke(q, "#5d3b20", 2.6, (p) => {
        p.moveTo(-13, 0);
        p.lineTo(13, 0);
      }));
    }
  },
};

const CRATES: Prop = {
  width: 110, height: 100, foot: 80, shade: [40, 13],
  draw(q) {
    const crate = (x: number, y: number, s: number) => {
      shape(q, ["#d8a866", "#8f5f30"], y - s, y, (p) => p.rect(x - s / 2, y - s, s, s), 2.2);
      stroke(q, "rgba(80,46,18,.7)", 2.4, (p) => {
        p.rect(x - s / 2 + 4, y - s + 4, s - 8, s - 8);
        p.moveTo(x - s / 2 + 4, y - 4);
        p.lineTo(x + s / 2 - 4, y - s + 4);
      });
    };
    crate(-18, 0, 32);
    crate(18, 4, 34);
    crate(-4, -30, 28);
  },
};

const CAIRN: Prop = {
  width: 80, height: 100, foot: 82, shade: [26, 9],
  draw(q, seed) {
    for (const [y, w, h] of [[-8, 24, 12], [-26, 20, 11], [-42, 15, 10], [-57, 11, 8], [-68, 7, 6]] as const) {
      oval(q, ["#e2ebf4", "#74879d"], (hash(seed, y, 2) - 0.5) * 6, y, w, h);
      spot(q, "rgba(255,255,255,.8)", -3, y - h * 0.6, w * 0.5, h * 0.26);
    }
  },
};

const FERN: Prop = {
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

const CAMPFIRE: Prop = {
  width: 110, height: 100, foot: 74, shade: [30, 10],
  draw(q, seed) {
    glow(q, "#ff9a3a", 0, -18, 44, 0.7);
    for (let i = 0; i < 9; i++) oval(q, ["#b9ab9a", "#6a5d50"], Math.cos((i / 9) * TAU) * 25, Math.sin((i / 9) * TAU) * 11, 6, 5, 0, 1.6);
    for (const turn of [-0.5, 0.5]) at(q, 0, 0, turn, () => limb(q, [[-18, 0], [18, 0]], 6, ["#8a5a34", "#4b2d17"]));
    for (const [x, h, fill] of [[-7, 26, ["#ffb03a", "#e0481a"]], [7, 30, ["#ffb03a", "#e0481a"]], [0, 40, ["#ffe27a", "#ff7a1e"]], [0, 20, ["#fffbe0", "#ffd04a"]]] as const)
      shape(q, fill, -h, 2, (p) => {
        p.moveTo(x - 9, 0);
        p.quadraticCurveTo(x - 9, -h * 0.6, x + (hash(seed, x, 4) - 0.5) * 8, -h);
        p.quadraticCurveTo(x + 10, -h * 0.5, x + 9, 0);
      }, 0);
  },
};

const CAVE_MOUTH: Prop = {
  width: 200, height: 170, foot: 146, shade: [84, 16],
  draw(q, seed) {
    const stone: Fill = seed % 2 === 0 ? ["#b9a48c", "#5f4c3c"] : ["#a8998a", "#544638"];
    poly(q, stone, [[-86, 4], [-92, -46], [-66, -104], [-18, -132], [34, -126], [74, -96], [92, -40], [84, 4]], 2.6);
    shape(q, ["#0f0a12", "#2a1f30"], -96, 4, (p) => {
      p.moveTo(-48, 6);
      p.quadraticCurveTo(-58, -84, 0, -92);
      p.quadraticCurveTo(58, -84, 48, 6);
    }, 2.6);
    stroke(q, "rgba(255,240,214,.35)", 3, (p) => {
      p.moveTo(-66, -100);
      p.lineTo(-18, -127);
      p.lineTo(30, -121);
    });
    for (const x of [-56, 56]) {
      limb(q, [[x, -40], [x, -62]], 4, ["#8a5a34", "#4b2d17"]);
      glow(q, "#ffb04a", x, -70, 26, 0.9);
      oval(q, ["#fff6c0", "#ff8a2a"], x, -70, 6, 9, 0, 0);
    }
  },
};

const GATE: Prop = {
  width: 200, height: 190, foot: 166, shade: [84, 14],
  draw(q) {
    const stone: Fill = ["#e6d2ae", "#927656"];
    for (const x of [-62, 62]) {
      shape(q, stone, -126, 4, (p) => p.roundRect(x - 20, -124, 40, 128, 4), 2.4);
      for (let i = 0; i < 5; i++) stroke(q, "rgba(80,56,34,.35)", 1.8, (p) => {
        p.moveTo(x - 20, -14 - i * 24);
        p.lineTo(x + 20, -14 - i * 24);
      });
      shape(q, stone, -138, -122, (p) => p.roundRect(x - 25, -136, 50, 14, 3), 2.2);
    }
    shape(q, stone, -160, -100, (p) => {
      p.moveTo(-44, -104);
      p.quadraticCurveTo(0, -150, 44, -104);
      p.lineTo(52, -128);
      p.quadraticCurveTo(0, -176, -52, -128);
    }, 2.4);
    oval(q, ["#ffe9a8", "#c08a22"], 0, -146, 11, 11);
    oval(q, ["#ff8a6a", "#b5281a"], 0, -146, 5.4);
  },
};

const BOULDERS: Readonly<Record<Biome, Prop>> = {
  desert: boulder(["#d6b594", "#775743"]),
  oasis: boulder(["#b9b496", "#5f5f4c"], "rgba(110,160,70,.75)"),
  ice: boulder(["#dfe9f4", "#6f8199"], "rgba(255,255,255,.9)"),
  arena: boulder(["#cbb596", "#6f5640"]),
  cave: boulder(["#8d7d94", "#3d3348"]),
};

/** The same, drawn smaller or larger: sizes in the scene's files mean what blocks. */
function scaled(prop: Prop, by: number): Prop {
  return {
    width: prop.width * by, height: prop.height * by, foot: prop.foot * by, shade: [prop.shade[0] * by, prop.shade[1] * by],
    draw: (q, seed) => at(q, 0, 0, 0, () => prop.draw(q, seed), by),
  };
}

const ALL: Readonly<Record<string, Prop>> = {
  cactus: CACTUS, deadTree: DEAD_TREE, column: COLUMN, brokenColumn: BROKEN_COLUMN, ruinWall: RUIN_WALL, tent: TENT, hut: HUT, well: WELL, cart: CART, crates: CRATES,
  palm: PALM, pine: PINE, iceSpike: scaled(SHARD, 0.72), cairn: CAIRN, brazier: BRAZIER, stalagmite: scaled(STALAGMITE, 0.85), crystal: scaled(CRYSTAL, 0.9), bush: BUSH, fern: FERN,
  lamp: LAMP, campfire: CAMPFIRE, signpost: SIGN, banner: BANNER, caveMouth: CAVE_MOUTH, gate: GATE,
};

/** How a kind looks in a biome. */
export function propOf(kind: string, biome: Biome): Prop | undefined {
  if (kind === "boulder") return BOULDERS[biome];
  if (kind === "rock") return scaled(BOULDERS[biome], 0.5);
  return ALL[kind];
}

export const PROP_KINDS = ["rock", "boulder", ...Object.keys(ALL)];
