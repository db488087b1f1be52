//! Heads of people: face, hair, hats, beards.

import type { Look } from "./body";
import { type Moment, wave } from "./figure";
import { type Fill, type Pen, at, eye, glow, oval, shape, spot, stroke } from "./pen";

/** Middle of the head, above the ground. */
const Y = -55;

export function headgear(q: Pen, look: Look, up: number, moment: Moment): void {
  at(q, moment.back ? -0.5 : 1.2, up * 1.15, 0, () => {
    if (look.hat === "halo") halo(q, moment, true);
    oval(q, look.skin, 0, Y, 16.4, 15.2);
    if (moment.back) {
      hairBack(q, look);
    } else {
      for (const side of [-1, 1]) oval(q, look.skin, side * 15.4, Y + 2, 3, 3.8, 0, 1.6);
      face(q, look, moment);
      hairFront(q, look);
    }
    hat(q, look, moment);
    if (look.hat === "halo") halo(q, moment, false);
  });
}

function face(q: Pen, look: Look, moment: Moment): void {
  const mood = moment.pose === "die" ? "fallen" : moment.pose === "stand" && moment.t > 0.8 ? "shut" : "open";
  for (const side of [-1, 1]) {
    eye(q, side * 6.2 + 1.6, Y + 2.5, 2.5, 3.6, mood, look.eyes ?? "#33190f");
    spot(q, "rgba(255,96,80,.32)", side * 10.4 + 1, Y + 7.5, 3, 1.9);
    const fierce = moment.pose === "attack" ? 1.6 : 0;
    stroke(q, look.hair[1], 1.7, (p) => {
      p.moveTo(side * 3.6 + 1.6, Y - 3.6 + fierce);
      p.lineTo(side * 9 + 1.6, Y - 4 - fierce * 0.4);
    });
  }
  if (look.beard === undefined) {
    if (moment.pose === "attack") spot(q, "#7a2a20", 1.6, Y + 9, 2.6, 2.2);
    else stroke(q, "#8a4a30", 1.4, (p) => p.arc(1.6, Y + 7.4, 2.6, 0.35, 2.8));
  } else {
    shape(q, look.beard, Y + 4, Y + 24, (p) => {
      p.moveTo(-14, Y + 4);
      p.quadraticCurveTo(-7, Y + 9, 1.6, Y + 6.5);
      p.quadraticCurveTo(9, Y + 9, 15, Y + 4);
      p.quadraticCurveTo(15, Y + 16, 2, Y + 23);
      p.quadraticCurveTo(-12, Y + 17, -14, Y + 4);
    });
    stroke(q, "rgba(0,0,0,.25)", 1.4, (p) => p.arc(1.6, Y + 8.6, 2.4, 0.3, 2.8));
  }
}

/** What hangs behind the head, and behind the body when seen from the front. */
export function hairBehind(q: Pen, look: Look, up: number): void {
  at(q, 1.2, up * 1.15, 0, () => behind(q, look));
}

function behind(q: Pen, { hair, cut }: Look): void {
  if (cut === "long")
    shape(q, hair, Y - 16, Y + 30, (p) => {
      p.moveTo(-17, Y - 2);
      p.quadraticCurveTo(-23, Y + 18, -16, Y + 29);
      p.quadraticCurveTo(0, Y + 22, 16, Y + 29);
      p.quadraticCurveTo(22, Y + 18, 17, Y - 2);
    });
  if (cut === "bob") oval(q, hair, 0, Y + 3, 19, 17);
  if (cut === "bun") oval(q, hair, -3, Y - 19, 7.5);
  if (cut === "braids") for (const side of [-1, 1]) braid(q, hair, side);
}

function braid(q: Pen, hair: Fill, side: number): void {
  for (let i = 0; i < 4; i++) oval(q, hair, side * (17 + Math.sin(i) * 1.5), Y + 8 + i * 6, 4.6 - i * 0.5, 4, 0, 1.6);
  oval(q, ["#ff9a8a", "#c43a3a"], side * 17.6, Y + 30, 2.8, 2.4, 0, 1.4);
}

