//! What an area looks like: the scene file that the generator of the maps writes next to the collision it makes of the same, and
//! how it is looked up by place. The form is described in `lordofpomelo/world/src/map/scene`.

export type Biome = "desert" | "oasis" | "ice" | "arena" | "cave";

export type XY = readonly [x: number, y: number];

export interface Road {
  readonly kind: "road" | "trail" | "bridge";
  readonly width: number;
  readonly points: readonly XY[];
}

/** An outer border, then holes. */
export interface Patch {
  readonly kind: string;
  readonly rings: readonly (readonly XY[])[];
}

/** `[kind, x, y, size in percent, variant]`, and the half axes of what it blocks. */
export type PropRow = readonly [kind: string, x: number, y: number, size: number, variant: number, rx?: number, ry?: number];

export interface Scene {
  readonly biome: Biome;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly birth: readonly [x: number, y: number, width: number, height: number];
  readonly roads: readonly Road[];
  readonly ground: readonly Patch[];
  readonly terrain: readonly Patch[];
  readonly props: readonly PropRow[];
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function boxOf(points: readonly XY[]): Box {
  let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return { left, top, right, bottom };
}

/** A patch with its line made once. */
export interface Shape extends Patch {
  readonly box: Box;
  readonly path: Path2D;
}

export interface Thing {
  readonly kind: string;
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly variant: number;
  /** Half height of what it blocks, or 0. */
  readonly ry: number;
}

/** A scene by place. */
export class Places {
  readonly ground: readonly Shape[];
  readonly terrain: readonly Shape[];
  readonly #things = new Map<string, Thing[]>();

  constructor(
    readonly scene: Scene,
    readonly cell: number,
  ) {
    this.ground = scene.ground.map(shaped);
    this.terrain = scene.terrain.map(shaped);
    for (const [kind, x, y, size, variant, , ry] of scene.props) {
      const key = this.#key(Math.floor(x / cell), Math.floor(y / cell));
      const thing = { kind, x, y, size: size / 100, variant, ry: ry ?? 0 };
      const list = this.#things.get(key);
      if (list === undefined) this.#things.set(key, [thing]);
      else list.push(thing);
    }
  }

  /** What stands or lies in a cell. */
  things(column: number, row: number): readonly Thing[] {
    return this.#things.get(this.#key(column, row)) ?? [];
  }

  #key(column: number, row: number): string {
    return `${column},${row}`;
  }
}

function shaped(patch: Patch): Shape {
  const path = new Path2D();
  for (const ring of patch.rings) {
    ring.forEach(([x, y], i) => (i === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
    path.closePath();
  }
  return { ...patch, path, box: boxOf(patch.rings[0] ?? []) };
}
