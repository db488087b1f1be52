//! The land on the screen: chunks of ground as they come into view, and the props that stand on them.

import { Container, Sprite, type Texture } from "pixi.js";
import { CHUNK, drawChunk } from "../art/ground";
import { propOf } from "../art/props";
import { Places, type Scene, type Thing } from "../art/scene";
import type { Textures } from "./textures";

/** Chunks kept; the one not seen for longest goes. */
const CHUNKS_MAX = 60;

/** Props come in steps of size, so that pictures are shared. */
const SIZE_STEP = 0.25;

/** Few shapes of each, for the same reason. */
const SEEDS = 4;

/** Not to be mirrored. */
const ASYMMETRIC: ReadonlySet<string> = new Set(["signpost", "caveMouth", "gate"]);

interface Chunk {
  readonly sprite: Sprite;
  readonly texture: Texture;
  seenAt: number;
}

/** A prop, and where it can be seen, in pixels of the map. */
interface Standing {
  readonly sprite: Sprite;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export class Land {
  readonly ground = new Container();
  readonly #chunks = new Map<string, Chunk>();
  readonly #places: Places;
  readonly #standing = new Map<string, Standing[]>();
  /** Where the view was when props were looked at last. */
  #seen = { left: Number.NaN, top: Number.NaN, width: 0, height: 0 };
  #tick = 0;

  constructor(
    readonly scene: Scene,
    readonly bodies: Container,
    readonly textures: Textures,
  ) {
    this.#places = new Places(scene, CHUNK);
  }

  /** What is in view, in pixels of the map. Draws at most one new chunk; false if others are missing still. */
  show(left: number, top: number, width: number, height: number): boolean {
    this.#tick += 1;
    const columns = Math.ceil(this.scene.width / CHUNK) - 1;
    const rows = Math.ceil(this.scene.height / CHUNK) - 1;
    const c1 = Math.max(0, Math.floor(left / CHUNK));
    const c2 = Math.min(columns, Math.floor((left + width) / CHUNK));
    const r1 = Math.max(0, Math.floor(top / CHUNK));
    const r2 = Math.min(rows, Math.floor((top + height) / CHUNK));
    let drawn = false;
    let complete = true;
    for (let r = r1; r <= r2; r++)
      for (let c = c1; c <= c2; c++) {
        const key = `${c},${r}`;
        const chunk = this.#chunks.get(key);
        if (chunk !== undefined) {
          chunk.seenAt = this.#tick;
          chunk.sprite.visible = true;
        } else if (drawn) complete = false;
        else {
          drawn = true;
          this.#draw(c, r, key);
        }
      }
    for (const chunk of this.#chunks.values()) if (chunk.seenAt !== this.#tick) chunk.sprite.visible = false;
    const seen = this.#seen;
    if (seen.left !== left || seen.top !== top || seen.width !== width || seen.height !== height) {
      this.#seen = { left, top, width, height };
      // Props reach further than their chunk: tall ones stand below the edge.
      this.#showProps(c1 - 1, c2 + 1, r1 - 1, r2 + 1);
      const [right, bottom] = [left + width, top + height];
      for (const standing of this.#standing.values())
        for (const one of standing) one.sprite.visible = one.right > left && one.left < right && one.bottom > top && one.top < bottom;
    }
    if (complete && !drawn) this.#ahead(c1 - 1, c2 + 1, r1 - 1, r2 + 1, columns, rows);
    return complete;
  }

  /** While there is nothing else to draw: one of those around. */
  #ahead(c1: number, c2: number, r1: number, r2: number, columns: number, rows: number): void {
    if (this.#tick % 8 !== 0) return;
    for (let r = Math.max(0, r1); r <= Math.min(rows, r2); r++)
      for (let c = Math.max(0, c1); c <= Math.min(columns, c2); c++)
        if (!this.#chunks.has(`${c},${r}`)) {
          this.#draw(c, r, `${c},${r}`).sprite.visible = false;
          return;
        }
  }

  #draw(column: number, row: number, key: string): Chunk {
    if (this.#chunks.size >= CHUNKS_MAX) {
      const [oldest] = [...this.#chunks].toSorted(([, a], [, b]) => a.seenAt - b.seenAt);
      if (oldest !== undefined) {
        oldest[1].sprite.destroy();
        oldest[1].texture.destroy(true);
        this.#chunks.delete(oldest[0]);
      }
    }
    const texture = this.textures.chunk(drawChunk(this.#places, column, row));
    const sprite = new Sprite(texture);
    sprite.position.set(column * CHUNK, row * CHUNK);
    this.ground.addChild(sprite);
    const chunk = { sprite, texture, seenAt: this.#tick };
    this.#chunks.set(key, chunk);
    return chunk;
  }

  #showProps(c1: number, c2: number, r1: number, r2: number): void {
    const wanted = new Set<string>();
    for (let r = r1; r <= r2; r++) for (let c = c1; c <= c2; c++) wanted.add(`${c},${r}`);
    for (const [key, standing] of this.#standing)
      if (!wanted.has(key)) {
        for (const { sprite } of standing) sprite.destroy();
        this.#standing.delete(key);
      }
    for (const key of wanted) {
      if (this.#standing.has(key)) continue;
      const [c = 0, r = 0] = key.split(",").map(Number);
      this.#standing.set(key, this.#places.things(c, r).flatMap((thing) => this.#stand(thing) ?? []));
    }
  }

  #stand({ kind, x, y, size, variant, ry }: Thing): Standing | undefined {
    const { biome } = this.scene;
    const art = propOf(kind, biome);
    if (art === undefined) return undefined;
    const step = Math.max(SIZE_STEP, Math.round(size / SIZE_STEP) * SIZE_STEP);
    const sprite = new Sprite(this.textures.prop(kind, biome, variant % SEEDS, step));
    // On whole pixels: between them every blit is slow.
    const { width, height } = sprite.texture;
    sprite.anchor.set(Math.round(width / 2) / width, Math.round(art.foot * step * this.textures.scale) / height);
    sprite.scale.set((variant & 16) === 0 || !this.textures.gpu || ASYMMETRIC.has(kind) ? 1 / this.textures.scale : -1 / this.textures.scale, 1 / this.textures.scale);
    // What blocks reaches further south than its middle.
    sprite.position.set(Math.round(x), Math.round(y + ry * 0.5));
    sprite.zIndex = y;
    this.bodies.addChild(sprite);
    const [wide, tall] = [width / this.textures.scale, height / this.textures.scale];
    const top = sprite.y - tall * sprite.anchor.y;
    return { sprite, left: sprite.x - wide, right: sprite.x + wide, top, bottom: top + tall };
  }

  destroy(): void {
    for (const { sprite, texture } of this.#chunks.values()) {
      sprite.destroy();
      texture.destroy(true);
    }
    for (const standing of this.#standing.values()) for (const { sprite } of standing) sprite.destroy();
    this.ground.destroy();
  }
}
