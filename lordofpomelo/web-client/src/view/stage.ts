//! The world on the screen: the layers, the camera, the pointer, one picture per frame. Draws what `World` says and tells what was
//! clicked; decides nothing.

import { Application, Container } from "pixi.js";
// The page's content security policy forbids scripts made of text, which PixiJS would write otherwise.
import "pixi.js/unsafe-eval";
import { SKILL_EFFECTS } from "../art/effects";
import type { Scene } from "../art/scene";
import type { Point } from "../protocol/messages";
import type { Entity } from "../world/entity";
import type { Happening, World } from "../world/world";
import { Crowd, type Looks } from "./crowd";
import { Land } from "./land";
import { Air, Sparks } from "./sparks";
import { Textures } from "./textures";

export interface StageEvents {
  /** The ground or somebody was clicked; `held` while the button stays down. */
  click(at: Point, entity: Entity | undefined, held: boolean): void;
  hover(entity: Entity | undefined): void;
  happened(happening: Happening): void;
  /** Before each picture. */
  tick(now: number): void;
}

export interface StageOptions {
  readonly renderer: "webgl" | "canvas";
  readonly looks: Looks;
  readonly numbers: () => boolean;
  readonly events: StageEvents;
}

/** While the pointer is held, the hero follows it this often. */
const FOLLOW_MS = 260;

/** A small screen shows the world a little smaller, or one would see nothing coming. */
const SMALL = { below: 760, zoom: 0.8 };

/** A screen twice as large shows it twice as large, not twice as much of it. */
const LARGE = { width: 1_920, height: 1_080 };

/** Pixels of the screen per pixel of the page, and how large the world is shown. */
interface Scale {
  readonly resolution: number;
  readonly zoom: number;
}

function scaleFor({ clientWidth, clientHeight }: HTMLElement): Scale {
  const resolution = Math.min(2, Math.max(1, window.devicePixelRatio));
  if (clientWidth < SMALL.below) return { resolution, zoom: SMALL.zoom };
  return { resolution, zoom: Math.max(1, Math.round(Math.min(clientWidth / LARGE.width, clientHeight / LARGE.height))) };
}

export class Stage {
  readonly textures: Textures;
  readonly #world = new Container();
  readonly #bodies = new Container({ sortableChildren: true });
  readonly #floor = new Container();
  readonly #plates = new Container();
  readonly #above = new Container();
  readonly #crowd: Crowd;
  readonly #sparks: Sparks;
  #land: Land | undefined;
  #air: Air | undefined;
  #camera = { x: 0, y: 0 };
  #pointer: Point | undefined;
  #held = false;
  #followedAt = 0;
  #frames: number[] = [];
  /** Pictures per second, over the last second. */
  fps = 0;

  static async open(parent: HTMLElement, world: World, options: StageOptions): Promise<Stage> {
    const app = new Application();
    const scale = scaleFor(parent);
    await app.init({ preference: options.renderer, resizeTo: parent, resolution: scale.resolution, autoDensity: true, background: "#160d08", antialias: false, powerPreference: "high-performance" });
    parent.append(app.canvas);
    return new Stage(app, world, options, scale);
  }

