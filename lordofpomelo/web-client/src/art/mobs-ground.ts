//! Mobs on the ground: beetle, coconut brute, rockling, horned scarab, corpse flower.

import { type Figure, type Moment, blow, wave } from "./figure";
import { type Fill, type Pen, TAU, at, eye, glow, hash, limb, oval, poly, shape, smooth, spot, stroke, trace } from "./pen";

function hitOf(m: Moment): number {
  return m.pose === "attack" ? blow(m.t) : 0;
}
function fallOf(m: Moment): number {
  return m.pose === "die" ? smooth(m.t) : 0;
}

interface Shell {
  readonly shell: Fill;
  readonly head: Fill;
  readonly seam: string;
  readonly legs: Fill;
  readonly eyes: Fill;
  readonly horn: boolean;
  readonly spots?: string;
  readonly size: number;
}

function scarab(d: Shell): Figure {
  const s = d.size;
  return {
    width: 150 * s, height: 116 * s, foot: 96 * s, tall: (d.horn ? 78 : 62) * s, shade: [44 * s, 13 * s],
    draw(q, m) {
      q.scale(s, s);
      const fall = fallOf(m);
      const hit = hitOf(m);
      // On its back when it falls.
      if (fall > 0) {
        q.translate(0, -26 * Math.sin(fall * Math.PI) - 22 * fall);
        q.rotate(Math.PI * fall);
        q.translate(0, 22 * fall);
      }
      q.translate(hit * 10, m.pose === "walk" ? -Math.abs(wave(m.t)) * 2 : -wave(m.t) * 0.7);
      const step = m.pose === "walk" ? wave(m.t) : m.pose === "die" ? wave(m.t * 3) * (1 - fall) : 0;
      for (const side of [-1, 1])
        for (let i = 0; i < 3; i++) {
          const reach = 34 + i * 4;
          const lift = step * side * (i % 2 === 0 ? 4 : -4);
          limb(q, [[side * 18, -22 + i * 4], [side * (reach + 2), -32 + i * 5], [side * (reach + 6), -2 + i * 1.5 - Math.max(0, lift)]], 4.4, d.legs, 1.8);
        }
      if (m.back) head(q, d, m, hit, fall);
      oval(q, d.shell, 0, -28, 35, 26);
      stroke(q, d.seam, 2.4, (p) => {
        p.moveTo(m.back ? 2 : -2, -53);
        p.quadraticCurveTo(m.back ? 8 : -8, -26, m.back ? 2 : -2, -3);
      });
      if (d.spots !== undefined)
        for (const [x, y, r] of [[-18, -36, 5], [17, -38, 5], [-20, -20, 4.4], [20, -20, 4.4], [-8, -46, 3], [9, -12, 4]] as const) spot(q, d.spots, x, y, r, r * 0.8);
      for (let i = 0; i < 2; i++) stroke(q, "rgba(255,255,255,.16)", 2, (p) => p.ellipse(0, -28, 24 - i * 9, 19 - i * 6, 0, 3.4, 5.2));
      spot(q, "rgba(255,255,255,.42)", -14, -42, 10, 4.6, -0.5);
      if (!m.back) head(q, d, m, hit, fall);
    },
  };
}

function head(q: Pen, d: Shell, m: Moment, hit: number, fall: number): void {
  const y = m.back ? -38 : -11;
  at(q, hit * 5, y - hit * 3, 0, () => {
    if (d.horn) {
      const nod = -hit * 8;
      shape(q, ["#fff0c4", "#a8742f"], -46, 4, (p) => {
        p.moveTo(-8, -2);
        p.quadraticCurveTo(-9, -28, 8, -48 + nod);
        p.quadraticCurveTo(8, -22, 9, -2);
      });
      for (const [x, r] of [[-2, -12], [1, -22], [4, -32]] as const) stroke(q, "rgba(90,50,10,.45)", 1.6, (p) => {
        p.moveTo(x - 4, r);
        p.quadraticCurveTo(x + 1, r + 4, x + 5, r);
      });
    } else
      for (const side of [-1, 1])
        stroke(q, "#1d1530", 2.6, (p) => {
          p.moveTo(side * 8, -10);
          p.quadraticCurveTo(side * 16, -22, side * 24, -22 + wave(m.t) * 2);
        });
    oval(q, d.head, 0, 0, 21, 13.5);
    if (m.back) return;
    for (const side of [-1, 1]) {
      oval(q, d.eyes, side * 10 + 1, 0, 4.6, 5.4, 0, 1.6);
      if (fall > 0.3) eye(q, side * 10 + 1, 0, 3, 3, "fallen");
      else spot(q, "#fff", side * 10 + 2.4, -2, 1.6);
      // Jaws.
      shape(q, ["#5a4a3a", "#241a12"], 6, 16, (p) => {
        p.moveTo(side * 3, 9);
        p.quadraticCurveTo(side * (13 + hit * 3), 10, side * (7 + hit * 5), 18);
        p.quadraticCurveTo(side * 7, 13, side * 2, 12);
      }, 1.6);
    }
  });
}

