//! A game without a server, for the gallery: the real tables and maps, and a scene in the middle of play.

import { Game } from "../game/game";
import { sceneOf } from "../game/areas";
import { hash } from "../art/pen";
import type { SceneMap, CurPlayer, Views, PlayerView, Tables } from "../protocol/messages";
import type { Scene } from "../art/scene";
import { say } from "../world/apply";
import { gridRuns } from "./runs";

type Cells = readonly (readonly (string | number)[])[];

const DATA = import.meta.glob<Cells>("../../../game-server/config/data/*.json", { import: "default" });
const MAPS = import.meta.glob<Parameters<typeof gridRuns>[0]>("../../../game-server/config/map/*.json", { import: "default" });

async function rows(name: string): Promise<Record<string, never>> {
  const load = Object.entries(DATA).find(([path]) => path.endsWith(`/${name}.json`))?.[1];
  if (load === undefined) return {};
  const [, columns = [], ...cells] = await load();
  return Object.fromEntries(cells.map((row) => [String(row[0]), Object.fromEntries(columns.map((column, i) => [column, row[i]]))])) as Record<string, never>;
}

export async function tables(): Promise<Tables> {
  const [fightskill, equipment, item, character, npc] = await Promise.all(["fightskill", "equipment", "item", "character", "npc"].map(rows));
  return { fightskill: fightskill ?? {}, equipment: equipment ?? {}, item: item ?? {}, character: character ?? {}, npc: npc ?? {} };
}

export async function mapOf(name: string, scene: Scene): Promise<SceneMap> {
  const load = Object.entries(MAPS).find(([path]) => path.endsWith(`/${name}.json`))?.[1];
  const weightMap = load === undefined ? [] : gridRuns(await load(), scene.width, scene.height);
  return { name, width: scene.width, height: scene.height, tileW: 20, tileH: 20, weightMap };
}

/** Where the hero stands in each area when nothing else is asked for. */
const PLACES: Readonly<Record<string, readonly [number, number]>> = { desert: [900, 800], oasis: [1250, 2900], ice: [5750, 420], arena: [900, 440], cave: [1650, 330] };

const NAMES = ["Bran", "Iko", "Sela", "Oto", "Pim", "小明", "Nara", "Juno"];

function somebody(i: number, x: number, y: number): PlayerView {
  const maxHp = 400 + i * 90;
  return { entityId: 5000 + i, id: 100 + i, kindId: i % 2 === 0 ? 211 : 210, name: NAMES[i % NAMES.length] ?? "Bran", x, y, level: 5 + i, walkSpeed: 240, hp: Math.round(maxHp * (0.4 + hash(i, 1, 1) * 0.6)), maxHp, mp: 60, maxMp: 90, teamId: i < 2 ? 3 : 0, isCaptain: i === 0 ? 0 : 0 };
}

export function ownHero(x: number, y: number): CurPlayer {
  const items = [[1, 2, "item"], [2, 5, "item"], [3, 4, "item"], [4, 4, "equipment"], [5, 29, "equipment"], [6, 16, "equipment"], [7, 9, "item"], [8, 66, "equipment"], [9, 36, "equipment"], [10, 112, "equipment"], [12, 13, "item"], [14, 88, "equipment"]] as const;
  return {
    id: 1, entityId: 1, name: "Mira", kindId: 210, x, y, level: 27, walkSpeed: 240, hp: 1420, maxHp: 1936, mp: 96, maxMp: 176, experience: 11800, nextLevelExp: 22002, attackValue: 205, defenceValue: 87,
    attackSpeed: 1.2, kindName: "Angel", type: "player", areaId: 1, hitRate: 90, dodgeRate: 13, skillPoint: 2, teamId: 3, isCaptain: 1,
    bag: { itemCount: 20, items: items.map(([key, id, type]) => ({ key, id, type })) },
    equipments: { weapon: 3, armor: 15, helmet: 39, necklace: 52, ring: 26, belt: 0, shoes: 92, legguard: 0, amulet: 105 },
    fightSkills: [{ id: 1, level: 1 }, { id: 2, level: 3 }, { id: 3, level: 2 }, { id: 4, level: 1 }, { id: 5, level: 1 }],
    curTasks: [
      { id: 71, name: "Wings over the camp", acceptTalk: "", workTalk: "They circle still. Listen.", finishTalk: "The camp sleeps again. Take this, you have earned it.", item: "1;25", exp: 100, taskState: 1, taskData: '{"mobKilled":3,"playerKilled":0}', completeCondition: '{"202":3}', type: 0 },
      { id: 72, name: "Rotten garden", acceptTalk: "", workTalk: "The flowers in the dunes eat what they catch. Cut five.", finishTalk: "", item: "2;26", exp: 100, taskState: 0, taskData: '{"mobKilled":2,"playerKilled":0}', completeCondition: '{"209":5}', type: 0 },
    ],
  };
}

/** A game in an area, as it looks some time after coming in. */
export async function sampleGame(host: HTMLElement, query: URLSearchParams): Promise<Game> {
  const game = new Game(host, query);
  game.settings.language = query.get("lang") === "zh" ? "zh" : "en";
  game.settings.vignette = query.get("vignette") !== "0";
  game.settings.plates = query.get("plates") !== "0";
  game.set({});
  game.tables.take({ data: await tables(), version: {} });
  game.link = { kind: "open" };
  game.pingMs = 24;
  return game;
}