  private constructor(
    readonly app: Application,
    readonly state: World,
    readonly options: StageOptions,
    readonly scale: Scale,
  ) {
    const { resolution, zoom } = scale;
    this.textures = new Textures(resolution * zoom, options.renderer === "webgl");
    this.#crowd = new Crowd(this.#bodies, this.#floor, this.#plates, this.textures, options.looks);
    this.#sparks = new Sparks(this.#above, this.#floor, this.textures);
    this.#world.addChild(this.#floor, this.#bodies, this.#plates, this.#above);
    this.#world.scale.set(zoom);
    app.stage.addChild(this.#world);
    app.ticker.add(() => this.#picture());
    this.#listen(app.canvas);
  }

  get zoom(): number {
    return this.scale.zoom;
  }

  /** Whether it is drawn at the scale that its place wants by now. */
  fits(parent: HTMLElement): boolean {
    const { resolution, zoom } = scaleFor(parent);
    return resolution === this.scale.resolution && zoom === this.scale.zoom;
  }

  /** Which area is shown. */
  get scene(): Scene | undefined {
    return this.#land?.scene;
  }

  /** What is seen, in pixels of the map. */
  get width(): number {
    return this.app.screen.width / this.zoom;
  }
  get height(): number {
    return this.app.screen.height / this.zoom;
  }

  /** Draws the figures of these kinds, some at a time. */
  async prepare(kinds: readonly number[], progress: (part: number) => void): Promise<void> {
    for (const [i, kind] of kinds.entries()) {
      progress(i / kinds.length);
      if (!this.textures.has(kind)) {
        this.textures.atlas(kind);
        await nextFrame();
      }
    }
    progress(1);
  }

  /** Shows another area. */
  async open(scene: Scene, progress: (part: number) => void): Promise<void> {
    this.close();
    this.#land = new Land(scene, this.#bodies, this.textures);
    this.#world.addChildAt(this.#land.ground, 0);
    this.#air = new Air(scene.biome, this.textures);
    this.app.stage.addChild(this.#air.layer);
    this.#follow();
    for (let i = 0; i < 24; i++) {
      progress(Math.min(1, i / 12));
      if (this.#land.show(this.#camera.x, this.#camera.y, this.width, this.height)) break;
      await nextFrame();
    }
    progress(1);
  }

  close(): void {
    this.#land?.destroy();
    this.#land = undefined;
    this.#air?.destroy();
    this.#air = undefined;
    this.clear();
  }

  /** Takes off all who were seen; the land stays. */
  clear(): void {
    this.#crowd.clear();
    this.#sparks.clear();
  }

  /** A point of the map on the screen. */
  toScreen(at: Point): Point {
    return { x: (at.x - this.#camera.x) * this.zoom, y: (at.y - this.#camera.y) * this.zoom };
  }

  toMap(at: Point): Point {
    return { x: at.x / this.zoom + this.#camera.x, y: at.y / this.zoom + this.#camera.y };
  }

  /** Shows where was clicked. */
  mark(at: Point, enemy: boolean): void {
    this.#sparks.effect(enemy ? "strike" : "click", at.x, at.y, performance.now(), true);
  }

  #follow(): void {
    const { hero } = this.state;
    const scene = this.#land?.scene;
    if (hero === undefined || scene === undefined) return;
    // A map smaller than the screen stands in its middle.
    const x = scene.width <= this.width ? (scene.width - this.width) / 2 : Math.max(0, Math.min(scene.width - this.width, hero.x - this.width / 2));
    const y = scene.height <= this.height ? (scene.height - this.height) / 2 : Math.max(0, Math.min(scene.height - this.height, hero.y - 30 - this.height / 2));
    this.#camera = { x: Math.round(x), y: Math.round(y) };
    this.#world.position.set(Math.round(-this.#camera.x * this.zoom), Math.round(-this.#camera.y * this.zoom));
  }

  #picture(): void {
    const now = performance.now();
    this.#frames.push(now);
    while ((this.#frames[0] ?? now) < now - 1000) this.#frames.shift();
    this.fps = this.#frames.length;
    if (this.#land === undefined) return;
    this.options.events.tick(now);
    if (this.#held && this.#pointer !== undefined && now - this.#followedAt > FOLLOW_MS) {
      this.#followedAt = now;
      this.options.events.click(this.toMap(this.#pointer), undefined, true);
    }
    const own = this.state.me?.entityId;
    const { x, y } = this.#camera;
    this.#crowd.update(this.state.entities, this.state.target, own, now, { left: x, top: y, right: x + this.width, bottom: y + this.height });
    this.#follow();
    this.#land.show(this.#camera.x, this.#camera.y, this.width, this.height);
    this.#happenings(now);
    this.#sparks.update(now);
    if (!this.options.looks.still) this.#air?.update(now, this.#camera.x, this.#camera.y, this.app.screen.width, this.app.screen.height);
  }

  #happenings(now: number): void {
    if (this.state.happenings.length === 0) return;
    for (const happening of this.state.happenings) {
      this.options.events.happened(happening);
      if (!("target" in happening)) continue;
      const entity = this.state.entities.get(happening.target);
      if (entity === undefined) continue;
      const figure = entity.sort === "item" || entity.sort === "equipment" ? undefined : this.textures.atlas(entity.kindId).figure;
      const high = (figure?.tall ?? 30) + (figure?.flies ?? 0);
      const [x, middle, top] = [entity.x, entity.y - high * 0.5, entity.y - high - 8];
      switch (happening.kind) {
        case "damage":
          if (this.options.numbers()) this.#sparks.number(`-${happening.amount}`, happening.own ? "#ff6a5a" : happening.heavy ? "#ffb03a" : "#ffe27a", happening.heavy ? 28 : 23, x, top, now);
          break;
        case "gain":
          if (this.options.numbers()) this.#sparks.number(happening.text, happening.sort === "hp" ? "#8af08a" : happening.sort === "mp" ? "#8ac8ff" : "#e0b0ff", 17, x, top - 14, now);
          if (happening.sort !== "exp") this.#sparks.effect("heal", x, middle, now);
          break;
        case "effect":
          this.#sparks.effect(SKILL_EFFECTS[happening.skillId] ?? "hit", x, middle, now);
          break;
        case "level":
          this.#sparks.effect("level", x, middle, now);
          break;
        case "revive":
          this.#sparks.effect("revive", x, middle, now);
          break;
        case "kill":
        case "pick":
      }
    }
    this.state.happenings = [];
  }

  #listen(canvas: HTMLCanvasElement): void {
    const point = (event: PointerEvent): Point => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    const under = (at: Point) => this.#crowd.at(this.state.entities, at.x, at.y, this.state.me?.entityId);
    canvas.addEventListener("pointermove", (event) => {
      this.#pointer = point(event);
      const entity = under(this.toMap(this.#pointer));
      this.#crowd.hover(entity?.entityId);
      canvas.style.cursor = entity === undefined ? "default" : "pointer";
      this.options.events.hover(entity);
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.#pointer = point(event);
      const at = this.toMap(this.#pointer);
      const entity = under(at);
      this.#held = entity === undefined;
      this.#followedAt = performance.now() + 200;
      this.options.events.click(at, entity, false);
    });
    const release = () => {
      this.#held = false;
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => {
      release();
      this.#crowd.hover(undefined);
      this.options.events.hover(undefined);
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  destroy(): void {
    this.close();
    this.app.destroy(true);
  }
}

export function nextFrame(): Promise<void> {
  return new Promise((done) => {
    // A hidden page gets no frames; it goes on, too.
    const timer = setTimeout(done, 100);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      done();
    });
  });
}