export const BEETLE = scarab({ shell: ["#8fe8ff", "#1f5f9c"], head: ["#5b8fb8", "#1d3557"], seam: "#14304f", legs: ["#4a6f92", "#1c2c44"], eyes: ["#ffe27a", "#d98a1f"], horn: false, spots: "rgba(235,252,255,.6)", size: 0.92 });
export const HORNED_SCARAB = scarab({ shell: ["#8f78ee", "#261c62"], head: ["#6455b0", "#1d1648"], seam: "#140d36", legs: ["#4a3f78", "#1b1436"], eyes: ["#ff8a6a", "#c4281a"], horn: true, size: 1.32 });

export const COCONUT_BRUTE: Figure = {
  width: 140, height: 128, foot: 110, tall: 88, shade: [34, 11],
  draw(q, m) {
    const fall = fallOf(m);
    const hit = hitOf(m);
    const step = m.pose === "walk" ? wave(m.t) : 0;
    q.translate(hit * 7 - fall * 36, -fall * 28);
    if (fall > 0) q.rotate(1.45 * fall);
    q.translate(-fall * 2, -Math.abs(step) * 2 - wave(m.t) * 0.6);
    for (const side of [-1, 1]) {
      limb(q, [[side * 11, -18], [side * 13 + side * step * 4, -4 - Math.max(0, side * step) * 4]], 10, ["#8a5a34", "#4b2d17"]);
      oval(q, ["#b9804a", "#6b4222"], side * 14 + side * step * 5, -3 - Math.max(0, side * step) * 4, 9, 5.4);
    }
    const arm = (side: number) => {
      const raise = side === 1 ? (hit < 0 ? -hit * 40 : -hit * 6) : 0;
      const x = side * (36 + hit * 4 * side);
      const y = -22 - raise + side * step * 5;
      limb(q, [[side * 24, -42], [side * 42, -40 - raise * 0.5], [x, y]], 10, ["#8a5a34", "#4b2d17"]);
      oval(q, ["#a06c3c", "#5a371c"], x, y + 2, 11, 10.5);
      for (const k of [-4, 1, 6]) stroke(q, "rgba(40,20,8,.6)", 1.6, (p) => {
        p.moveTo(x + k, y + 6);
        p.lineTo(x + k + 0.6, y + 11);
      });
    };
    arm(m.back ? 1 : -1);
    oval(q, ["#a87443", "#54321a"], 0, -42, 31, 29);
    for (let i = 0; i < 22; i++) {
      const a = hash(i, 3, 9) * TAU;
      const r = 10 + hash(i, 5, 9) * 17;
      const x = Math.cos(a) * r;
      const y = -42 + Math.sin(a) * r * 0.9;
      stroke(q, i % 2 === 0 ? "rgba(230,180,110,.5)" : "rgba(50,26,10,.45)", 1.6, (p) => {
        p.moveTo(x, y);
        p.lineTo(x + 2, y + 6);
      });
    }
    // A crown of leaves.
    for (let i = 0; i < 6; i++)
      at(q, 0, -68, -1.5 + i * 0.6 + wave(m.t, i * 0.1) * 0.04, () =>
        shape(q, i % 2 === 0 ? ["#9be06a", "#3b8a3c"] : ["#6fc25a", "#2a6a35"], -26, 2, (p) => {
          p.moveTo(-4, 2);
          p.quadraticCurveTo(-8, -16, 0, -27);
          p.quadraticCurveTo(8, -16, 4, 2);
        }, 1.8));
    if (!m.back) {
      oval(q, ["#f7e3bd", "#cfa468"], 3, -34, 19, 15, 0, 1.6);
      for (const side of [-1, 1]) {
        oval(q, ["#fff", "#eadfc8"], 3 + side * 9, -44, 6, 6.6, 0, 1.6);
        eye(q, 4 + side * 9, -43, 2.8, 3.6, fall > 0.3 ? "fallen" : "open", "#4a1f10");
        limb(q, [[3 + side * 3, -50 + (hit > 0 ? 2 : 0)], [3 + side * 15, -54]], 3, ["#4b2d17", "#2f1a0c"], 1);
      }
      shape(q, ["#7a2a20", "#3c0f0c"], -32, -20, (p) => p.ellipse(3, -28, 10, 3.6 + Math.max(0, hit) * 4, 0, 0, TAU), 1.8);
      for (const x of [-3, 8]) poly(q, ["#fffdf0", "#e0d2b0"], [[x - 2.4, -25], [x + 2.4, -25], [x, -32]], 1.2);
    }
    arm(m.back ? -1 : 1);
  },
};

