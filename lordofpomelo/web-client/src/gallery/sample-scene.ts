//! Scenes for the gallery, made of every kind there is.

import { TAU, hash } from "../art/pen";
import type { Biome, Decoration, Obstacle, Scene, XY } from "../art/scene";

function blob(x: number, y: number, rx: number, ry: number, seed: number, n = 11): XY[] {
  return Array.from({ length: n }, (_, i) => {
    const a = (i / n) * TAU;
    const r = 0.8 + hash(i, seed, 12) * 0.35;
    return { x: x + Math.cos(a) * rx * r, y: y + Math.sin(a) * ry * r };
  });
}

const KINDS: Readonly<Record<Biome, readonly (readonly [kind: string, rx: number, ry: number])[]>> = {
  desert: [["rock", 62, 26], ["cactus", 90, 60], ["ruin", 70, 24], ["ridge", 220, 110], ["rock", 90, 40], ["tent", 70, 24]],
  oasis: [["lake", 250, 150], ["palm", 120, 70], ["hut", 84, 30], ["ruin", 70, 24], ["rock", 60, 26], ["palm", 60, 50]],
  ice: [["ridge", 220, 120], ["crevasse", 180, 60], ["pine", 130, 80], ["shard", 50, 20], ["rock", 62, 26], ["lake", 150, 90]],
  arena: [["wall", 200, 90], ["ruin", 70, 24], ["rock", 60, 26]],
  cave: [["wall", 260, 150], ["stalagmite", 36, 14], ["chasm", 150, 70], ["rock", 60, 26]],
};

const EXTRAS: Readonly<Record<Biome, readonly string[]>> = {
  desert: ["bones", "sign", "barrel", "cactus"],
  oasis: ["bush", "bush", "sign", "lamp"],
  ice: ["shard", "lamp", "crystal", "sign"],
  arena: ["brazier", "banner", "barrel", "banner"],
  cave: ["lamp", "crystal", "brazier", "stalagmite"],
};

export function sampleScene(biome: Biome, width = 2600, height = 1800): Scene {
  const obstacles: Obstacle[] = [];
  const decorations: Decoration[] = [];
  let k = 0;
  for (let y = 200; y < height; y += 330)
    for (let x = 220; x < width; x += 460) {
      k += 1;
      const kinds = KINDS[biome];
      const [kind, rx, ry] = kinds[Math.floor(hash(k, 7, 3) * kinds.length)] ?? ["rock", 60, 26];
      obstacles.push({ kind, polygon: blob(x + hash(k, 1, 1) * 140, y + hash(k, 2, 2) * 90, rx, ry, k) });
      const extra = EXTRAS[biome][k % 4];
      if (extra !== undefined) decorations.push({ kind: extra, x: x + 230, y: y + 150 + hash(k, 3, 3) * 60 });
    }
  return { biome, width, height, obstacles, decorations, roads: [{ width: 74, points: [{ x: -40, y: 360 }, { x: 500, y: 420 }, { x: 900, y: 700 }, { x: 1500, y: 640 }, { x: width + 40, y: 900 }] }] };
}
