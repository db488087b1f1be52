//! What blows and wonders look like for a moment: one picture per frame, drawn around the middle.

import { type Pen, TAU, at, glow, hash, poly, spot, stroke } from "./pen";

export type Effect = "hit" | "slash" | "lunge" | "daze" | "shout" | "scorch" | "stance" | "charge" | "last" | "level" | "revive" | "heal" | "click" | "strike";

export const EFFECT_SIDE = 192;
export const EFFECT_FRAMES = 12;

/** The effect of a skill, by its number. */
export const SKILL_EFFECTS: Readonly<Record<number, Effect>> = { 1: "hit", 2: "lunge", 3: "daze", 4: "shout", 5: "scorch", 6: "stance", 7: "charge", 8: "last" };

type Draw = (q: Pen, t: number) => void;

function rays(q: Pen, n: number, from: number, to: number, width: number, color: string, turn = 0): void {
  for (let i = 0; i < n; i++)
    at(q, 0, 0, (i / n) * TAU + turn, () => {
      q.fillStyle = color;
      q.beginPath();
      q.moveTo(-width, -from);
      q.lineTo(0, -to);
      q.lineTo(width, -from);
      q.fill();
    });
}

function hoop(q: Pen, r: number, width: number, color: string, flat = 1): void {
  if (r > 0 && width > 0) stroke(q, color, width, (p) => p.ellipse(0, 0, r, r * flat, 0, 0, TAU));
}

function sparks(q: Pen, n: number, r: number, size: number, color: string, seed: number): void {
  for (let i = 0; i < n; i++) {
    const a = hash(i, seed, 2) * TAU;
    const d = r * (0.5 + hash(i, seed, 4) * 0.7);
    spot(q, color, Math.cos(a) * d, Math.sin(a) * d, Math.max(0, size * (0.5 + hash(i, seed, 6))));
  }
}