export const ROCKLING: Figure = {
  width: 134, height: 116, foot: 98, tall: 76, shade: [34, 11],
  draw(q, m) {
    const fall = fallOf(m);
    const hit = hitOf(m);
    const step = m.pose === "walk" ? wave(m.t) : 0;
    q.translate(hit * 8, 0);
    const stone: Fill = ["#cfdcea", "#5d7086"];
    const part = (x: number, y: number, r: number, seed: number, fill: Fill = stone) =>
      // Falls into its stones.
      at(q, x + fall * (x > 0 ? 1 : -1) * (8 + hash(seed, 1, 1) * 12), y + fall * (-y - r * 0.7), fall * (hash(seed, 2, 2) - 0.5) * 3, () => {
        const points = Array.from({ length: 8 }, (_, i) => {
          const a = (i / 8) * TAU + hash(seed, i, 3) * 0.5;
          const d = r * (0.85 + hash(seed, i, 7) * 0.3);
          return [Math.cos(a) * d * 1.08, Math.sin(a) * d * 0.95] as const;
        });
        poly(q, fill, points);
        q.fillStyle = "rgba(255,255,255,.35)";
        q.beginPath();
        trace(q, points.slice(4, 8).map(([px, py]) => [px * 0.86, py * 0.86] as const));
        q.lineTo(-r * 0.05, -r * 0.2);
        q.fill();
      });
    for (const side of [-1, 1]) part(side * 14 + step * side * 4, -8 - Math.max(0, step * side) * 5, 10, 3 + side);
    part(-31 - hit * 2, -26 - step * 5, 11, 5);
    part(0, -32 - Math.abs(step) * 2 - wave(m.t) * 0.8, 26, 9);
    // Ice grows on its shoulders.
    const up = -Math.abs(step) * 2 - wave(m.t) * 0.8;
    if (fall < 0.4)
      for (const [x, y, h, turn] of [[-16, -50, 18, -0.5], [-6, -56, 24, -0.12], [6, -56, 19, 0.2], [16, -50, 15, 0.55]] as const)
        at(q, x, y + up + 4, turn, () => poly(q, ["#f2fdff", "#5bb9e6"], [[-5, 4], [-4, -h * 0.6], [0, -h], [4.4, -h * 0.55], [5, 4]], 1.8));
    part(31 + Math.max(0, hit) * 12, -26 + step * 5 - (hit < 0 ? -hit * 50 : Math.max(0, hit) * 4), 12.5, 7);
    if (m.back || fall > 0.6) return;
    for (const side of [-1, 1]) {
      glow(q, "#7fe9ff", 3 + side * 9, -36 + up, 11, 0.9);
      spot(q, "#183246", 3 + side * 9, -36 + up, 5.4, 5);
      spot(q, fall > 0 ? "#567" : "#a8f6ff", 3 + side * 9, -36 + up, 3.6, 3.2);
      stroke(q, "#2d4054", 3, (p) => {
        p.moveTo(3 + side * 3, -41 + up);
        p.lineTo(3 + side * 15, -45 + up);
      });
    }
    stroke(q, "#2d4054", 2.4, (p) => {
      p.moveTo(-5, -22 + up);
      p.lineTo(0, -25 + up);
      p.lineTo(4, -22 + up);
      p.lineTo(9, -25 + up);
      p.lineTo(13, -22 + up);
    });
  },
};

