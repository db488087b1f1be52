//! What a figure is: a drawing per pose, moment and side. Light and shadow come here, the same for all.

import { type Pen, at, shadow, smooth } from "./pen";

export type Pose = "stand" | "walk" | "attack" | "die";

export const POSES: readonly Pose[] = ["stand", "walk", "attack", "die"];

/** Pictures per pose. */
export const FRAMES: Readonly<Record<Pose, number>> = { stand: 6, walk: 8, attack: 6, die: 6 };

/** How long a pose takes once through. */
export const POSE_MS: Readonly<Record<Pose, number>> = { stand: 1100, walk: 560, attack: 420, die: 620 };

/** One moment. Figures are drawn looking to the right; the left side is their mirror image. */
export interface Moment {
  readonly pose: Pose;
  /** From 0 to 1 through the pose. */
  readonly t: number;
  /** Seen from behind. */
  readonly back: boolean;
}

/** A figure's drawing: the pen stands between its feet, up is negative. */
export interface Figure {
  readonly width: number;
  readonly height: number;
  /** Where the ground is, from the top. */
  readonly foot: number;
  /** How high it is, for what hangs above it. */
  readonly tall: number;
  /** Half width and half height of its shadow. */
  readonly shade: readonly [number, number];
  /** How high it flies. */
  readonly flies?: number;
  readonly draw: (q: Pen, moment: Moment) => void;
}

/** All of it: the figure, light from the upper left, the shadow below. */
export function paint(q: Pen, figure: Figure, moment: Moment): void {
  q.save();
  q.translate(figure.width / 2, figure.foot);
  const fall = moment.pose === "die" ? smooth(moment.t) : 0;
  at(q, 0, figure.flies === undefined ? 0 : -figure.flies * (1 - fall), 0, () => figure.draw(q, moment));
  q.globalCompositeOperation = "source-atop";
  const light = q.createLinearGradient(-figure.width * 0.35, -figure.tall, figure.width * 0.3, 4);
  light.addColorStop(0, "rgba(255,248,220,0.26)");
  light.addColorStop(0.45, "rgba(255,240,210,0.04)");
  light.addColorStop(1, "rgba(40,10,50,0.22)");
  q.fillStyle = light;
  q.fillRect(-figure.width, -figure.foot, figure.width * 2, figure.height);
  q.globalCompositeOperation = "destination-over";
  const [rx, ry] = figure.shade;
  const small = figure.flies === undefined ? 1 : 0.8 + 0.2 * fall;
  shadow(q, 0, 0, rx * (1 + fall * 0.25) * small, ry * small, figure.flies === undefined ? 0.45 : 0.32);
  q.restore();
}

/** A wave from -1 to 1 through a cyclic pose. */
export function wave(t: number, phase = 0): number {
  return Math.sin((t + phase) * Math.PI * 2);
}

/** From rest back, quickly forward, and to rest again: what a blow looks like. From -0.45 to 1. */
export function blow(t: number): number {
  if (t < 0.35) return -0.45 * smooth(t / 0.35);
  if (t < 0.6) return -0.45 + 1.45 * smooth((t - 0.35) / 0.25);
  return 1 - smooth((t - 0.6) / 0.4);
}
