//! Everything that stands on the ground, by the kind the scene calls it.

import { at } from "./pen";
import type { Prop } from "./prop";
import { COLUMN, BROKEN_COLUMN, RUIN_WALL, HUT, LAMP, BRAZIER, BANNER, TENT, SIGN, WELL, CART, CRATES, CAMPFIRE, CAVE_MOUTH, GATE } from "./props-built";
import { boulder, CACTUS, PALM, PINE, SHARD, BUSH, CRYSTAL, STALAGMITE, DEAD_TREE, CAIRN, FERN } from "./props-nature";
import type { Biome } from "./scene";

const BOULDERS: Readonly<Record<Biome, Prop>> = {
  desert: boulder(["#d6b594", "#775743"]),
  oasis: boulder(["#b9b496", "#5f5f4c"], "rgba(110,160,70,.75)"),
  ice: boulder(["#dfe9f4", "#6f8199"], "rgba(255,255,255,.9)"),
  arena: boulder(["#cbb596", "#6f5640"]),
  cave: boulder(["#8d7d94", "#3d3348"]),
};

/** The same, drawn smaller or larger: sizes in the scene's files mean what blocks. */
function scaled(prop: Prop, by: number): Prop {
  return {
    width: prop.width * by, height: prop.height * by, foot: prop.foot * by, shade: [prop.shade[0] * by, prop.shade[1] * by],
    draw: (q, seed) => at(q, 0, 0, 0, () => prop.draw(q, seed), by),
  };
}

const ALL: Readonly<Record<string, Prop>> = {
  cactus: CACTUS, deadTree: DEAD_TREE, column: COLUMN, brokenColumn: BROKEN_COLUMN, ruinWall: RUIN_WALL, tent: TENT, hut: HUT, well: WELL, cart: CART, crates: CRATES,
  palm: PALM, pine: PINE, iceSpike: scaled(SHARD, 0.72), cairn: CAIRN, brazier: BRAZIER, stalagmite: scaled(STALAGMITE, 0.85), crystal: scaled(CRYSTAL, 0.9), bush: BUSH, fern: FERN,
  lamp: LAMP, campfire: CAMPFIRE, signpost: SIGN, banner: BANNER, caveMouth: CAVE_MOUTH, gate: GATE,
};

/** How a kind looks in a biome. */
export function propOf(kind: string, biome: Biome): Prop | undefined {
  if (kind === "boulder") return BOULDERS[biome];
  if (kind === "rock") return scaled(BOULDERS[biome], 0.5);
  return ALL[kind];
}

export const PROP_KINDS = ["rock", "boulder", ...Object.keys(ALL)];
