//! Figures drawn once: every pose, moment and side of a kind on one canvas, and where each is on it.

import { figureOf } from "./figures";
import { FRAMES, type Figure, POSES, type Pose, paint } from "./figure";
import { sheet } from "./pen";

/** All pictures of a kind. */
export interface Atlas {
  readonly figure: Figure;
  readonly canvas: HTMLCanvasElement;
  /** Of one picture, in pixels of the canvas. */
  readonly cell: { readonly width: number; readonly height: number };
  readonly scale: number;
  /** Column and row of a picture. */
  at(pose: Pose, frame: number, back: boolean): { column: number; row: number };
}

const COLUMNS = Math.max(...POSES.map((pose) => FRAMES[pose]));

/** Draws a kind at so many pixels per unit. Some milliseconds; kept by whoever asks. */
export function drawAtlas(kind: number, scale: number): Atlas {
  const figure = figureOf(kind);
  const width = Math.ceil(figure.width * scale);
  const height = Math.ceil(figure.height * scale);
  const { canvas, pen } = sheet(width * COLUMNS, height * POSES.length * 2, 1);
  POSES.forEach((pose, p) => {
    for (const back of [false, true])
      for (let frame = 0; frame < FRAMES[pose]; frame++) {
        const one = sheet(width, height, 1);
        one.pen.scale(scale, scale);
        paint(one.pen, figure, { pose, t: momentOf(pose, frame), back });
        pen.drawImage(one.canvas, frame * width, (p * 2 + (back ? 1 : 0)) * height);
      }
  });
  return {
    figure,
    canvas,
    cell: { width, height },
    scale,
    at: (pose, frame, back) => ({ column: frame % FRAMES[pose], row: POSES.indexOf(pose) * 2 + (back ? 1 : 0) }),
  };
}

/** Dying ends where it ends; everything else goes round. */
function momentOf(pose: Pose, frame: number): number {
  return pose === "die" ? (frame + 1) / FRAMES.die : frame / FRAMES[pose];
}