function hairFront(q: Pen, { hair, cut }: Look): void {
  if (cut === "none") return;
  shape(q, hair, Y - 18, Y + 4, (p) => {
    p.moveTo(-17, Y + 3);
    p.quadraticCurveTo(-21, Y - 18, 0, Y - 18.5);
    p.quadraticCurveTo(21, Y - 18, 17.4, Y + 2.5);
    if (cut === "wild") {
      p.lineTo(13, Y - 5);
      p.lineTo(9, Y - 5);
      p.lineTo(5, Y - 9);
      p.lineTo(-1, Y - 5);
      p.lineTo(-6, Y - 9);
      p.lineTo(-10, Y - 3);
      p.lineTo(-13, Y - 4);
    } else if (cut === "long" || cut === "bob") {
      p.quadraticCurveTo(14, Y - 6, 6, Y - 11);
      p.quadraticCurveTo(-2, Y - 1, -13, Y - 2);
      p.quadraticCurveTo(-15, Y, -17, Y + 3);
    } else {
      p.quadraticCurveTo(14, Y - 5, 9, Y - 8);
      p.quadraticCurveTo(2, Y - 1, -6, Y - 7.5);
      p.quadraticCurveTo(-13, Y - 4, -17, Y + 3);
    }
  });
  if (cut === "wild")
    for (const [x, y, turn] of [[-12, -14, -0.7], [-3, -19, -0.15], [7, -17, 0.4], [14, -11, 0.9]] as const)
      at(q, x, Y + y, turn, () =>
        shape(q, hair, -9, 4, (p) => {
          p.moveTo(-4, 4);
          p.quadraticCurveTo(-2, -5, 1, -9);
          p.quadraticCurveTo(5, -2, 4.6, 4);
        }),
      );
  spot(q, "rgba(255,255,255,.28)", -6, Y - 12, 6, 2.4, -0.45);
}

function hairBack(q: Pen, { hair, cut, skin }: Look): void {
  if (cut === "none") return spot(q, skin[1], 0, Y + 6, 8, 4);
  const low = cut === "long" ? 27 : cut === "bob" ? 17 : 10;
  shape(q, hair, Y - 18, Y + low, (p) => {
    p.moveTo(-17.4, Y + 2);
    p.quadraticCurveTo(-21, Y - 18.5, 0, Y - 18.5);
    p.quadraticCurveTo(21, Y - 18.5, 17.4, Y + 2);
    p.quadraticCurveTo(cut === "long" ? 21 : 17, Y + low * 0.7, 11, Y + low);
    p.lineTo(5, Y + low - 4);
    p.lineTo(0, Y + low + 1);
    p.lineTo(-5, Y + low - 4);
    p.lineTo(-11, Y + low);
    p.quadraticCurveTo(cut === "long" ? -21 : -17, Y + low * 0.7, -17.4, Y + 2);
  });
  stroke(q, "rgba(0,0,0,.16)", 1.6, (p) => {
    for (const x of [-9, 0, 9]) {
      p.moveTo(x * 0.6, Y - 12);
      p.quadraticCurveTo(x * 1.2, Y, x, Y + low - 6);
    }
  });
  spot(q, "rgba(255,255,255,.24)", 6, Y - 12, 6, 2.4, 0.45);
  if (cut === "bun") oval(q, hair, 3, Y - 17, 7.5);
  if (cut === "braids") for (const side of [-1, 1]) braid(q, hair, side * 0.8);
  if (cut === "wild")
    for (const [x, turn] of [[-12, -0.7], [-2, -0.1], [9, 0.6]] as const)
      at(q, x, Y - 15, turn, () => shape(q, hair, -9, 4, (p) => {
        p.moveTo(-4, 4);
        p.quadraticCurveTo(-2, -5, 1, -9);
        p.quadraticCurveTo(5, -2, 4.6, 4);
      }));
}