const DRAWS: Readonly<Record<Effect, Draw>> = {
  hit(q, t) {
    glow(q, "#fff2b0", 0, 0, 44 * (1 - t), 0.9);
    rays(q, 7, 8 + t * 18, 18 + t * 30, 5 * (1 - t), `rgba(255,250,220,${1 - t})`, 0.3);
    sparks(q, 8, 12 + t * 40, 3 * (1 - t), "#ffd66b", 3);
  },
  slash(q, t) {
    at(q, 0, 0, -0.6 + t * 1.6, () => {
      for (const [r, w, c] of [[46, 16, "rgba(140,220,255,.55)"], [44, 8, "rgba(255,255,255,.95)"]] as const) stroke(q, c, w * (1 - t), (p) => p.arc(0, 0, r, -1.4, 0.3));
    });
  },
  lunge(q, t) {
    for (let i = 0; i < 5; i++) stroke(q, `rgba(190,236,255,${(1 - t) * 0.9})`, 5 * (1 - t), (p) => {
      const y = -26 + i * 13;
      p.moveTo(-70 + t * 90, y);
      p.lineTo(-10 + t * 90 - Math.abs(y), y * 0.4);
    });
    rays(q, 6, 4, 20 + t * 44, 7 * (1 - t), `rgba(255,255,255,${1 - t})`, t);
    glow(q, "#8adcff", 0, 0, 60 * (1 - t), 0.8);
  },
  daze(q, t) {
    glow(q, "#ffe27a", 0, 0, 64, 0.7 * (1 - t));
    hoop(q, 12 + t * 56, 7 * (1 - t), "rgba(255,236,150,.9)");
    for (let i = 0; i < 6; i++) at(q, Math.cos(t * 5 + (i * TAU) / 6) * 44, -34 + Math.sin(t * 5 + (i * TAU) / 6) * 14, t * 4, () =>
      poly(q, ["#fffbe0", "#ffb92a"], Array.from({ length: 10 }, (_, k) => [Math.cos((k / 10) * TAU) * (k % 2 === 0 ? 9 : 4), Math.sin((k / 10) * TAU) * (k % 2 === 0 ? 9 : 4)] as const), 1.4), Math.max(0.05, 1 - t * 0.7));
  },
  shout(q, t) {
    for (let i = 0; i < 3; i++) hoop(q, Math.max(0, t * 92 - i * 20), 8 * (1 - t), `rgba(170,150,255,${0.9 * (1 - t)})`, 0.62);
    for (let i = 0; i < 5; i++) at(q, 0, 0, (i / 5) * TAU + 0.4, () => stroke(q, `rgba(255,248,180,${1 - t})`, 5 * (1 - t) + 1, (p) => {
      p.moveTo(0, -14);
      p.lineTo(8, -34 - t * 14);
      p.lineTo(-5, -44 - t * 20);
      p.lineTo(4, -62 - t * 26);
    }));
    glow(q, "#cfc4ff", 0, 0, 54 * (1 - t), 0.9);
  },
  scorch(q, t) {
    for (let i = 0; i < 16; i++) {
      const a = hash(i, 1, 5) * TAU;
      const d = hash(i, 2, 5) * 34;
      const up = t * (50 + hash(i, 3, 5) * 40);
      const r = (16 - t * 12) * (0.6 + hash(i, 4, 5) * 0.6);
      glow(q, i % 3 === 0 ? "#fff2a0" : i % 3 === 1 ? "#ff9a2a" : "#e0381a", Math.cos(a) * d, 30 + Math.sin(a) * d * 0.4 - up, Math.max(1, r * 1.5), 1 - t * 0.7);
    }
  },
  stance(q, t) {
    q.globalAlpha = Math.sin(t * Math.PI);
    q.strokeStyle = "rgba(190,220,255,.95)";
    q.fillStyle = "rgba(130,180,240,.3)";
    q.lineWidth = 4;
    for (let i = 0; i < 6; i++) at(q, 0, 0, (i / 6) * TAU + t * 0.8, () => {
      q.beginPath();
      q.moveTo(0, -58);
      q.lineTo(24, -48);
      q.quadraticCurveTo(24, -26, 0, -16);
      q.quadraticCurveTo(-24, -26, -24, -48);
      q.closePath();
      q.fill();
      q.stroke();
    }, 0.9);
    q.globalAlpha = 1;
  },
  charge(q, t) {
    for (let i = 0; i < 4; i++) at(q, -60 + t * 90 + i * 12, 0, 0, () => stroke(q, `rgba(150,255,170,${(1 - t) * (0.4 + i * 0.2)})`, 10 * (1 - t) + 2, (p) => {
      p.moveTo(-16, -34);
      p.lineTo(12, 0);
      p.lineTo(-16, 34);
    }));
    glow(q, "#c2ffb4", 20, 0, 66 * (1 - t), 0.9);
    sparks(q, 14, 20 + t * 60, 4 * (1 - t), "#eaffda", 9);
  },
  last(q, t) {
    glow(q, "#ff2a5a", 0, 0, 90, 0.9 * (1 - t));
    rays(q, 12, 10, 40 + t * 54, 9 * (1 - t), `rgba(255,120,150,${1 - t})`, t * 1.4);
    rays(q, 8, 6, 24 + t * 40, 6 * (1 - t), `rgba(255,255,255,${1 - t})`, -t);
    hoop(q, 20 + t * 66, 10 * (1 - t), "rgba(255,200,210,.9)");
  },
  level(q, t) {
    const g = q.createLinearGradient(0, 60, 0, -90);
    g.addColorStop(0, `rgba(255,230,120,${0.8 * (1 - t)})`);
    g.addColorStop(1, "rgba(255,230,120,0)");
    q.fillStyle = g;
    q.fillRect(-34, -90, 68, 150);
    at(q, 0, 56, 0, () => hoop(q, 16 + t * 50, 6 * (1 - t), "rgba(255,240,160,.95)", 0.34));
    for (let i = 0; i < 18; i++) spot(q, i % 2 === 0 ? "#fff8d0" : "#ffd04a", (hash(i, 1, 8) - 0.5) * 76, 56 - ((t * 1.2 + hash(i, 2, 8)) % 1.2) * 130, 3 * (1 - t) + 0.6);
  },
  revive(q, t) {
    glow(q, "#d8f4ff", 0, 0, 80, Math.sin(t * Math.PI) * 0.9);
    for (let i = 0; i < 8; i++) at(q, 0, 40, 0, () => stroke(q, `rgba(220,246,255,${1 - t})`, 3, (p) => {
      const a = (i / 8) * TAU + t * 4;
      p.moveTo(Math.cos(a) * 40, Math.sin(a) * 13 - t * 40);
      p.lineTo(Math.cos(a) * 40, Math.sin(a) * 13 - t * 40 - 34);
    }));
  },
  heal(q, t) {
    for (let i = 0; i < 7; i++) {
      const x = (hash(i, 1, 3) - 0.5) * 62;
      const y = 40 - t * 80 - hash(i, 2, 3) * 30;
      const r = 7 * (1 - t) * (0.6 + hash(i, 3, 3) * 0.6);
      stroke(q, `rgba(130,255,150,${1 - t})`, Math.max(0.5, r * 0.7), (p) => {
        p.moveTo(x - r, y);
        p.lineTo(x + r, y);
        p.moveTo(x, y - r);
        p.lineTo(x, y + r);
      });
    }
    glow(q, "#8affa0", 0, 10, 56, 0.6 * (1 - t));
  },
  click(q, t) {
    hoop(q, 6 + t * 18, 3.4 * (1 - t), "rgba(255,244,190,.95)", 0.5);
    hoop(q, t * 12, 3 * (1 - t), "rgba(255,214,107,.9)", 0.5);
  },
  strike(q, t) {
    hoop(q, 8 + t * 22, 4 * (1 - t), "rgba(255,110,80,.95)", 0.5);
    for (let i = 0; i < 4; i++) at(q, 0, 0, (i * TAU) / 4 + 0.78, () => stroke(q, `rgba(255,120,90,${1 - t})`, 3.4, (p) => {
      p.moveTo(0, -30 + t * 8);
      p.lineTo(0, -20 + t * 8);
    }));
  },
};

export const EFFECTS = Object.keys(DRAWS) as Effect[];

export function drawEffect(q: Pen, effect: Effect, t: number): void {
  DRAWS[effect](q, t);
}
