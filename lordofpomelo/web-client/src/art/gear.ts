//! What people carry on their backs and in their hands.

import type { Look } from "./body";
import { type Moment, wave } from "./figure";
import { type Fill, type Pen, at, glow, limb, oval, poly, shape, spot, stroke } from "./pen";

/** Long things stand away from the face. */
const TILT = 0.52;

export function cape(q: Pen, fill: Fill, up: number, swing: number): void {
  shape(q, fill, -42 + up, -2, (p) => {
    p.moveTo(-10, -40 + up);
    p.quadraticCurveTo(-22 - swing * 3, -20, -19 - swing * 5, -4);
    p.quadraticCurveTo(-9 - swing * 2, 1, 0, -3);
    p.quadraticCurveTo(9 - swing * 2, 1, 18 - swing * 4, -5);
    p.quadraticCurveTo(18 - swing, -22, 10, -40 + up);
  });
  stroke(q, "rgba(0,0,0,.18)", 2, (p) => {
    p.moveTo(-5, -34 + up);
    p.quadraticCurveTo(-9 - swing * 2, -18, -8 - swing * 3, -5);
    p.moveTo(6, -34 + up);
    p.quadraticCurveTo(9 - swing, -18, 8 - swing * 3, -5);
  });
}

/** Feathered ones. */
export function wings(q: Pen, up: number, moment: Moment): void {
  const beat = moment.pose === "die" ? -0.3 : wave(moment.t) * (moment.pose === "stand" ? 0.07 : 0.16) + (moment.pose === "attack" ? -0.3 : 0);
  for (const side of [-1, 1])
    at(
      q,
      side * 5,
      -37 + up,
      side * beat,
      () => {
        const feathers: Fill[] = [["#dfe8fb", "#a8b9dd"], ["#f1f5ff", "#bccbe8"], ["#ffffff", "#d5dff4"]];
        feathers.forEach((fill, i) => {
          const long = 31 - i * 7;
          shape(q, fill, -24, 18, (p) => {
            p.moveTo(0, 0);
            p.quadraticCurveTo(6, -17 + i * 4, long * 0.75, -18 + i * 5);
            p.quadraticCurveTo(long + 5, -12 + i * 4, long + 1, 2 + i * 2);
            p.quadraticCurveTo(long - 2, 0, long - 4, 9 + i);
            p.quadraticCurveTo(long - 8, 4, long - 11, 14 - i);
            p.quadraticCurveTo(long * 0.4, 6, 0, 9);
          }, 1.8);
        });
      },
      side,
      1,
    );
}

