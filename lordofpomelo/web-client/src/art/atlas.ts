//! Figures drawn once: every pose, moment and side of a kind on one canvas, each picture cut to what is drawn. Who blits them pays
//! for every pixel, and most of a figure's box is air.

import { figureOf } from "./figures";
import { FRAMES, type Figure, POSES, type Pose, paint } from "./figure";
import { sheet } from "./pen";

/** One picture on the canvas, in pixels, and where the feet are from its left upper corner. */
export interface Cut {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly footX: number;
  readonly footY: number;
}

/** All pictures of a kind. */
export interface Atlas {
  readonly figure: Figure;
  readonly canvas: HTMLCanvasElement;
  readonly scale: number;
  at(pose: Pose, frame: number, back: boolean): Cut;
}

/** Room around a figure's box while it is drawn, in its units: who falls or strikes reaches over the edge. */
const ROOM = { side: 8, top: 8, below: 36 } as const;

/** How wide the canvas gets at most, in pixels. */
const WIDEST = 2048;

/** Draws a kind at so many pixels per unit. Some ten milliseconds; kept by whoever asks. */
export function drawAtlas(kind: number, scale: number): Atlas {
  const figure = figureOf(kind);
  const width = Math.ceil((figure.width + ROOM.side * 2) * scale);
  const height = Math.ceil((ROOM.top + figure.height + ROOM.below) * scale);
  const pictures: { readonly place: number; readonly canvas: HTMLCanvasElement; readonly box: Box }[] = [];
  for (const pose of POSES)
    for (const back of [false, true])
      for (let frame = 0; frame < FRAMES[pose]; frame++) {
        const { canvas, pen } = sheet(width, height, 1, true);
        pen.scale(scale, scale);
        pen.translate(ROOM.side, ROOM.top);
        paint(pen, figure, { pose, t: pose === "die" ? (frame + 1) / FRAMES.die : frame / FRAMES[pose], back });
        pictures.push({ place: placeOf(pose, frame, back), canvas, box: boxOf(pen.getImageData(0, 0, width, height)) });
      }
  // Side by side in rows.
  const cuts: Cut[] = [];
  let [x, y, row, widest] = [0, 0, 0, 0];
  for (const { place, box } of pictures) {
    const [w, h] = [box.right - box.left, box.bottom - box.top];
    if (x + w > WIDEST) [x, y, row] = [0, y + row + 1, 0];
    cuts[place] = { x, y, width: w, height: h, footX: Math.round((ROOM.side + figure.width / 2) * scale) - box.left, footY: Math.round((ROOM.top + figure.foot) * scale) - box.top };
    x += w + 1;
    row = Math.max(row, h);
    widest = Math.max(widest, x);
  }
  const whole = sheet(widest, y + row, 1);
  for (const { place, canvas, box } of pictures) {
    const cut = cuts[place];
    if (cut !== undefined) whole.pen.drawImage(canvas, box.left, box.top, cut.width, cut.height, cut.x, cut.y, cut.width, cut.height);
  }
  return {
    figure,
    canvas: whole.canvas,
    scale,
    at(pose, frame, back) {
      const cut = cuts[placeOf(pose, frame, back)];
      if (cut === undefined) throw new Error("an atlas without pictures");
      return cut;
    },
  };
}

/** Of all pictures of a figure, the how manieth it is. */
function placeOf(pose: Pose, frame: number, back: boolean): number {
  return (FIRST[pose] + (frame % FRAMES[pose])) * 2 + (back ? 1 : 0);
}

/** How many pictures come before those of a pose. */
const FIRST: Readonly<Record<Pose, number>> = { stand: 0, walk: FRAMES.stand, attack: FRAMES.stand + FRAMES.walk, die: FRAMES.stand + FRAMES.walk + FRAMES.attack };

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where anything can be seen. */
function boxOf({ width, height, data }: ImageData): Box {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if ((data[(y * width + x) * 4 + 3] ?? 0) < 8) continue;
      if (x < left) left = x;
      if (x >= right) right = x + 1;
      if (y < top) top = y;
      bottom = y + 1;
    }
  return right > left ? { left, top, right, bottom } : { left: 0, top: 0, right: 1, bottom: 1 };
}
