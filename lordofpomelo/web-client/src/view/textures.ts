//! Drawings as textures, each made once. Those of an area that was left are given back with `forget`.

import { Rectangle, Texture, groupD8 } from "pixi.js";
import { type Atlas, type Cut, drawAtlas } from "../art/atlas";
import { EFFECT_FRAMES, EFFECT_SIDE, type Effect, drawEffect } from "../art/effects";
import type { Pose } from "../art/figure";
import { groundIcon } from "../art/icons";
import { type Fill, LINE, type Pen, shadow, sheet } from "../art/pen";
import { propOf } from "../art/props";
import type { Biome } from "../art/scene";

/** Words on plates and numbers kept at most. */
const WORDS_MAX = 600;

/** Outlines kept at most. */
const OUTLINES_MAX = 300;

/** Of the bar over a figure. */
const BAR_WIDTH = 46;
const BAR_HEIGHT = 7;
const BAR_STEPS = 23;

const PLATE_SIZE = 12;

/** Width of an outline, in pixels of the map. */
const OUTLINE = 2;

const FONT = '"DejaVu Sans", "Noto Sans SC", "Microsoft YaHei", system-ui, sans-serif';

/** A picture of a figure, and where its feet are, as parts of its width and height. */
export interface Picture {
  readonly texture: Texture;
  readonly anchorX: number;
  readonly anchorY: number;
}

/** A kind's pictures: each looking right, and looking left. */
interface Drawn {
  readonly atlas: Atlas;
  /** All in one, for a GPU, which likes to change its source seldom. */
  readonly whole: Texture | undefined;
  readonly pictures: Map<Cut, [right: Picture | undefined, left: Picture | undefined]>;
}

export class Textures {
  readonly #atlases = new Map<number, Drawn>();
  readonly #outlines = new Map<string, Picture>();
  readonly #others = new Map<string, Texture>();
  readonly #words = new Map<string, Texture>();
  readonly #measure = sheet(1, 1, 1).pen;

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
    const made: Drawn = { atlas, whole: this.gpu ? Texture.from(atlas.canvas, true) : undefined, pictures: new Map() };
    this.#atlases.set(kind, made);
    return made;
  }

  /** One picture of a figure. */
  frame(kind: number, pose: Pose, frame: number, back: boolean, left: boolean): Picture {
    const figure = this.#figure(kind);
    const cut = figure.atlas.at(pose, frame, back);
    let both = figure.pictures.get(cut);
    if (both === undefined) figure.pictures.set(cut, (both = [undefined, undefined]));
    return (both[left ? 1 : 0] ??= this.#picture(figure, cut, left));
  }

  /**
   * With a GPU a part of the whole, turned by it. Without one each picture is a bitmap of its own: blits out of a large canvas take
   * twice as long, and turned ones longer still.
   */
  #picture({ atlas, whole }: Drawn, cut: Cut, left: boolean): Picture {
    const { x, y, width, height, footX, footY } = cut;
    const anchors = { anchorX: (left ? width - footX : footX) / width, anchorY: footY / height };
    if (whole === undefined) return { texture: this.#solid(alone(atlas, cut, left).canvas), ...anchors };
    return { texture: new Texture({ source: whole.source, frame: new Rectangle(x, y, width, height), rotate: left ? groupD8.MIRROR_HORIZONTAL : 0 }), ...anchors };
  }

  /** What is blitted. Without a GPU a bitmap: a canvas is asked for its picture anew with each blit. */
  #solid(canvas: HTMLCanvasElement): Texture {
    if (this.gpu || typeof OffscreenCanvas === "undefined") return Texture.from(canvas, true);
    const made = new OffscreenCanvas(canvas.width, canvas.height);
    made.getContext("2d")?.drawImage(canvas, 0, 0);
    return Texture.from(made.transferToImageBitmap(), true);
  }

  /** Its outline, to stand behind it: wider by as much on each side as `OUTLINE` says. */
  outline(kind: number, pose: Pose, frame: number, back: boolean, left: boolean, color: string): Picture {
    const { atlas } = this.#figure(kind);
    const cut = atlas.at(pose, frame, back);
    const { width, height, footX, footY } = cut;
    const d = Math.ceil(OUTLINE * atlas.scale);
    return keep(this.#outlines, `${kind}/${pose}/${frame}/${back}/${left}/${color}`, OUTLINES_MAX, () => {
      const { canvas, pen } = sheet(width + d * 2, height + d * 2, 1);
      // Without its shadow: that is fainter than what is drawn.
      const body = alone(atlas, cut, left, true);
      const image = body.pen.getImageData(0, 0, width, height);
      for (let i = 3; i < image.data.length; i += 4) if ((image.data[i] ?? 0) < 160) image.data[i] = 0;
      body.pen.putImageData(image, 0, 0);
      for (let i = 0; i < 12; i++) pen.drawImage(body.canvas, d + Math.cos((i / 12) * Math.PI * 2) * d, d + Math.sin((i / 12) * Math.PI * 2) * d);
      pen.globalCompositeOperation = "source-in";
      pen.fillStyle = color;
      pen.fillRect(0, 0, width + d * 2, height + d * 2);
      return { texture: this.#solid(canvas), anchorX: (d + (left ? width - footX : footX)) / (width + d * 2), anchorY: (d + footY) / (height + d * 2) };
    });
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
      const width = Math.ceil(Math.max(BAR_WIDTH + 4, this.#long(text, font)) / 2) * 2;
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
      return this.#solid(canvas);
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
      // Even, so that its middle is a whole pixel: between pixels every blit is slow, and not sharp.
      const width = Math.ceil(this.#long(text, font) / 2) * 2;
      const { canvas, pen } = sheet(width, Math.ceil(size * 1.5 + 4), this.scale);
      write(pen, text, width / 2, size * 1.1 + 2, font, color, size);
      return this.#solid(canvas);
    });
  }

  /** How wide words are, with their lines. */
  #long(text: string, font: string): number {
    this.#measure.font = font;
    return this.#measure.measureText(text).width + 10;
  }

  #other(key: string, draw: () => HTMLCanvasElement): Texture {
    const known = this.#others.get(key);
    if (known !== undefined) return known;
    const made = this.#solid(draw());
    this.#others.set(key, made);
    return made;
  }

  /** Gives back the figures that are not needed any more. */
  forget(except: ReadonlySet<number>): void {
    for (const [kind, { whole, pictures }] of this.#atlases) {
      if (except.has(kind)) continue;
      for (const both of pictures.values()) for (const picture of both) picture?.texture.destroy(whole === undefined);
      whole?.destroy(true);
      this.#atlases.delete(kind);
    }
    for (const { texture } of this.#outlines.values()) texture.destroy(true);
    this.#outlines.clear();
  }
}

/** One picture of a figure on a canvas of its own. */
function alone(atlas: Atlas, { x, y, width, height }: Cut, left: boolean, read = false): { canvas: HTMLCanvasElement; pen: Pen } {
  const made = sheet(width, height, 1, read);
  if (left) made.pen.setTransform(-1, 0, 0, 1, width, 0);
  made.pen.drawImage(atlas.canvas, x, y, width, height, 0, 0, width, height);
  made.pen.setTransform(1, 0, 0, 1, 0, 0);
  return made;
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
function keep<T>(map: Map<string, T>, key: string, max: number, make: () => T): T {
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