export const CORPSE_FLOWER: Figure = {
  width: 124, height: 118, foot: 100, tall: 80, shade: [30, 10],
  draw(q, m) {
    const fall = fallOf(m);
    const hit = hitOf(m);
    const s = wave(m.t) * (m.pose === "walk" ? 2 : 1);
    const sink = 1 - fall * 0.55;
    for (const a of [-1, 1])
      for (const [reach, drop] of [[36, 0], [24, 5]] as const)
        shape(q, ["#93d877", "#2c6e38"], -26, 4, (p) => {
          p.moveTo(0, -5);
          p.quadraticCurveTo(a * reach * 0.55, -26 - s * 2 + drop + fall * 14, a * reach, -7 + s * 2.4 * a + drop);
          p.quadraticCurveTo(a * reach * 0.5, 3 + drop * 0.4, 0, 1);
        });
    const x = s * 3 + hit * 22 + fall * 26;
    const y = (-47 + Math.max(0, hit) * 12) * sink + fall * 12;
    limb(q, [[0, 0], [-8 + s * 2 - hit * 8, -22 * sink], [x * 0.8, y + 8]], 7, ["#7cc45c", "#2f7a3c"]);
    for (const [t, side] of [[0.35, -1], [0.6, 1]] as const) poly(q, ["#c8f0a0", "#4a9a48"], [[-4 * t + side * 3, -34 * t * sink], [-4 * t + side * 11, -38 * t * sink], [-4 * t + side * 3, -42 * t * sink]], 1.4);
    at(q, x, y, hit * 0.45 + fall * 1.2, () => {
      for (let ring = 0; ring < 2; ring++)
        for (let i = 0; i < 8; i++)
          at(q, 0, 0, (i * TAU) / 8 + ring * 0.39 + s * 0.05, () =>
            shape(q, ring === 0 ? ["#d8457e", "#7c1444"] : ["#ffa8c8", "#cc3a76"], -31 + ring * 5, -6, (p) => {
              const long = 31 - ring * 6;
              p.moveTo(-6, -8);
              p.quadraticCurveTo(-10, -long + 4, 0, -long);
              p.quadraticCurveTo(10, -long + 4, 6, -8);
            }, 1.8));
      if (m.back) {
        oval(q, ["#7cc45c", "#2f6a36"], 0, 0, 14, 12);
        for (let i = 0; i < 5; i++) at(q, 0, 0, (i * TAU) / 5, () => poly(q, ["#a6dd84", "#3f8a42"], [[-5, -8], [0, -19], [5, -8]], 1.6));
        return;
      }
      oval(q, ["#8a2450", "#360a1e"], 0, 0, 17, 15);
      const open = 4.5 + Math.max(0, hit) * 5;
      shape(q, ["#2a0612", "#14020a"], 0, 12, (p) => p.ellipse(1, 5, 12, open, 0, 0, TAU), 1.4);
      for (let i = 0; i < 6; i++) {
        const tx = -8 + i * 3.6;
        const edge = open * Math.sqrt(Math.max(0, 1 - (tx / 12) ** 2));
        poly(q, ["#ffffff", "#e9dfc6"], [[tx - 1.9, 5 - edge], [tx + 1.9, 5 - edge], [tx, 5 - edge + 4.6]], 0.8);
        if (i > 0 && i < 5) poly(q, ["#ffffff", "#e9dfc6"], [[tx - 1.9, 5 + edge], [tx + 1.9, 5 + edge], [tx, 5 + edge - 3.6]], 0.8);
      }
      for (const side of [-1, 1])
        if (fall > 0.3) eye(q, side * 7, -6, 2.6, 2.6, "fallen", "#ffe25a");
        else {
          glow(q, "#ffe25a", side * 7, -6, 7, 0.6);
          poly(q, ["#fff6a0", "#ffc93a"], [[side * 2.5, -4], [side * 11, -10], [side * 10.4, -3]], 1);
        }
    });
    if (m.pose !== "die") for (const [px, py] of [[-18, -66], [16, -72], [24, -54]] as const) spot(q, "rgba(255,214,120,.55)", px + s * 4, py - (m.t * 10), 1.6);
  },
};

