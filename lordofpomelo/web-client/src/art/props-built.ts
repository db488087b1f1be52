//! What people have built and put up: ruins, huts, tents, lights, signs, gates.

import { type Fill, type Pen, TAU, at, glow, hash, limb, oval, poly, shape, spot, stroke } from "./pen";
import type { Prop } from "./prop";

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

export const COLUMN: Prop = { width: 60, height: 140, foot: 124, shade: [22, 8], draw: (q, seed) => column(q, 0, 98, RUIN_STONE, false, seed) };

export const BROKEN_COLUMN: Prop = {
  width: 70, height: 110, foot: 94, shade: [24, 8],
  draw(q, seed) {
    column(q, 0, 40 + hash(seed, 4, 4) * 32, RUIN_STONE, true, seed);
    at(q, 20, 2, 0.2, () => shape(q, RUIN_STONE, -12, 2, (p) => p.roundRect(-8, -11, 18, 12, 3)));
  },
};

export const RUIN_WALL: Prop = {
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

export const HUT: Prop = {
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

export const LAMP: Prop = {
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

export const BRAZIER: Prop = {
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

export const BANNER: Prop = {
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

export const TENT: Prop = {
  width: 180, height: 134, foot: 112, shade: [72, 18],
  draw(q) {
    poly(q, ["#f6e6c2", "#b88a54"], [[-70, 0], [-4, -92], [70, 0], [0, 8]], 2.4);
    for (const [a, b] of [[-50, -30], [30, 52]] as const) poly(q, ["#d8584a", "#8a2a2a"], [[a, 2], [-4, -92], [b, 4]], 1.4);
    poly(q, ["#4a2f1c", "#23140a"], [[-16, 6], [-4, -52], [16, 6]], 2);
    limb(q, [[-4, -88], [-4, -104]], 3, ["#a9743e", "#5d3b20"]);
    poly(q, ["#ffd66b", "#d98f2a"], [[-3, -104], [16, -98], [-3, -92]], 1.6);
  },
};

export const SIGN: Prop = {
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

export const WELL: Prop = {
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

export const CART: Prop = {
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

export const CRATES: Prop = {
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

export const CAMPFIRE: Prop = {
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

export const CAVE_MOUTH: Prop = {
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

export const GATE: Prop = {
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
