//! Mobs that fly: dragonfly, harpy, and the two dragons.

import { type Figure, type Moment, blow, wave } from "./figure";
import { type Fill, type Pen, type Point, at, eye, glow, limb, oval, poly, shape, smooth, spot, stroke } from "./pen";

/** Over when it falls, around a middle so high above the ground, which ends near it. */
function drop(q: Pen, { pose, t }: Moment, turn: number, middle: number): number {
  if (pose !== "die") return 0;
  const fall = smooth(t);
  q.translate(0, -middle * (1 - fall * 0.42));
  q.rotate(turn * fall);
  q.translate(0, middle);
  return fall;
}

/** How far the wings are up, from -1 to 1; faster when it moves. */
function beat({ pose, t }: Moment, times: number): number {
  return pose === "die" ? -0.9 * t : wave(t * times);
}

function membrane(q: Pen, fill: Fill, side: number, up: number, span: number, behind: boolean): void {
  const lift = up * span * 0.42;
  const tip: Point = [side * span, -span * 0.28 - lift];
  shape(q, fill, -span * 0.75, span * 0.35, (p) => {
    p.moveTo(0, 0);
    p.quadraticCurveTo(side * span * 0.35, -span * 0.55 - lift * 0.8, tip[0], tip[1]);
    p.quadraticCurveTo(side * span * 0.86, -lift * 0.4 + span * 0.02, side * span * 0.8, span * 0.2 - lift * 0.25);
    p.quadraticCurveTo(side * span * 0.66, span * 0.02 - lift * 0.2, side * span * 0.5, span * 0.26 - lift * 0.1);
    p.quadraticCurveTo(side * span * 0.36, span * 0.08, side * span * 0.16, span * 0.22);
  });
  stroke(q, behind ? "rgba(0,0,0,.25)" : "rgba(255,255,255,.3)", 1.8, (p) => {
    for (const [x, y] of [[0.8, 0.2 - up * 0.1], [0.5, 0.25 - up * 0.04]] as const) {
      p.moveTo(side * span * 0.3, -span * 0.3 - lift * 0.6);
      p.quadraticCurveTo(side * span * (x - 0.05), -span * 0.14 - lift * 0.4, side * span * x, span * y * 0.9);
    }
  });
}

export const DRAGONFLY: Figure = {
  width: 132, height: 120, foot: 102, tall: 78, shade: [24, 8], flies: 26,
  draw(q, m) {
    drop(q, m, 2.9, 26);
    const b = m.pose === "die" ? 0 : wave(m.t * 3);
    at(q, blow(m.pose === "attack" ? m.t : 1) * 8, wave(m.t) * 2 - 26, m.pose === "attack" ? 0.25 : 0, () => {
      for (const [turn, long] of [[-0.35, 46], [0.25, 38]] as const)
        for (const side of [-1, 1])
          at(q, side * 2, -5, side * (turn + b * 0.28), () => {
            q.globalAlpha = 0.85;
            shape(q, ["#e6fdff", "#6cc9e8"], -9, 9, (p) => {
              p.moveTo(0, 0);
              p.quadraticCurveTo(long * 0.6, -11, long, -3);
              p.quadraticCurveTo(long * 0.9, 7, 0, 4);
            }, 1.6);
            q.globalAlpha = 1;
            stroke(q, "rgba(20,90,140,.45)", 1, (p) => {
              p.moveTo(3, 1);
              p.lineTo(long * 0.92, -1);
              p.moveTo(long * 0.4, -5);
              p.lineTo(long * 0.5, 4);
            });
          }, side, 1);
      // The tail curls to the left, behind.
      for (let i = 7; i > 0; i--) {
        const x = -i * (m.back ? -5.4 : 5.4) * 0.9;
        oval(q, i % 2 === 0 ? ["#7fe0a0", "#1f7a5a"] : ["#4cc3b0", "#12586a"], x, 8 + i * 2.5 - i * i * 0.12 + wave(m.t, i * 0.06), 7.6 - i * 0.6, 6.6 - i * 0.5, 0, 1.8);
      }
      oval(q, ["#74e6c4", "#15727a"], 0, 0, 13, 12);
      stroke(q, "#ffe07a", 2.6, (p) => p.arc(0, -2, 8, 0.4, 2.6));
      if (m.back) return oval(q, ["#3fb5a8", "#0f5560"], 3, -13, 12, 10);
      oval(q, ["#3fb5a8", "#0f5560"], 3, -11, 11, 9.5);
      const fill: Fill = m.pose === "die" ? ["#8a6a7a", "#43303f"] : ["#ff8aa6", "#a81f52"];
      for (const x of [-5, 11]) {
        oval(q, fill, x, -14, 8, 8.6);
        spot(q, "rgba(255,255,255,.75)", x - 2.4, -17, 2.4, 1.8, -0.5);
      }
      stroke(q, "#0c3a40", 1.8, (p) => p.arc(3, -6, 3.4, 0.3, 2.8));
    });
  },
};

