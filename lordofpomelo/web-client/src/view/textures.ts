//! Drawings as textures, each made once. Those of an area that was left are given back with `forget`.

import { Rectangle, Texture } from "pixi.js";
import { type Atlas, type Cut, drawAtlas } from "../art/atlas";
import { EFFECT_FRAMES, EFFECT_SIDE, type Effect, drawEffect } from "../art/effects";
import type { Pose } from "../art/figure";
import { groundIcon } from "../art/icons";
import { type Fill, LINE, type Pen, shadow, sheet } from "../art/pen";
import { propOf } from "../art/props";
import type { Biome } from "../art/scene";

/** Words on plates and numbers kept at most. */
const WORDS_MAX = 600;

/** Of the bar over a figure. */
const BAR_WIDTH = 46;
const BAR_HEIGHT = 7;
const BAR_STEPS = 23;

const PLATE_SIZE = 12;

/** Width of an outline, in pixels of the map. */
const OUTLINE = 2;

const FONT = '"DejaVu Sans", "Noto Sans SC", "Microsoft YaHei", system-ui, sans-serif';

/** A kind's pictures: each looking right, and looking left. */
interface Drawn {
  readonly atlas: Atlas;
  readonly whole: Texture;
  mirrored: Texture | undefined;
  readonly frames: Map<Cut, [right: Texture | undefined, left: Texture | undefined]>;
}

export class Textures {
  readonly #atlases = new Map<number, Drawn>();
  readonly #outlines = new Map<string, Texture>();
  readonly #others = new Map<string, Texture>();
  readonly #words = new Map<string, Texture>();

  /** `scale`: pixels of the screen per pixel of the map; `gpu`: mirroring costs nothing. */
  constructor(
    readonly scale: number,
    readonly gpu: boolean,
  ) {}

  has(kind: number): boolean {
    return this.#atlases.has(kind);
  }

  atlas(kind: number): Atlas {
    return this.#figure(kind).atlas;
  }

