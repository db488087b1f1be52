//! The figures on the screen: a body, a plate with name and bar each, sorted by how far south they stand.

import { Container, Sprite } from "pixi.js";
import { FRAMES, POSE_MS } from "../art/figure";
import type { Fill } from "../art/pen";
import { type Entity, isAlive, poseAt, settle } from "../world/entity";
import { CORPSE_MS } from "../world/world";
import type { Textures } from "./textures";

/** Of life: friend and foe. */
const GREEN: Fill = ["#a6f08a", "#3c9a3c"];
const RED: Fill = ["#ff9a7a", "#c4281a"];

/** What a figure has to look like: asked of whoever knows names and relations. */
export interface Looks {
  name(entity: Entity): string;
  /** Place of equipment, for the picture on the ground. */
  place(entity: Entity): string;
  color(entity: Entity): string;
  plates: boolean;
  /** No animation, for stable pictures. */
  still: boolean;
}

/** A plate is made anew at once when health or level changes; what else it shows is looked at this often. */
const PLATE_MS = 500;

interface Shown {
  readonly body: Sprite;
  readonly plate: Sprite | undefined;
  /** What the plate was made of, and when. */
  hp: number;
  maxHp: number;
  level: number;
  platedAt: number;
}

export class Crowd {
  readonly #shown = new Map<number, Shown>();
  readonly #outline = new Sprite();
  readonly #ring = new Sprite();
  #hovered: number | undefined;