export const HARPY: Figure = {
  width: 150, height: 132, foot: 114, tall: 96, shade: [24, 8], flies: 16,
  draw(q, m) {
    const fall = drop(q, m, -1.5, 40);
    const up = beat(m, 1);
    const hit = m.pose === "attack" ? blow(m.t) : 0;
    at(q, hit * 8, wave(m.t, 0.25) * 3 + hit * 5, hit * 0.25, () => {
      const wing = (side: number) =>
        at(q, side * 8, -36, side * (-up * 0.55 - 0.1 - hit * 0.3), () => {
          ([["#7d4a9a", "#43245c"], ["#a468c0", "#623a85"], ["#d29be6", "#8656ab"]] as Fill[]).forEach((fill, i) =>
            shape(q, fill, -20, 24, (p) => {
              const long = 52 - i * 14;
              p.moveTo(0, -4);
              p.quadraticCurveTo(long * 0.5, -20 + i * 4, long, -10 + i * 4);
              p.quadraticCurveTo(long + 2, 4 + i, long - 7, 6 + i);
              p.quadraticCurveTo(long - 8, 14, long - 16, 12 + i);
              p.quadraticCurveTo(long - 20, 22 - i * 2, long - 27, 15);
              p.quadraticCurveTo(long * 0.2, 18, 0, 10);
            }, 1.8));
        }, side, 1);
      wing(-1);
      if (!m.back) wing(1);
      for (const side of [-1, 1]) {
        limb(q, [[side * 6, -14], [side * 8 + hit * 6, -5], [side * 8 + hit * 10, 2 - Math.max(0, hit) * 6]], 4, ["#f2b64a", "#b9742a"], 1.8);
        for (const toe of [-4, 1, 6]) stroke(q, "#8a5218", 2.6, (p) => {
          p.moveTo(side * 8 + hit * 10, 2 - Math.max(0, hit) * 6);
          p.lineTo(side * 8 + toe + hit * 12, 6 - Math.max(0, hit) * 6);
        });
      }
      shape(q, ["#b47bcf", "#5d3580"], -44, -8, (p) => {
        p.moveTo(-11, -40);
        p.quadraticCurveTo(-17, -20, -8, -10);
        p.quadraticCurveTo(0, -5, 8, -10);
        p.quadraticCurveTo(17, -20, 11, -40);
      });
      if (!m.back)
        for (let i = 0; i < 3; i++) stroke(q, "rgba(255,235,255,.5)", 1.8, (p) => p.arc(0, -32 + i * 7, 7 - i, 0.5, 2.6));
      if (m.back) wing(1);
      oval(q, ["#ffe2cb", "#e6a583"], 0, -53, 13.5, 12.6);
      shape(q, ["#ff9f5e", "#b5402e"], -74, -44, (p) => {
        p.moveTo(-15, m.back ? -42 : -48);
        p.quadraticCurveTo(-20, -66, -9, -68);
        p.lineTo(-8, -76);
        p.lineTo(-1, -69);
        p.lineTo(5, -78);
        p.lineTo(8, -68);
        p.quadraticCurveTo(20, -64, 15, m.back ? -42 : -48);
        if (m.back) p.quadraticCurveTo(0, -36, -15, -42);
        else {
          p.quadraticCurveTo(9, -58, 5, -61);
          p.quadraticCurveTo(-3, -54, -15, -48);
        }
      });
      if (m.back) return;
      for (const side of [-1, 1]) {
        eye(q, side * 5 + 1.4, -52, 2.2, 3, fall > 0.3 ? "fallen" : "open", "#5b1a6b");
        stroke(q, "#6b2a1c", 2, (p) => {
          p.moveTo(side * 2.5 + 1.4, -55);
          p.lineTo(side * 9 + 1.4, -58.5);
        });
      }
      poly(q, ["#ffd76b", "#d98f2a"], [[-2, -49], [5, -49], [1.6, hit > 0.2 ? -42 : -44]], 1.6);
    });
  },
};

interface Dragon {
  readonly skin: Fill;
  readonly belly: Fill;
  readonly wing: Fill;
  readonly horn: Fill;
  readonly eyes: string;
  readonly size: number;
  readonly lantern: boolean;
}

