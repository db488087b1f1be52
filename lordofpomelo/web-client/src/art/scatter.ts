//! Which props stand where in a scene: obstacles that are no part of the ground are filled with what they are made of.

import { hash } from "./pen";
import { PROPS } from "./props";
import { type Biome, FLAT, type Obstacle, type Scene, boxOf, inside } from "./scene";

/** One thing to stand on the map. */
export interface Standing {
  readonly prop: string;
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly seed: number;
}

/** Few seeds, so that few pictures serve many. */
const SEEDS = 4;

const ROCK_OF: Readonly<Record<Biome, string>> = { desert: "rock", oasis: "mossrock", ice: "snowrock", arena: "rock", cave: "darkrock" };

/** Names the generator may use for the same thing. */
const SAME: Readonly<Record<string, string>> = {
  cacti: "cactus", cactusgroup: "cactus", palms: "palm", trees: "palm", pines: "pine", ruins: "ruin", pillar: "ruin", pillars: "ruin", column: "ruin",
  huts: "hut", house: "hut", shards: "shard", icespike: "shard", boulder: "rock", rocks: "rock", stone: "rock", torch: "brazier", fire: "brazier",
  campfire: "brazier", lantern: "lamp", crystals: "crystal", bushes: "bush", flag: "banner", skull: "bones", bone: "bones", barrels: "barrel", stalagmites: "stalagmite",
};

export function propFor(kind: string, biome: Biome): string | undefined {
  const plain = kind.toLowerCase().replaceAll(/[-_ ]/g, "");
  const name = SAME[plain] ?? plain;
  if (name === "rock") return ROCK_OF[biome];
  return name in PROPS ? name : undefined;
}

/** Where this kind stands alone, it fills its outline; the others grow in groups. */
const ALONE: ReadonlySet<string> = new Set(["rock", "mossrock", "snowrock", "darkrock", "hut", "ruin", "tent", "shard", "stalagmite"]);

/** All of a scene, from north to south. */
export function standing(scene: Scene): Standing[] {
  const all: Standing[] = [];
  scene.obstacles.forEach((obstacle, i) => {
    if (!FLAT.has(obstacle.kind)) fill(all, obstacle, propFor(obstacle.kind, scene.biome) ?? ROCK_OF[scene.biome], i);
  });
  for (const { kind, x, y, size } of scene.decorations) {
    const prop = propFor(kind, scene.biome);
    if (prop !== undefined) all.push({ prop, x, y, size: size ?? 1, seed: seedAt(x, y) });
  }
  return all.sort((a, b) => a.y - b.y);
}

function seedAt(x: number, y: number): number {
  return Math.floor(hash(x, y, 71) * SEEDS);
}

function fill(all: Standing[], { polygon }: Obstacle, prop: string, index: number): void {
  const art = PROPS[prop];
  if (art === undefined) return;
  const box = boxOf(polygon);
  const wide = box.right - box.left;
  const high = box.bottom - box.top;
  const [rx, ry] = art.shade;
  if (ALONE.has(prop) && wide < rx * 5 && high < rx * 4) {
    const size = Math.min(2.1, Math.max(0.45, (wide / (rx * 2)) * 1.04));
    all.push({ prop, x: (box.left + box.right) / 2, y: box.bottom - ry * size * 0.7, size, seed: index % SEEDS });
    return;
  }
  // A net over the outline, each knot moved a little.
  const size = ALONE.has(prop) ? 0.9 : 0.82;
  const dx = Math.max(34, rx * 1.25 * size);
  const dy = Math.max(28, dx * 0.72);
  let any = false;
  for (let y = box.top + dy * 0.6; y < box.bottom; y += dy)
    for (let x = box.left + dx * 0.5 + (Math.round(y / dy) % 2 === 0 ? dx * 0.4 : 0); x < box.right; x += dx) {
      const px = x + (hash(x, y, index) - 0.5) * dx * 0.5;
      const py = y + (hash(y, x, index) - 0.5) * dy * 0.5;
      if (!inside(polygon, px, py)) continue;
      any = true;
      all.push({ prop, x: px, y: py, size: size * (0.85 + hash(px, py, 3) * 0.35), seed: seedAt(px, py) });
    }
  if (!any) all.push({ prop, x: (box.left + box.right) / 2, y: box.bottom - 4, size: Math.max(0.5, Math.min(1, wide / (rx * 2))), seed: index % SEEDS });
}