  #figure(kind: number): Drawn {
    const known = this.#atlases.get(kind);
    if (known !== undefined) return known;
    const atlas = drawAtlas(kind, this.scale);
    const made: Drawn = { atlas, whole: Texture.from(atlas.canvas, true), mirrored: undefined, frames: new Map() };
    this.#atlases.set(kind, made);
    return made;
  }

  /** One picture of a figure; looking left it is one of its own, as mirrored drawing is slow without a GPU. */
  frame(kind: number, pose: Pose, frame: number, back: boolean, left: boolean): { texture: Texture; anchorX: number; anchorY: number } {
    const figure = this.#figure(kind);
    const cut = figure.atlas.at(pose, frame, back);
    let both = figure.frames.get(cut);
    if (both === undefined) figure.frames.set(cut, (both = [undefined, undefined]));
    const { x, y, width, height, footX, footY } = cut;
    if (left) figure.mirrored ??= Texture.from(figure.atlas.mirrored(), true);
    const { source } = left ? (figure.mirrored ?? figure.whole) : figure.whole;
    const texture = (both[left ? 1 : 0] ??= new Texture({ source, frame: new Rectangle(left ? figure.atlas.canvas.width - x - width : x, y, width, height) }));
    return { texture, anchorX: (left ? width - footX : footX) / width, anchorY: footY / height };
  }

  /** Its outline, to stand behind it: wider by as much on each side as `OUTLINE` says. */
  outline(kind: number, pose: Pose, frame: number, back: boolean, left: boolean, color: string): { texture: Texture; anchorX: number; anchorY: number } {
    const { atlas } = this.#figure(kind);
    const { x, y, width, height, footX, footY } = atlas.at(pose, frame, back);
    const d = Math.ceil(OUTLINE * atlas.scale);
    const texture = keep(this.#outlines, `${kind}/${pose}/${frame}/${back}/${left}/${color}`, WORDS_MAX, () => {
      const { canvas, pen } = sheet(width + d * 2, height + d * 2, 1);
      // Without its shadow: that is fainter than what is drawn.
      const body = sheet(width, height, 1, true);
      const source = left ? atlas.mirrored() : atlas.canvas;
      body.pen.drawImage(source, left ? source.width - x - width : x, y, width, height, 0, 0, width, height);
      const image = body.pen.getImageData(0, 0, width, height);
      for (let i = 3; i < image.data.length; i += 4) if ((image.data[i] ?? 0) < 160) image.data[i] = 0;
      body.pen.putImageData(image, 0, 0);
      for (let i = 0; i < 12; i++) pen.drawImage(body.canvas, d + Math.cos((i / 12) * Math.PI * 2) * d, d + Math.sin((i / 12) * Math.PI * 2) * d);
      pen.globalCompositeOperation = "source-in";
      pen.fillStyle = color;
      pen.fillRect(0, 0, width + d * 2, height + d * 2);
      return Texture.from(canvas, true);
    });
    return { texture, anchorX: (d + (left ? width - footX : footX)) / (width + d * 2), anchorY: (d + footY) / (height + d * 2) };
  }

  prop(name: string, biome: Biome, seed: number, size: number): Texture {
    return this.#other(`prop/${name}/${biome}/${seed}/${size}`, () => {
      const prop = propOf(name, biome);
      if (prop === undefined) throw new Error(`no prop ${name}`);
      const { canvas, pen } = sheet(prop.width * size, prop.height * size, this.scale);
      pen.scale(size, size);
      pen.translate(prop.width / 2, prop.foot);
      shadow(pen, 4, 0, prop.shade[0] * 1.05, prop.shade[1] * 1.15, 0.5);
      prop.draw(pen, seed);
      return canvas;
    });
  }

  effect(effect: Effect, frame: number): Texture {
    return this.#other(`fx/${effect}/${frame}`, () => {
      const { canvas, pen } = sheet(EFFECT_SIDE, EFFECT_SIDE, this.scale);
      pen.translate(EFFECT_SIDE / 2, EFFECT_SIDE / 2);
      drawEffect(pen, effect, frame / EFFECT_FRAMES);
      return canvas;
    });
  }

  thing(type: "item" | "equipment", place: string, id: number): Texture {
    return this.#other(`thing/${type}/${id}`, () => groundIcon(type, place, id, this.scale));
  }

  chunk(canvas: HTMLCanvasElement): Texture {
    return Texture.from(canvas, true);
  }

  /** The ring under whoever is meant. */
  ring(color: string, radius: number): Texture {
    return this.#other(`ring/${color}/${radius}`, () => {
      const { canvas, pen } = sheet(radius * 2 + 8, radius + 8, this.scale);
      for (const [width, c] of [[5, "rgba(0,0,0,.35)"], [2.6, color]] as const) {
        pen.strokeStyle = c;
        pen.lineWidth = width;
        pen.beginPath();
        pen.ellipse(radius + 4, radius / 2 + 4, radius, radius / 2, 0, 0, Math.PI * 2);
        pen.stroke();
      }
      return canvas;
    });
  }

  /** What hangs over a figure, in one picture: its name, and a bar below, filled to `part`. Three blits a figure would be too many. */
  plate(text: string, color: string, part: number | undefined, bar: Fill): Texture {
    const step = part === undefined ? -1 : Math.ceil(part * BAR_STEPS);
    return keep(this.#words, `${text}/${color}/${step}/${bar[0]}`, WORDS_MAX, () => {
      const font = `bold ${PLATE_SIZE}px ${FONT}`;
      const measure = sheet(1, 1, 1).pen;
      measure.font = font;
      const width = Math.ceil(Math.max(BAR_WIDTH + 4, measure.measureText(text).width + 10) / 2) * 2;
      const { canvas, pen } = sheet(width, PLATE_SIZE + 6 + BAR_HEIGHT, this.scale);
      write(pen, text, width / 2, PLATE_SIZE + 1, font, color, PLATE_SIZE);
      if (step >= 0) {
        const [x, y] = [width / 2 - BAR_WIDTH / 2, PLATE_SIZE + 5];
        pen.fillStyle = "rgba(28,14,5,.88)";
        pen.beginPath();
        pen.roundRect(x - 1, y - 1, BAR_WIDTH + 2, BAR_HEIGHT, 3);
        pen.fill();
        const g = pen.createLinearGradient(0, y, 0, y + BAR_HEIGHT - 2);
        g.addColorStop(0, bar[0]);
        g.addColorStop(1, bar[1]);
        pen.fillStyle = g;
        pen.fillRect(x, y, (BAR_WIDTH * step) / BAR_STEPS, BAR_HEIGHT - 2);
      }
      return Texture.from(canvas, true);
    });
  }

  /** A soft round spot: snow, dust, sparks. */
  mote(color: string, radius: number): Texture {
    return this.#other(`mote/${color}/${radius}`, () => {
      const { canvas, pen } = sheet(radius * 2, radius * 2, this.scale);
      const g = pen.createRadialGradient(radius, radius, 0, radius, radius, radius);
      g.addColorStop(0, color);
      g.addColorStop(1, `${color}00`);
      pen.fillStyle = g;
      pen.fillRect(0, 0, radius * 2, radius * 2);
      return canvas;
    });
  }

  /** Outlined words. */
  words(text: string, color: string, size: number, bold = true): Texture {
    return keep(this.#words, `${text}/${color}/${size}`, WORDS_MAX, () => {
      const font = `${bold ? "bold " : ""}${size}px ${FONT}`;
      const measure = sheet(1, 1, 1).pen;
      measure.font = font;
      // Even, so that its middle is a whole pixel: between pixels every blit is slow, and not sharp.
      const width = Math.ceil((measure.measureText(text).width + 10) / 2) * 2;
      const { canvas, pen } = sheet(width, Math.ceil(size * 1.5 + 4), this.scale);
      write(pen, text, width / 2, size * 1.1 + 2, font, color, size);
      return Texture.from(canvas, true);
    });
  }

  #other(key: string, draw: () => HTMLCanvasElement): Texture {
    const known = this.#others.get(key);
    if (known !== undefined) return known;
    const made = Texture.from(draw(), true);
    this.#others.set(key, made);
    return made;
  }

  /** Gives back the figures that are not needed any more. */
  forget(except: ReadonlySet<number>): void {
    for (const [kind, { whole, mirrored, frames }] of this.#atlases) {
      if (except.has(kind)) continue;
      for (const both of frames.values()) for (const frame of both) frame?.destroy();
      whole.destroy(true);
      mirrored?.destroy(true);
      this.#atlases.delete(kind);
    }
    for (const outline of this.#outlines.values()) outline.destroy(true);
    this.#outlines.clear();
  }
}

function write(pen: Pen, text: string, x: number, y: number, font: string, color: string, size: number): void {
  pen.font = font;
  pen.textAlign = "center";
  pen.lineWidth = size > 18 ? 5 : 3;
  pen.strokeStyle = size > 18 ? LINE : "rgba(20,10,4,.8)";
  pen.strokeText(text, x, y);
  pen.fillStyle = color;
  pen.fillText(text, x, y);
}

/** The oldest goes when there are too many; it may be in use still, so it is only let go of. */
function keep(map: Map<string, Texture>, key: string, max: number, make: () => Texture): Texture {
  const known = map.get(key);
  if (known !== undefined) return known;
  if (map.size >= max) for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
  const made = make();
  map.set(key, made);
  return made;
}
