//! The body of people: heroes and those who stand in the areas. Their clothes are a `Look`.

import { type Figure, type Moment, blow, wave } from "./figure";
import { hairBehind, headgear } from "./head";
import { type Fill, type Pen, at, limb, oval, shape, smooth, stroke } from "./pen";
import { cape, held, wings } from "./gear";

export type Hair = "short" | "long" | "bun" | "wild" | "braids" | "bob" | "none";
export type Hat = "none" | "halo" | "goggles" | "turban" | "fur" | "wide" | "hood" | "circlet" | "scarf" | "cap" | "helm" | "horned";
export type Held = "none" | "sword" | "flask" | "staff" | "crook" | "spear" | "book" | "lantern" | "fan" | "lute" | "axe";

/** What somebody wears. */
export interface Look {
  readonly skin: Fill;
  readonly hair: Fill;
  readonly cut: Hair;
  readonly hat: Hat;
  readonly hatFill?: Fill;
  readonly top: Fill;
  readonly trim: string;
  readonly legs: Fill;
  readonly boots: Fill;
  /** Down to the feet. */
  readonly robe?: boolean;
  readonly cape?: Fill;
  readonly wings?: boolean;
  readonly beard?: Fill;
  readonly pads?: Fill;
  readonly bag?: boolean;
  readonly held: Held;
  readonly heldFill?: Fill;
  readonly eyes?: string;
  /** Wider or slimmer than 1. */
  readonly wide?: number;
}

/** How the limbs stand in a moment. */
interface Stand {
  readonly bob: number;
  readonly swing: number;
  readonly blow: number;
  readonly lean: number;
  readonly fall: number;
}

function stand({ pose, t }: Moment): Stand {
  switch (pose) {
    case "walk":
      return { bob: Math.abs(wave(t)) * 3, swing: wave(t), blow: 0, lean: 0.05, fall: 0 };
    case "attack":
      return { bob: 0, swing: 0.5 * blow(t), blow: blow(t), lean: 0.2 * blow(t), fall: 0 };
    case "die":
      return { bob: 0, swing: 0, blow: -0.3 * t, lean: 0, fall: smooth(t) };
    case "stand":
      return { bob: 0.9 + 0.9 * wave(t), swing: 0.08 * wave(t), blow: 0, lean: 0, fall: 0 };
  }
}

export function person(look: Look): Figure {
  return { width: 124, height: 122, foot: 104, tall: 84, shade: [23, 8], draw: (q, moment) => draw(q, look, moment) };
}

function draw(q: Pen, look: Look, moment: Moment): void {
  const s = stand(moment);
  const { back } = moment;
  const wide = look.wide ?? 1;
  if (s.fall > 0) {
    // Over backwards, with a small bounce.
    q.translate(36 * s.fall, -10 * Math.sin(s.fall * Math.PI) - 15 * s.fall);
    q.rotate(-1.42 * s.fall);
  }
  q.translate(s.blow * 5, 0);
  q.scale(wide, 1);
  q.rotate(back ? -s.lean : s.lean);
  const up = -s.bob;
  if (!back && look.wings === true) wings(q, up, moment);
  if (!back && look.cape !== undefined) cape(q, look.cape, up, s.swing);
  if (!back) hairBehind(q, look, up);
  legs(q, look, s);
  if (back) arm(q, look, s, up, 1, moment);
  else arm(q, look, s, up, -1, moment);
  torso(q, look, up, back, s.swing);
  if (back) arm(q, look, s, up, -1, moment);
  if (back && look.cape !== undefined) cape(q, look.cape, up, s.swing);
  if (back && look.wings === true) wings(q, up, moment);
  headgear(q, look, up, moment);
  if (!back) arm(q, look, s, up, 1, moment);
}

function legs(q: Pen, look: Look, s: Stand): void {
  if (look.robe === true) {
    for (const side of [-1, 1]) {
      const step = side * s.swing * 6;
      oval(q, look.boots, side * 6 + step * 0.8, -2, 5.4, 3.6);
    }
    return;
  }
  for (const side of [-1, 1]) {
    const step = side * s.swing * 7;
    const lift = Math.max(0, side * s.swing) * 3;
    shape(q, look.legs, -20, -3, (p) => {
      p.moveTo(side * 5.5 - 4.8, -19);
      p.lineTo(side * 5.5 + 4.8, -19);
      p.lineTo(side * 6 + 4.4 + step * 0.7, -4 - lift);
      p.lineTo(side * 6 - 4.4 + step * 0.7, -4 - lift);
    });
    shape(q, look.boots, -9 - lift, 1 - lift, (p) => {
      const x = side * 6 + step * 0.7;
      p.moveTo(x - 5.2, -8 - lift);
      p.lineTo(x + 5, -8 - lift);
      p.quadraticCurveTo(x + 9, -3 - lift, x + 7.6, 0 - lift);
      p.lineTo(x - 5, 0 - lift);
    });
  }
}