/** In the hand, which is at (0, 15). */
export function held(q: Pen, look: Look, back: boolean, moment: Moment): void {
  const fill = look.heldFill;
  const flip = back ? -1 : 1;
  at(q, 0, 15.5, 0, () => {
    switch (look.held) {
      case "sword":
        return at(q, 0, 0, 0.75, () => sword(q, fill ?? ["#fbfdff", "#92a6c8"]));
      case "axe":
        return at(q, 0, 0, 0.5, () => {
          limb(q, [[0, 9], [0, -26]], 2.8, ["#a9743e", "#6b4526"], 1.6);
          shape(q, ["#eef3fb", "#8b9bb5"], -32, -12, (p) => {
            p.moveTo(-1, -27);
            p.quadraticCurveTo(8, -34, 15, -30);
            p.quadraticCurveTo(18, -20, 13, -11);
            p.quadraticCurveTo(6, -14, -1, -16);
          });
        });
      case "flask":
        return at(q, 2, -2, 0.15, () => flask(q, fill ?? ["#a8ffd8", "#23a57a"], wave(moment.t)));
      case "staff":
        return at(q, flip * 2, 0, flip * TILT, () => {
          limb(q, [[0, 20], [0, -34]], 2.8, ["#a9743e", "#5d3b20"], 1.6);
          glow(q, fill?.[0] ?? "#9fe6ff", 0, -38, 13, 0.7);
          oval(q, fill ?? ["#d8f6ff", "#3d9bd1"], 0, -38, 5.6);
        });
      case "crook":
        return at(q, flip * 2, 0, flip * TILT, () => limb(q, [[0, 20], [0, -32], [10, -46], [11, -29]], 2.8, ["#b98a4e", "#6b4526"], 1.6));
      case "spear":
        return at(q, flip * 2, 0, flip * TILT, () => {
          limb(q, [[0, 20], [0, -38]], 2.6, ["#a9743e", "#5d3b20"], 1.6);
          poly(q, fill ?? ["#f4f8ff", "#8fa2bf"], [[-4.4, -36], [0, -53], [4.4, -36], [0, -32]]);
        });
      case "book":
        return at(q, 3, -1, -0.1, () => {
          shape(q, fill ?? ["#a5443a", "#6d2330"], -8, 8, (p) => p.roundRect(-8, -8, 16, 15, 2));
          shape(q, ["#fff6dc", "#d8c79a"], -6, 6, (p) => p.rect(-5.4, -6.4, 11, 3), 1);
          spot(q, "#ffd66b", 0, 2, 2.4);
        });
      case "lantern":
        limb(q, [[0, -1], [flip, 4]], 1.4, ["#6b4526", "#3a2415"], 1.2);
        glow(q, "#ffd977", flip, 11, 22, 0.75);
        shape(q, ["#fff6c4", "#f0a53a"], 5, 18, (p) => p.roundRect(flip - 4.4, 5, 8.8, 12, 3));
        return shape(q, ["#7b5a36", "#3f2a18"], 3, 6, (p) => p.rect(flip - 5.4, 3.6, 10.8, 2.6), 1.2);
      case "fan":
        return at(q, 0, 0, 0.3, () => {
          shape(q, fill ?? ["#ffc2d4", "#d8547e"], -22, 2, (p) => {
            p.moveTo(0, 2);
            p.arc(0, 2, 20, -2.3, -0.75);
          });
          for (let i = 0; i < 4; i++)
            stroke(q, "rgba(120,20,50,.4)", 1.2, (p) => {
              p.moveTo(0, 2);
              p.lineTo(Math.cos(-2.1 + i * 0.38) * 19, 2 + Math.sin(-2.1 + i * 0.38) * 19);
            });
        });
      case "lute":
        return at(q, -2, -6, 0.9, () => {
          limb(q, [[0, -6], [0, -26]], 3, ["#8b5a30", "#573619"], 1.6);
          oval(q, ["#e2a860", "#9a5c28"], 0, 2, 9, 10.5);
          spot(q, "#4a2a14", 0, 0, 2.8);
        });
      case "none":
    }
  });
}

function sword(q: Pen, blade: Fill): void {
  poly(q, blade, [[-3, -2], [-3.4, -31], [0, -38], [3.4, -31], [3, -2]]);
  stroke(q, "rgba(255,255,255,.85)", 1.3, (p) => {
    p.moveTo(-0.8, -5);
    p.lineTo(-0.8, -32);
  });
  shape(q, ["#ffe08a", "#b07a26"], -3, 2, (p) => p.roundRect(-8, -3, 16, 4.6, 2), 1.8);
  limb(q, [[0, 3], [0, 7]], 2.6, ["#7b4a2a", "#4d2c17"], 1.4);
  oval(q, ["#ffe08a", "#b07a26"], 0, 9, 2.6, 2.6, 0, 1.4);
}

function flask(q: Pen, fill: Fill, slosh: number): void {
  glow(q, fill[0], 0, -8, 17, 0.55);
  shape(q, ["#f5fffb", "#bfe8da"], -24, 2, (p) => {
    p.moveTo(-3, -21);
    p.lineTo(3, -21);
    p.lineTo(3, -14);
    p.quadraticCurveTo(11, -9, 9.4, -1);
    p.quadraticCurveTo(0, 5, -9.4, -1);
    p.quadraticCurveTo(-11, -9, -3, -14);
  });
  shape(q, fill, -10, 2, (p) => {
    p.moveTo(-8.4, -6.5 + slosh);
    p.quadraticCurveTo(0, -8, 8.4, -6.5 - slosh);
    p.quadraticCurveTo(9, -2, 8, -1);
    p.quadraticCurveTo(0, 3, -8, -1);
    p.quadraticCurveTo(-9, -2, -8.4, -6.5 + slosh);
  }, 0);
  spot(q, "rgba(255,255,255,.85)", -3.6, -5, 1.6, 2.6, 0.4);
  spot(q, "rgba(255,255,255,.7)", 3, -3 - slosh, 1.2);
  shape(q, ["#c08a52", "#7c5228"], -26, -20, (p) => p.roundRect(-3.6, -25, 7.2, 5, 1.4), 1.6);
}