function dragon(d: Dragon): Figure {
  const s = d.size;
  return {
    width: 172 * s, height: 150 * s, foot: 128 * s, tall: 104 * s, shade: [46 * s, 13 * s], flies: d.lantern ? 12 * s : 0,
    draw(q, m) {
      q.scale(s, s);
      const fall = drop(q, m, -0.3, 0);
      const breath = wave(m.t);
      const hit = m.pose === "attack" ? blow(m.t) : 0;
      const up = beat(m, m.pose === "walk" ? 1 : 1) * 0.8;
      const side = m.back ? -1 : 1;
      at(q, -8, -46, 0, () => membrane(q, d.wing, -1, up, 62, m.back));
      // Tail.
      limb(q, [[-16, -14], [-44, -4], [-52, -20], [-66 + breath * 2, -22 + breath * 3]], 9, d.skin);
      poly(q, d.horn, [[-62, -30 + breath * 3], [-78 + breath * 2, -26 + breath * 3], [-64, -15 + breath * 3]]);
      for (const x of [-18, 15]) {
        oval(q, d.skin, x, -10, 10, 12);
        for (const toe of [-5, 0, 5]) oval(q, ["#fff6dc", "#b9a06a"], x + toe + 2, 0, 2.6, 3, 0, 1.4);
      }
      oval(q, d.skin, 0, -28, 30, 25 + breath);
      if (!m.back) {
        oval(q, d.belly, 6, -22, 18, 18, 0, 1.6);
        for (let i = 0; i < 3; i++) stroke(q, "rgba(90,50,20,.3)", 1.6, (p) => p.arc(6, -34 + i * 9, 13, 0.5, 2.6));
      }
      for (let i = 0; i < 4; i++) poly(q, d.horn, [[-24 + i * 9 - 4, -42 - i * 5], [-22 + i * 9, -54 - i * 5], [-14 + i * 9, -47 - i * 5]], 1.6);
      at(q, 10, -46, 0, () => membrane(q, d.wing, 1, up, 58, m.back));
      // Neck and head come forward in a blow.
      at(q, 12 + hit * 8, -58 + breath * 1.5 + Math.max(0, hit) * 8, hit * 0.3, () => {
        limb(q, [[-8, 18], [-4, 4], [2, -4]], 18, d.skin);
        for (const x of [-9, 3])
          shape(q, d.horn, -46, -18, (p) => {
            p.moveTo(x - 3, -22);
            p.quadraticCurveTo(x - 10, -34, x - 16, -42);
            p.quadraticCurveTo(x - 2, -38, x + 4, -24);
          }, 1.8);
        oval(q, d.skin, 2, -12, 19, 17);
        if (m.back) return;
        oval(q, d.belly, 14, -5, 13, 9);
        if (hit > 0.2) {
          shape(q, ["#7a1c22", "#3c0a12"], -2, 8, (p) => p.ellipse(15, 3, 9, 5 * hit, 0, 0, Math.PI * 2));
          glow(q, d.lantern ? "#ffd977" : "#9fe6ff", 30, 4, 30 * hit);
          glow(q, "#ffffff", 28, 4, 14 * hit);
        } else stroke(q, "#5a2418", 1.8, (p) => p.arc(14, -4, 7, 0.4, 2.6));
        for (const x of [10, 19]) spot(q, "#5a2418", x, -9, 1.2, 1.8);
        for (const x of [-5, 9]) {
          oval(q, ["#fff", "#e8e2d0"], x, -16, 5, 5.8, 0, 1.6);
          eye(q, x + 1.4, -15.4, 2.2, 3.4, fall > 0.3 ? "fallen" : "open", d.eyes);
          stroke(q, "#2b1a12", 2.4, (p) => {
            p.moveTo(x - 5, -21 + (x > 0 ? 2 : -1));
            p.lineTo(x + 5, -21 + (x > 0 ? -1 : 2));
          });
        }
        if (d.lantern && fall < 0.6) {
          stroke(q, "#6b3a12", 3, (p) => {
            p.moveTo(4, -28);
            p.bezierCurveTo(10, -50, 30, -48, 30, -32 + breath * 2);
          });
          glow(q, "#ffe08a", 30, -28 + breath * 2, 30, 0.9);
          oval(q, ["#fffbe0", "#ffb03a"], 30, -27 + breath * 2, 7, 8);
        }
      }, side === 1 ? 1 : 0.96, 1);
    },
  };
}

export const LANTERN_WYRM = dragon({ skin: ["#ff9a5a", "#8e2336"], belly: ["#ffe6a8", "#e0a04a"], wing: ["#d8475a", "#5b1434"], horn: ["#fff2c8", "#c08a3c"], eyes: "#7a1020", size: 1.55, lantern: true });
export const BLUE_DRAGON = dragon({ skin: ["#6fb2f2", "#24418f"], belly: ["#e4f4ff", "#8fc0e4"], wing: ["#4a7fd8", "#1c2c68"], horn: ["#f4f8ff", "#8fa5c8"], eyes: "#123a8a", size: 1.15, lantern: false });