function torso(q: Pen, look: Look, up: number, back: boolean, swing: number): void {
  if (look.robe === true) {
    shape(q, look.top, -42 + up, -1, (p) => {
      p.moveTo(-11, -40 + up);
      p.quadraticCurveTo(0, -45 + up, 11, -40 + up);
      p.quadraticCurveTo(13, -24, 17 + swing * 2, -4);
      p.quadraticCurveTo(8, 0 + swing, 0, -2);
      p.quadraticCurveTo(-9, 0 - swing, -17 + swing * 2, -4);
      p.quadraticCurveTo(-13, -24, -11, -40 + up);
    });
    stroke(q, look.trim, 2.6, (p) => {
      p.moveTo(-15.4 + swing * 2, -7);
      p.quadraticCurveTo(0, -2.6, 15.4 + swing * 2, -7);
    });
    if (!back)
      stroke(q, look.trim, 2, (p) => {
        p.moveTo(0, -40 + up);
        p.lineTo(0.5, -6);
      });
  } else {
    shape(q, look.top, -42 + up, -14 + up, (p) => {
      p.moveTo(-11.5, -39 + up);
      p.quadraticCurveTo(0, -44 + up, 11.5, -39 + up);
      p.quadraticCurveTo(11, -28 + up, 13.5, -15 + up * 0.5);
      p.quadraticCurveTo(0, -10 + up * 0.5, -13.5, -15 + up * 0.5);
      p.quadraticCurveTo(-11, -28 + up, -11.5, -39 + up);
    });
    if (!back)
      stroke(q, look.trim, 2.4, (p) => {
        p.moveTo(-6, -40.5 + up);
        p.quadraticCurveTo(0, -34 + up, 6, -40.5 + up);
      });
  }
  // The belt and its buckle.
  stroke(q, "#2b1a12", 5.4, (p) => belt(p, up));
  stroke(q, look.trim, 3, (p) => belt(p, up));
  if (!back) shape(q, ["#fff0b8", "#c9922e"], -24 + up, -18 + up, (p) => p.rect(-2.6, -23.4 + up * 0.8, 5.2, 5), 1.4);
  if (look.bag === true) {
    stroke(q, "#6b4526", 2.6, (p) => {
      p.moveTo(back ? 10 : -10, -40 + up);
      p.lineTo(back ? -12 : 12, -20 + up);
    });
    shape(q, ["#a9743e", "#6b4526"], -24 + up, -12 + up, (p) => p.roundRect(back ? -20 : 9, -23 + up, 11, 11, 3));
  }
}

function belt(p: Pen, up: number): void {
  p.moveTo(-12.4, -22 + up * 0.8);
  p.quadraticCurveTo(0, -18.5 + up * 0.8, 12.4, -22 + up * 0.8);
}

/** `side` 1 holds what is held; it is on the right when seen from the front. */
function arm(q: Pen, look: Look, s: Stand, up: number, side: 1 | -1, moment: Moment): void {
  const { back } = moment;
  const x = (back ? -side : side) * 12;
  const hold = side === 1;
  const rest = hold ? -0.35 : 0.22;
  const turn = hold ? rest - s.swing * 0.35 + (s.blow < 0 ? s.blow * 4.4 : -1.98 + (1 - s.blow) * 1.98 + s.blow * 1.1) : rest + s.swing * 0.5 - s.blow * 0.6;
  at(q, x, -36 + up, back ? -turn : turn, () => {
    limb(q, [[0, 0], [back ? -1.5 : 1.5, 7], [0, 14]], 6, look.top, 1.8);
    oval(q, look.skin, 0, 15.5, 4, 4, 0, 1.8);
    if (hold && look.held !== "none") held(q, look, back, moment);
    if (look.pads !== undefined) oval(q, look.pads, 0, -0.5, 6.2, 5, 0, 1.8);
  });
}
