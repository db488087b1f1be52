//! The scenes of the areas, of the same files the game server's maps are made with. Each is loaded when it is entered.

import type { Biome, Scene } from "../art/scene";
import type { Key } from "../text/text";

const FILES = import.meta.glob<Scene>("../../../game-server/config/scene/*.json", { import: "default" });

export interface Area {
  readonly id: number;
  readonly key: Key;
  readonly biome: Biome;
}

const AREAS: Readonly<Record<string, Area>> = {
  desert: { id: 1, key: "area.desert", biome: "desert" },
  oasis: { id: 2, key: "area.oasis", biome: "oasis" },
  ice: { id: 3, key: "area.ice", biome: "ice" },
  arena: { id: 4, key: "area.arena", biome: "arena" },
  cave: { id: 5, key: "area.path", biome: "cave" },
};

/** The name of an area's files: instances have a path, and the cave another name. */
function short(mapName: string): string {
  const last = mapName.split("/").at(-1) ?? mapName;
  return last === "path" ? "cave" : last;
}

export function areaOf(mapName: string): Area | undefined {
  return AREAS[short(mapName)];
}

export function areaById(id: number): Area | undefined {
  return Object.values(AREAS).find((area) => area.id === id);
}

/** The scene of a map; bare ground if there is none. */
export async function sceneOf(mapName: string, width: number, height: number): Promise<Scene> {
  const name = short(mapName);
  const load = Object.entries(FILES).find(([path]) => path.endsWith(`/${name}.json`))?.[1];
  if (load !== undefined) return load();
  return { biome: areaOf(mapName)?.biome ?? "desert", seed: 1, width, height, birth: [0, 0, width, height], roads: [], ground: [], terrain: [], props: [] };
}