export async function playing(game: Game, query: URLSearchParams): Promise<void> {
  const name = query.get("area") ?? "desert";
  const scene = await sceneOf(name, 4200, 2800);
  const map = await mapOf(name, scene);
  const wanted = query.get("at")?.split(",").map(Number);
  const [x, y] = [wanted?.[0] ?? PLACES[name]?.[0] ?? 900, wanted?.[1] ?? PLACES[name]?.[1] ?? 700];
  game.world.enter({ code: 200, curPlayer: ownHero(x, y), map, entities: around(scene, x, y, Number(query.get("crowd") ?? 0)) }, performance.now());
  for (const entity of game.world.entities.values()) {
    const near = game.world.grid?.near(entity);
    if (near !== undefined) Object.assign(entity, { x: near.x, y: near.y });
  }
  game.world.team.set(1, { playerId: 1, name: "Mira", kindId: 210, level: 27, hp: 1420, maxHp: 1936, mp: 96, maxMp: 176, isCaptain: true });
  for (const i of [0, 1]) {
    const mate = somebody(i, 0, 0);
    game.world.team.set(mate.id, { playerId: mate.id, name: mate.name, kindId: mate.kindId, level: mate.level, hp: mate.hp, maxHp: mate.maxHp, mp: 50, maxMp: 90, isCaptain: false });
  }
  game.world.teamName = "Dune Riders";
  talk(game);
  const stage = await game.openStage();
  await stage.prepare([...new Set([...game.world.entities.values()].filter(({ sort }) => sort !== "item" && sort !== "equipment").map(({ kindId }) => kindId))], () => undefined);
  await stage.open(scene, () => undefined);
  game.screen = "world";
  game.changed();
}

function around(scene: Scene & { zones?: readonly { kind: number; level: number; rect: readonly number[] }[]; npcs?: readonly { kind: number; x: number; y: number }[] }, x: number, y: number, crowd: number): Views {
  const zones = [...(scene.zones ?? [])].toSorted((a, b) => far(a.rect, x, y) - far(b.rect, x, y));
  const mobs = zones.slice(0, 5).flatMap(({ kind, level, rect: [left = 0, top = 0, width = 0, height = 0] }, z) =>
    Array.from({ length: crowd > 0 ? 0 : 6 }, (_, i) => ({ entityId: 100 + z * 20 + i, kindId: kind, x: left + hash(i, z, 3) * width, y: top + hash(z, i, 5) * height, level, walkSpeed: 160, hp: 60 + i * 8, maxHp: 110 })));
  // Some of the nearest come into sight, to be looked at.
  const near = zones[0];
  const guests = near === undefined || crowd > 0 ? [] : Array.from({ length: 4 }, (_, i) => ({ entityId: 300 + i, kindId: near.kind, x: x + 150 + i * 70, y: y - 90 + (i % 2) * 150, level: near.level, walkSpeed: 160, hp: 40 + i * 20, maxHp: 110 }));
  const kinds = [202, 209, 208, 201, 206, 205, 207];
  const many = Array.from({ length: crowd }, (_, i) => ({ entityId: 1000 + i, kindId: kinds[i % kinds.length] ?? 202, x: x - 600 + hash(i, 1, 9) * 1200, y: y - 330 + hash(i, 2, 9) * 660, level: 10 + (i % 9), walkSpeed: 200, hp: 50 + (i % 60), maxHp: 110 }));
  return {
    npc: (scene.npcs ?? []).map(({ kind, x: nx, y: ny }, i) => ({ entityId: 20 + i, kindId: kind, x: nx, y: ny })),
    mob: [...mobs, ...guests, ...many],
    item: [{ entityId: 400, kindId: 1, x: x + 60, y: y + 90, playerId: 0, type: "item" }, { entityId: 401, kindId: 10, x: x - 70, y: y + 60, playerId: 0, type: "item" }],
    equipment: [{ entityId: 402, kindId: 3, x: x + 10, y: y + 120, playerId: 0, type: "equipment" }],
    player: crowd > 0 ? [] : Array.from({ length: 5 }, (_, i) => somebody(i, x - 190 + i * 62 + (i > 2 ? 170 : 0), y - 60 + (i % 3) * 66)),
  };
}

function far([left = 0, top = 0]: readonly number[], x: number, y: number): number {
  return Math.hypot(left - x, top - y);
}

function talk(game: Game): void {
  const { world } = game;
  say(world, { scope: "system", from: "", playerId: 0, content: "Sunscar Desert" });
  say(world, { scope: "area", from: "Bran", playerId: 100, content: "the scarab is up, south of the well" });
  say(world, { scope: "all", from: "Iko", playerId: 101, content: "team for the cave? need one more" });
  say(world, { scope: "all", from: "小明", playerId: 105, content: "大家好! <b>not bold</b>" });
  say(world, { scope: "team", from: "Sela", playerId: 102, content: "coming, two minutes" });
  say(world, { scope: "private", from: "Oto", playerId: 103, content: "thanks for the ring :)" });
}
