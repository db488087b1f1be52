//! Pictures of the thirteen things that are eaten or drunk.

import { type Fill, type Pen, TAU, at, limb, oval, shape, spot, stroke } from "./pen";

const LEAF: Fill = ["#a6e06a", "#3f8f3a"];

function leaf(q: Pen, x: number, y: number, turn: number, long = 16): void {
  at(q, x, y, turn, () =>
    shape(q, LEAF, -long, 0, (p) => {
      p.moveTo(0, 0);
      p.quadraticCurveTo(-7, -long * 0.6, 0, -long);
      p.quadraticCurveTo(7, -long * 0.6, 0, 0);
    }, 1.8));
}

function bone(q: Pen): void {
  limb(q, [[10, 10], [22, 22]], 6, ["#fffdf4", "#d8c9a6"]);
  for (const [x, y] of [[25, 20], [20, 25]] as const) oval(q, ["#fffdf4", "#d8c9a6"], x, y, 4.6, 4.6, 0, 1.8);
}

const FOOD: Readonly<Record<number, (q: Pen) => void>> = {
  1(q) {
    shape(q, ["#ff7a6a", "#c21a2a"], -14, 28, (p) => {
      p.moveTo(0, 28);
      p.bezierCurveTo(-22, 14, -26, -14, -8, -14);
      p.quadraticCurveTo(0, -10, 8, -14);
      p.bezierCurveTo(26, -14, 22, 14, 0, 28);
    }, 2.4);
    for (const [x, y] of [[-10, -2], [0, 2], [10, -2], [-6, 10], [6, 10], [0, 19]] as const) spot(q, "#ffe9a0", x, y, 1.5, 2.3);
    for (const turn of [-1.1, -0.4, 0.4, 1.1]) leaf(q, 0, -11, turn, 15);
  },
  2(q) {
    oval(q, ["#ffd9a8", "#ff7a6e"], 0, 5, 22, 21, 0, 2.4);
    stroke(q, "rgba(190,60,60,.55)", 2.4, (p) => {
      p.moveTo(2, -15);
      p.quadraticCurveTo(-9, 4, 0, 25);
    });
    spot(q, "rgba(255,255,255,.5)", -10, -4, 5, 7, 0.5);
    leaf(q, 2, -14, 0.9, 22);
  },
  3(q) {
    for (const [x, y, fill] of [[-11, 4, ["#fffaf0", "#d9c6a6"]], [11, 4, ["#ffe6c8", "#cf9a6a"]], [0, 9, ["#fffdf6", "#e2d2b4"]]] as const) {
      oval(q, fill, x, y, 12.5, 16.5, 0, 2.2);
      spot(q, "rgba(255,255,255,.8)", x - 4, y - 7, 2.8, 4, 0.5);
    }
  },
  4(q) {
    limb(q, [[0, 4], [4, 16], [10, 28]], 3.4, ["#7cc45c", "#2f7a3c"]);
    for (let i = 0; i < 4; i++) at(q, 0, -3, (i * TAU) / 4 + 0.78, () => shape(q, ["#b4ee7a", "#3a9a48"], -23, 0, (p) => {
      p.moveTo(0, 0);
      p.bezierCurveTo(-18, -8, -14, -26, 0, -17);
      p.bezierCurveTo(14, -26, 18, -8, 0, 0);
    }, 2));
  },
  5(q) {
    limb(q, [[0, 28], [-2, 6], [2, -20]], 4, ["#8fd06a", "#356f3a"]);
    for (const [x, y, t, l] of [[0, 14, -1.1, 24], [0, 8, 1.1, 24], [-1, -2, -0.9, 20], [0, -6, 0.9, 20], [2, -16, 0, 16]] as const) leaf(q, x, y, t, l);
    for (const [x, y] of [[-9, -19], [11, -22], [1, -28]] as const) oval(q, ["#ffd0e0", "#d83a6a"], x, y, 4.4, 4.4, 0, 1.6);
  },
  6(q) {
    oval(q, ["#f6cf8a", "#b57a36"], 0, 2, 24, 22, 0, 2.4);
    for (const [x, y] of [[-10, -6], [6, -10], [12, 4], [-4, 6], [4, 15], [-13, 9]] as const) oval(q, ["#7a4a26", "#3f220f"], x, y, 3.6, 3.2, 0.3, 1.4);
  },
  7(q) {
    at(q, 0, 0, 0.5, () => {
      oval(q, ["#ffe98a", "#eaa41e"], 0, -4, 11.5, 24, 0, 2.4);
      for (let i = 0; i < 7; i++) for (const x of [-5.6, 0, 5.6]) spot(q, "rgba(190,110,10,.5)", x, -22 + i * 6 + (x === 0 ? 2 : 0), 1.8, 1.4);
      for (const side of [-1, 1]) shape(q, LEAF, -12, 28, (p) => {
        p.moveTo(0, 28);
        p.quadraticCurveTo(side * 22, 14, side * 15, -13);
        p.quadraticCurveTo(side * 8, 8, 0, 12);
      });
    });
  },
  8(q) {
    shape(q, ["#d8705a", "#8a2a22"], -22, 22, (p) => {
      p.moveTo(-22, -4);
      p.bezierCurveTo(-20, -28, 16, -24, 25, -6);
      p.bezierCurveTo(30, 12, 8, 24, -8, 19);
      p.bezierCurveTo(-24, 16, -26, 8, -22, -4);
    }, 2.4);
    stroke(q, "#ffe3cf", 3.4, (p) => {
      p.moveTo(-15, -2);
      p.bezierCurveTo(-8, -18, 12, -14, 17, -2);
    });
    oval(q, ["#fff6e6", "#e0c6a6"], -6, 7, 6, 5, 0, 1.8);
  },
  9(q) {
    bone(q);
    shape(q, ["#f2a14a", "#9a4a16"], -26, 16, (p) => {
      p.moveTo(14, 12);
      p.quadraticCurveTo(12, -6, -4, -10);
      p.quadraticCurveTo(-14, -28, -26, -16);
      p.quadraticCurveTo(-24, 4, -10, 8);
      p.quadraticCurveTo(0, 20, 14, 12);
    }, 2.4);
    spot(q, "rgba(255,236,190,.6)", -12, -10, 6, 3, 0.6);
  },
  10(q) {
    bone(q);
    oval(q, ["#f0a052", "#8f4216"], -6, -6, 20, 18, 0.7, 2.4);
    spot(q, "rgba(255,236,190,.6)", -13, -14, 6, 4, -0.6);
    stroke(q, "rgba(90,40,10,.5)", 2, (p) => p.arc(-4, -4, 12, 0.2, 1.4));
  },
  11(q) {
    oval(q, ["#e9c28a", "#9a6a34"], 0, 14, 27, 11, 0, 2.4);
    for (const [x, y] of [[-12, 4], [12, 4], [0, -5]] as const) {
      shape(q, ["#fffdf6", "#e0d0b2"], y - 12, y + 10, (p) => {
        p.moveTo(x - 14, y + 7);
        p.bezierCurveTo(x - 16, y - 15, x + 16, y - 15, x + 14, y + 7);
        p.quadraticCurveTo(x, y + 13, x - 14, y + 7);
      }, 2);
      stroke(q, "rgba(150,120,80,.6)", 1.6, (p) => {
        for (const k of [-5, 0, 5]) {
          p.moveTo(x + k, y - 8);
          p.lineTo(x + k * 0.4, y - 3);
        }
      });
    }
  },
  12(q) {
    limb(q, [[-18, 26], [18, -28]], 2.6, ["#e0bd86", "#9a6a34"]);
    for (const [x, y] of [[-8, 11], [1, -3], [10, -16]] as const) {
      oval(q, ["#ff8a7a", "#c21a2a"], x, y, 9.5, 9.5, 0, 2.2);
      spot(q, "rgba(255,255,255,.75)", x - 3.4, y - 3.6, 2.6);
    }
  },
  13(q) {
    for (const [x, y, w] of [[-18, 24, 3.6], [16, 25, 3.6], [-24, 6, 3], [24, 2, 3]] as const) limb(q, [[0, 6], [x * 0.5, y * 0.7], [x, y]], w, ["#f6d8a0", "#b98748"]);
    shape(q, ["#fbe3b4", "#c08d4c"], -16, 24, (p) => {
      p.moveTo(-7, -16);
      p.bezierCurveTo(-18, 0, -10, 22, 0, 25);
      p.bezierCurveTo(10, 22, 18, 0, 7, -16);
    }, 2.4);
    stroke(q, "rgba(130,80,30,.5)", 1.8, (p) => {
      for (const y of [-6, 2, 10]) {
        p.moveTo(-8, y);
        p.quadraticCurveTo(-2, y + 3, 3, y);
      }
    });
    for (const turn of [-0.8, 0, 0.8]) leaf(q, 0, -15, turn, 16);
  },
};

export function drawFood(q: Pen, id: number): void {
  (FOOD[id] ?? FOOD[6])?.(q);
}