  constructor(
    readonly bodies: Container,
    readonly floor: Container,
    readonly plates: Container,
    readonly textures: Textures,
    readonly looks: Looks,
  ) {
    this.#outline.visible = false;
    this.#ring.visible = false;
    this.#ring.anchor.set(0.5);
    bodies.addChild(this.#outline);
    floor.addChild(this.#ring);
  }

  hover(id: number | undefined): void {
    this.#hovered = id;
  }

  update(entities: ReadonlyMap<number, Entity>, target: number | undefined, own: number | undefined, now: number, view: { left: number; top: number; right: number; bottom: number }): void {
    for (const [id, shown] of this.#shown)
      if (!entities.has(id)) {
        shown.body.destroy();
        shown.plate?.destroy();
        this.#shown.delete(id);
      }
    this.#outline.visible = false;
    this.#ring.visible = false;
    for (const entity of entities.values()) {
      settle(entity, now);
      let shown = this.#shown.get(entity.entityId);
      if (shown === undefined) {
        shown = this.#show(entity);
        this.#shown.set(entity.entityId, shown);
      }
      const inView = entity.x > view.left - 160 && entity.x < view.right + 160 && entity.y > view.top - 60 && entity.y < view.bottom + 200;
      shown.body.visible = inView;
      if (shown.plate !== undefined) shown.plate.visible = inView && this.looks.plates && isAlive(entity);
      if (inView) this.#place(entity, shown, target, own, now);
    }
  }

  #show(entity: Entity): Shown {
    const { textures } = this;
    const thing = entity.sort === "item" || entity.sort === "equipment";
    const body = new Sprite(thing ? textures.thing(entity.sort === "item" ? "item" : "equipment", this.looks.place(entity), entity.kindId) : undefined);
    body.anchor.set(0.5, thing ? 0.7 : 0);
    body.scale.set(1 / textures.scale);
    this.bodies.addChild(body);
    const made = { body, hp: 0, maxHp: 0, level: 0, platedAt: Number.NEGATIVE_INFINITY };
    if (thing) return { ...made, plate: undefined };
    const plate = new Sprite();
    plate.anchor.set(0.5, 1);
    plate.scale.set(1 / textures.scale);
    this.plates.addChild(plate);
    return { ...made, plate };
  }

  #place(entity: Entity, shown: Shown, target: number | undefined, own: number | undefined, now: number): void {
    const { textures, looks } = this;
    const { body, plate } = shown;
    const x = Math.round(entity.x);
    const y = Math.round(entity.y);
    body.zIndex = entity.y;
    if (entity.sort === "item" || entity.sort === "equipment") {
      body.position.set(x, y + (looks.still ? 0 : Math.round(Math.sin(now / 400 + entity.entityId) * 2)));
      if (entity.entityId === this.#hovered) this.#mark(x, y + 4, 20, "#ffe27a");
      return;
    }
    const { figure } = textures.atlas(entity.kindId);
    const { pose, since } = poseAt(entity, now);
    const count = FRAMES[pose];
    const phase = pose === "stand" ? entity.entityId * 137 : 0;
    let index = Math.floor(((since + phase) / POSE_MS[pose]) * count);
    index = looks.still ? (pose === "die" ? count - 1 : 0) : pose === "die" ? Math.min(index, count - 1) : pose === "attack" ? Math.min(index, count - 1) : index % count;
    const { left, back: away } = entity.facing;
    const scale = 1 / textures.scale;
    const picture = textures.frame(entity.kindId, pose, index, away, left);
    body.texture = picture.texture;
    body.anchor.set(picture.anchorX, picture.anchorY);
    body.position.set(x, y);
    body.alpha = entity.sort === "mob" && entity.diedAt !== undefined ? Math.max(0, Math.min(1, (CORPSE_MS - since) / 500)) : 1;
    if (entity.entityId === this.#hovered && entity.entityId !== own) {
      const color = entity.sort === "mob" ? "#ff7a5a" : entity.sort === "npc" ? "#8ae0ff" : "#ffe9a0";
      const outline = this.#outline;
      outline.visible = true;
      const edge = textures.outline(entity.kindId, pose, index, away, left, color);
      outline.texture = edge.texture;
      outline.anchor.set(edge.anchorX, edge.anchorY);
      outline.scale.set(scale);
      outline.position.copyFrom(body.position);
      outline.zIndex = entity.y - 0.01;
    }
    if (entity.entityId === target) this.#mark(x, y, figure.shade[0] * 1.15, entity.sort === "mob" ? "#ff6a4a" : "#8ae0ff");
    if (plate === undefined || !looks.plates) return;
    this.#write(entity, shown, plate, now);
    plate.position.set(x, Math.round(y - figure.tall - (figure.flies ?? 0) + 4));
  }

  #write(entity: Entity, shown: Shown, plate: Sprite, now: number): void {
    const { hp, maxHp, level } = entity;
    if (shown.hp === hp && shown.maxHp === maxHp && shown.level === level && now - shown.platedAt < PLATE_MS) return;
    // Not all in the same frame the next time.
    shown.platedAt = shown.platedAt === Number.NEGATIVE_INFINITY ? now - (entity.entityId % 16) * (PLATE_MS / 16) : now;
    [shown.hp, shown.maxHp, shown.level] = [hp, maxHp, level];
    const { looks } = this;
    const part = entity.sort === "npc" ? undefined : maxHp > 0 ? Math.max(0, Math.min(1, hp / maxHp)) : 0;
    plate.texture = this.textures.plate(looks.name(entity), looks.color(entity), part, entity.sort === "player" ? GREEN : RED);
  }

  #mark(x: number, y: number, radius: number, color: string): void {
    this.#ring.texture = this.textures.ring(color, Math.round(radius));
    this.#ring.scale.set(1 / this.textures.scale);
    this.#ring.position.set(x, y);
    this.#ring.visible = true;
  }

  /** Who is at a point of the map: the one furthest to the south. */
  at(entities: ReadonlyMap<number, Entity>, x: number, y: number, except: number | undefined): Entity | undefined {
    let found: Entity | undefined;
    for (const entity of entities.values()) {
      if (entity.entityId === except || !isAlive(entity)) continue;
      const thing = entity.sort === "item" || entity.sort === "equipment";
      const figure = thing ? undefined : this.textures.atlas(entity.kindId).figure;
      const half = figure === undefined ? 20 : Math.max(20, figure.shade[0] * 0.95);
      const tall = figure === undefined ? 24 : figure.tall + (figure.flies ?? 0);
      const dy = entity.y - y;
      if (Math.abs(entity.x - x) > half || dy < -12 || dy > tall) continue;
      if (found === undefined || entity.y > found.y) found = entity;
    }
    return found;
  }

  clear(): void {
    for (const { body, plate } of this.#shown.values()) {
      body.destroy();
      plate?.destroy();
    }
    this.#shown.clear();
  }
}