function halo(q: Pen, moment: Moment, under: boolean): void {
  if (moment.pose === "die") return;
  const y = Y - 23 + wave(moment.t) * 0.8;
  if (under) glow(q, "#ffe9a0", 0, y, 20, 0.5);
  const [from, to] = under ? [Math.PI, Math.PI * 2] : [0, Math.PI];
  for (const [color, width] of [["#9a6a1c", 5.4], ["#ffe27a", 3.2], ["#fff8d0", 1.2]] as const)
    stroke(q, color, width, (p) => p.ellipse(0, y, 11, 3.6, 0, from, to));
}

function hat(q: Pen, look: Look, { back }: Moment): void {
  const fill = look.hatFill ?? ["#c94f4f", "#7a2330"];
  switch (look.hat) {
    case "goggles":
      stroke(q, "#3a2415", 5.6, (p) => (back ? p.ellipse(0, Y - 6, 17, 5.6, 0, Math.PI, Math.PI * 2) : p.ellipse(0, Y - 14, 16.4, 4, 0, 0.15, Math.PI - 0.15)));
      if (back) return stroke(q, "#7b4f2c", 3, (p) => p.ellipse(0, Y - 6, 17, 5.6, 0, Math.PI, Math.PI * 2));
      for (const x of [-5.4, 8.4]) {
        oval(q, ["#f0c765", "#a0691e"], x, Y - 11, 6, 5.4);
        oval(q, fill, x, Y - 11, 3.8, 3.3, 0, 1.2);
        spot(q, "rgba(255,255,255,.8)", x - 1.2, Y - 12.2, 1.2);
      }
      return;
    case "turban":
      shape(q, fill, Y - 26, Y - 4, (p) => {
        p.moveTo(-18, Y - 4);
        p.quadraticCurveTo(-22, Y - 25, 0, Y - 27);
        p.quadraticCurveTo(22, Y - 25, 18, Y - 4);
        p.quadraticCurveTo(0, Y - 11, -18, Y - 4);
      });
      stroke(q, "rgba(0,0,0,.2)", 1.8, (p) => {
        p.moveTo(-17, Y - 9);
        p.quadraticCurveTo(-2, Y - 14, 8, Y - 25);
        p.moveTo(17, Y - 9);
        p.quadraticCurveTo(4, Y - 15, -8, Y - 25);
      });
      return back ? undefined : oval(q, ["#7df0e0", "#1c8f90"], 0, Y - 15, 3.2, 3.8, 0, 1.6);
    case "fur":
      shape(q, fill, Y - 28, Y - 6, (p) => {
        p.moveTo(-16, Y - 6);
        p.quadraticCurveTo(-17, Y - 28, 0, Y - 28);
        p.quadraticCurveTo(17, Y - 28, 16, Y - 6);
      });
      for (let i = -3; i <= 3; i++) oval(q, ["#fffaf0", "#cdbb9f"], i * 5.6, Y - 6.5 - (9 - i * i) * 0.35, 4.6, 4.2, 0, 1.6);
      return oval(q, ["#fffaf0", "#cdbb9f"], 0, Y - 29, 4.6);
    case "wide":
      oval(q, fill, 0, Y - 9, 26, 6.6);
      shape(q, fill, Y - 28, Y - 8, (p) => {
        p.moveTo(-12, Y - 10);
        p.quadraticCurveTo(-9, Y - 28, 0, Y - 29);
        p.quadraticCurveTo(9, Y - 28, 12, Y - 10);
        p.quadraticCurveTo(0, Y - 6, -12, Y - 10);
      });
      return stroke(q, look.trim, 3, (p) => {
        p.moveTo(-11.6, Y - 12);
        p.quadraticCurveTo(0, Y - 8, 11.6, Y - 12);
      });
    case "hood":
      if (back)
        return shape(q, fill, Y - 22, Y + 18, (p) => {
          p.moveTo(-19, Y + 14);
          p.quadraticCurveTo(-24, Y - 22, 0, Y - 24);
          p.quadraticCurveTo(24, Y - 22, 19, Y + 14);
          p.quadraticCurveTo(0, Y + 22, -19, Y + 14);
        });
      return shape(q, fill, Y - 24, Y + 18, (p) => {
        p.moveTo(-19, Y + 15);
        p.quadraticCurveTo(-25, Y - 22, 0, Y - 24);
        p.quadraticCurveTo(25, Y - 22, 19, Y + 15);
        p.quadraticCurveTo(15, Y + 16, 12, Y + 13);
        p.quadraticCurveTo(20, Y - 12, 1, Y - 13);
        p.quadraticCurveTo(-19, Y - 12, -12, Y + 13);
        p.quadraticCurveTo(-15, Y + 16, -19, Y + 15);
      });
    case "circlet":
      stroke(q, "#6b4a12", 4.4, (p) => p.ellipse(0, Y - 7, 17, 5, 0, back ? Math.PI : 0.1, back ? Math.PI * 2 : Math.PI - 0.1));
      stroke(q, "#ffd66b", 2.4, (p) => p.ellipse(0, Y - 7, 17, 5, 0, back ? Math.PI : 0.1, back ? Math.PI * 2 : Math.PI - 0.1));
      return back ? undefined : oval(q, fill, 1, Y - 2.4, 3, 3.6, 0, 1.5);
    case "scarf":
      shape(q, fill, Y - 20, Y, (p) => {
        p.moveTo(-18.4, Y + 2);
        p.quadraticCurveTo(-21, Y - 21, 0, Y - 21);
        p.quadraticCurveTo(21, Y - 21, 18.4, Y + 2);
        p.quadraticCurveTo(0, back ? Y + 6 : Y - 13, -18.4, Y + 2);
      });
      return oval(q, fill, back ? 0 : -17, back ? Y + 5 : Y + 6, 5, 4);
    case "cap":
      shape(q, fill, Y - 23, Y - 4, (p) => {
        p.moveTo(-17, Y - 5);
        p.quadraticCurveTo(-18, Y - 23, 2, Y - 24);
        p.quadraticCurveTo(20, Y - 22, 18, Y - 5);
        p.quadraticCurveTo(0, Y - 11, -17, Y - 5);
      });
      return at(q, back ? -8 : 12, Y - 19, back ? -0.5 : 0.5, () =>
        shape(q, ["#fff6da", "#e05a4a"], -20, 2, (p) => {
          p.moveTo(0, 2);
          p.quadraticCurveTo(-6, -10, 3, -22);
          p.quadraticCurveTo(8, -8, 0, 2);
        }, 1.6));
    case "helm":
    case "horned":
      shape(q, fill, Y - 24, Y - 2, (p) => {
        p.moveTo(-18, Y - 2);
        p.quadraticCurveTo(-20, Y - 24, 0, Y - 24);
        p.quadraticCurveTo(20, Y - 24, 18, Y - 2);
        p.quadraticCurveTo(0, Y - 9, -18, Y - 2);
      });
      stroke(q, look.trim, 2.4, (p) => {
        p.moveTo(0, Y - 23);
        p.lineTo(0, Y - 8);
      });
      if (look.hat === "horned")
        for (const side of [-1, 1])
          shape(q, ["#fff6dc", "#c2a86e"], Y - 32, Y - 10, (p) => {
            p.moveTo(side * 15, Y - 16);
            p.quadraticCurveTo(side * 27, Y - 18, side * 24, Y - 32);
            p.quadraticCurveTo(side * 33, Y - 12, side * 17, Y - 9);
          });
      return;
    case "halo":
    case "none":
  }
}
