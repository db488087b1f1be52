//! What is seen for a moment: blows, numbers that rise, where one clicked; and what floats in the air of an area.

import { Container, Sprite } from "pixi.js";
import { EFFECT_FRAMES, type Effect } from "../art/effects";
import { hash } from "../art/pen";
import type { Biome } from "../art/scene";
import type { Textures } from "./textures";

/** More at once nobody sees. */
const MOMENTS_MAX = 120;

const EFFECT_MS = 480;
const NUMBER_MS = 950;

interface Moment {
  readonly sprite: Sprite;
  readonly startedAt: number;
  readonly ms: number;
  readonly effect: Effect | undefined;
  readonly x: number;
  readonly y: number;
  readonly drift: number;
}

export class Sparks {
  readonly #moments: Moment[] = [];

  constructor(
    readonly above: Container,
    readonly below: Container,
    readonly textures: Textures,
  ) {}

  effect(effect: Effect, x: number, y: number, now: number, under = false): void {
    const sprite = new Sprite(this.textures.effect(effect, 0));
    sprite.anchor.set(0.5);
    sprite.scale.set(1 / this.textures.scale);
    this.#add({ sprite, startedAt: now, ms: effect === "level" || effect === "revive" ? 1100 : EFFECT_MS, effect, x, y, drift: 0 }, under ? this.below : this.above);
  }

  number(text: string, color: string, size: number, x: number, y: number, now: number): void {
    const sprite = new Sprite(this.textures.words(text, color, size));
    sprite.anchor.set(0.5);
    this.#add({ sprite, startedAt: now, ms: NUMBER_MS, effect: undefined, x, y, drift: (hash(Math.round(now), text.length, 3) - 0.5) * 44 }, this.above);
  }

  #add(moment: Moment, layer: Container): void {
    if (this.#moments.length >= MOMENTS_MAX) this.#moments.shift()?.sprite.destroy();
    moment.sprite.position.set(moment.x, moment.y);
    layer.addChild(moment.sprite);
    this.#moments.push(moment);
  }

  update(now: number): void {
    for (let i = this.#moments.length - 1; i >= 0; i--) {
      const moment = this.#moments[i];
      if (moment === undefined) continue;
      const t = (now - moment.startedAt) / moment.ms;
      const { sprite } = moment;
      if (t >= 1) {
        sprite.destroy();
        this.#moments.splice(i, 1);
      } else if (moment.effect !== undefined) sprite.texture = this.textures.effect(moment.effect, Math.min(EFFECT_FRAMES - 1, Math.floor(t * EFFECT_FRAMES)));
      else {
        // Pops up, rises, fades.
        const pop = t < 0.14 ? 0.6 + (t / 0.14) * 0.6 : 1.2 - Math.min(0.2, (t - 0.14) * 1.2);
        sprite.scale.set(pop / this.textures.scale);
        sprite.position.set(Math.round(moment.x + moment.drift * t), Math.round(moment.y - 54 * Math.sqrt(t)));
        sprite.alpha = t > 0.65 ? (1 - t) / 0.35 : 1;
      }
    }
  }

  clear(): void {
    for (const { sprite } of this.#moments) sprite.destroy();
    this.#moments.length = 0;
  }
}

interface Weather {
  readonly color: string;
  readonly radius: number;
  readonly count: number;
  /** Pixels per second. */
  readonly dx: number;
  readonly dy: number;
  readonly sway: number;
  readonly alpha: number;
}

const WEATHERS: Readonly<Record<Biome, Weather>> = {
  desert: { color: "#fff0d0", radius: 3, count: 26, dx: 70, dy: 8, sway: 10, alpha: 0.5 },
  oasis: { color: "#fff7a8", radius: 4, count: 18, dx: 8, dy: -6, sway: 26, alpha: 0.8 },
  ice: { color: "#ffffff", radius: 3.5, count: 60, dx: -22, dy: 46, sway: 18, alpha: 0.85 },
  arena: { color: "#ffb060", radius: 3, count: 20, dx: 6, dy: -34, sway: 14, alpha: 0.7 },
  cave: { color: "#a0ffe8", radius: 4, count: 24, dx: 4, dy: -8, sway: 22, alpha: 0.6 },
};

/** Snow, dust, fireflies: in front of the screen, moving with the land. */
export class Air {
  readonly layer = new Container();
  readonly #motes: { readonly sprite: Sprite; readonly far: number; readonly x: number; readonly y: number }[] = [];
  readonly #weather: Weather;

  constructor(biome: Biome, textures: Textures) {
    this.#weather = WEATHERS[biome];
    const { color, radius, count, alpha } = this.#weather;
    for (let i = 0; i < count; i++) {
      // A few sizes, each drawn as large as it is shown, and on whole pixels: all else is slow without a GPU.
      const sprite = new Sprite(textures.mote(color, Math.max(1, Math.round(radius * (0.6 + hash(i, 1, 1) * 0.9)))));
      sprite.anchor.set(0.5);
      sprite.scale.set(1 / textures.scale);
      sprite.alpha = alpha * (0.4 + hash(i, 2, 2) * 0.6);
      this.#motes.push({ sprite, far: 0.7 + hash(i, 3, 3) * 0.6, x: hash(i, 4, 4) * 4000, y: hash(i, 5, 5) * 4000 });
      this.layer.addChild(sprite);
    }
  }

  update(now: number, cameraX: number, cameraY: number, width: number, height: number): void {
    const { dx, dy, sway } = this.#weather;
    const s = now / 1000;
    const [w, h] = [width + 40, height + 40];
    for (const [i, mote] of this.#motes.entries()) {
      const x = mote.x + (dx * s - cameraX) * mote.far + Math.sin(s * 0.8 + i) * sway;
      const y = mote.y + (dy * s - cameraY) * mote.far + Math.cos(s * 0.6 + i * 2) * sway * 0.5;
      mote.sprite.position.set(Math.round(((x % w) + w) % w) - 20, Math.round(((y % h) + h) % h) - 20);
    }
  }

  destroy(): void {
    this.layer.destroy({ children: true });
  }
}
