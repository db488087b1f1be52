//! Pictures of the eight skills: a sign on a glowing ground.

import { type Fill, type Pen, TAU, at, glow, limb, oval, poly, shape, spot, stroke } from "./pen";

const GROUNDS: Readonly<Record<number, Fill>> = {
  1: ["#8a6a4a", "#3a2415"], 2: ["#4a90c8", "#14305a"], 3: ["#e0b03a", "#7a3f10"], 4: ["#7a6ae0", "#251a66"],
  5: ["#f0703a", "#6a140f"], 6: ["#7f94a8", "#2a3648"], 7: ["#5ab06a", "#174a2c"], 8: ["#b03a5a", "#3a0a22"],
};

function sword(q: Pen): void {
  poly(q, ["#fbfdff", "#8fa2c4"], [[-4, 10], [-4.6, -18], [0, -27], [4.6, -18], [4, 10]]);
  shape(q, ["#ffe08a", "#a8742a"], 8, 14, (p) => p.roundRect(-11, 8, 22, 6, 3));
  limb(q, [[0, 15], [0, 23]], 4, ["#8a5a34", "#4b2d17"]);
}

const SIGNS: Readonly<Record<number, (q: Pen) => void>> = {
  1: (q) => at(q, 0, 0, 0.7, () => sword(q)),
  2(q) {
    for (let i = 0; i < 3; i++) stroke(q, `rgba(200,240,255,${0.3 + i * 0.2})`, 3.4, (p) => {
      p.moveTo(-25 + i * 4, 16 - i * 12);
      p.lineTo(-2 + i * 4, 10 - i * 12);
    });
    at(q, 4, -2, 1.25, () => sword(q));
  },
  3(q) {
    poly(q, ["#fffbe0", "#ffc93a"], Array.from({ length: 14 }, (_, i) => [Math.cos((i / 14) * TAU) * (i % 2 === 0 ? 26 : 13), Math.sin((i / 14) * TAU) * (i % 2 === 0 ? 26 : 13)] as const));
    stroke(q, "#c2571a", 4, (p) => {
      for (let a = 0; a < 11; a += 0.3) {
        const r = a * 0.95;
        const [x, y] = [Math.cos(a) * r, Math.sin(a) * r];
        if (a === 0) p.moveTo(x, y);
        else p.lineTo(x, y);
      }
    });
  },
  4(q) {
    poly(q, ["#ffffff", "#ffd84a"], [[5, -27], [-15, 3], [-2, 3], [-7, 27], [16, -6], [2, -6]]);
    for (const r of [22, 27]) stroke(q, "rgba(214,210,255,.6)", 2.4, (p) => {
      p.arc(0, 0, r, -0.5, 0.5);
      p.moveTo(Math.cos(2.64) * r, Math.sin(2.64) * r);
      p.arc(0, 0, r, 2.64, 3.64);
    });
  },
  5(q) {
    for (const [s, fill] of [[1, ["#ffcf4a", "#e0381a"]], [0.66, ["#fff2a0", "#ff8a1e"]], [0.36, ["#ffffff", "#ffe27a"]]] as const)
      at(q, 0, 12 - s * 8, 0, () => shape(q, fill, -32, 16, (p) => {
        p.moveTo(0, -32);
        p.bezierCurveTo(4, -16, 22, -10, 19, 8);
        p.bezierCurveTo(16, 22, -16, 22, -19, 8);
        p.bezierCurveTo(-21, -4, -10, -8, -9, -18);
        p.bezierCurveTo(-4, -14, -2, -20, 0, -32);
      }), s);
  },
  6(q) {
    shape(q, ["#f2f7ff", "#7f8fa8"], -26, 28, (p) => {
      p.moveTo(0, -27);
      p.quadraticCurveTo(12, -19, 23, -20);
      p.quadraticCurveTo(25, 14, 0, 28);
      p.quadraticCurveTo(-25, 14, -23, -20);
      p.quadraticCurveTo(-12, -19, 0, -27);
    }, 2.6);
    shape(q, ["#8fb8e8", "#2f5a92"], -18, 18, (p) => {
      p.moveTo(0, -17);
      p.lineTo(14, -11);
      p.quadraticCurveTo(14, 8, 0, 17);
      p.quadraticCurveTo(-14, 8, -14, -11);
    });
    poly(q, ["#fff6c8", "#e0a42a"], [[0, -10], [6, 0], [0, 10], [-6, 0]], 1.8);
  },
  7(q) {
    for (let i = 0; i < 3; i++) at(q, -13 + i * 11, 0, 0, () => poly(q, [["#d4ffd0", "#5ac06a"], ["#b4f2b4", "#3aa052"], ["#f2ffe6", "#8ae07a"]][i] as unknown as Fill, [[-9, -20], [6, 0], [-9, 20], [-1, 20], [16, 0], [-1, -20]]));
  },
  8(q) {
    glow(q, "#ff8aa0", 0, 0, 28, 0.8);
    oval(q, ["#fff8ea", "#d0bfa0"], 0, -4, 19, 18, 0, 2.4);
    shape(q, ["#fff8ea", "#d0bfa0"], 8, 24, (p) => p.roundRect(-11, 9, 22, 14, 4), 2.4);
    for (const x of [-8, 8]) {
      spot(q, "#3a0a22", x, -3, 6, 6.6);
      spot(q, "#ff5a7a", x, -2, 2.4);
    }
    spot(q, "#3a0a22", 0, 6, 2.4, 3.4);
    stroke(q, "#3a0a22", 2, (p) => {
      for (const x of [-4, 0, 4]) {
        p.moveTo(x, 14);
        p.lineTo(x, 22);
      }
    });
  },
};

export function drawSkill(q: Pen, id: number): void {
  const [top, low] = GROUNDS[id] ?? ["#888", "#333"];
  const g = q.createRadialGradient(0, -8, 4, 0, 0, 44);
  g.addColorStop(0, top);
  g.addColorStop(1, low);
  q.fillStyle = g;
  q.fillRect(-32, -32, 64, 64);
  q.save();
  q.shadowColor = "rgba(0,0,0,.5)";
  q.shadowBlur = 6;
  q.shadowOffsetY = 3;
  at(q, 0, 0, 0, () => (SIGNS[id] ?? SIGNS[1])?.(q), 0.92);
  q.restore();
}
