//! A world with one hero in it, for tests.

import type { CurPlayer, MobView, PlayerView, Scene } from "../../src/protocol/messages";
import { World } from "../../src/world/world";

export function hero(change: Partial<CurPlayer> = {}): CurPlayer {
  return {
    id: 7, entityId: 1, name: "Mira", kindId: 210, x: 100, y: 100, level: 2, walkSpeed: 240, hp: 200, maxHp: 220, mp: 20, maxMp: 20, experience: 10, nextLevelExp: 77, attackValue: 23, defenceValue: 9,
    attackSpeed: 1.25, areaId: 1, hitRate: 90, dodgeRate: 13, skillPoint: 0, teamId: 0, isCaptain: 0, kindName: "Angel", type: "player",
    bag: { itemCount: 20, items: [{ key: 2, id: 5, type: "item" }] },
    equipments: { weapon: 1, armor: 0, helmet: 0, necklace: 0, ring: 0, belt: 0, shoes: 0, legguard: 0, amulet: 0 },
    fightSkills: [{ id: 1, level: 1 }, { id: 2, level: 1 }],
    ...change,
  };
}

export const MOB: MobView = { entityId: 20, kindId: 202, x: 200, y: 100, level: 1, walkSpeed: 160, hp: 60, maxHp: 60 };
export const OTHER: PlayerView = { entityId: 30, kindId: 211, x: 300, y: 100, level: 4, walkSpeed: 240, hp: 180, maxHp: 180, mp: 60, maxMp: 60, id: 8, name: "Bran", teamId: 0, isCaptain: 0 };

export function scene(change: Partial<CurPlayer> = {}): Scene {
  return { code: 200, curPlayer: hero(change), entities: { mob: [MOB], player: [OTHER], npc: [{ entityId: 40, kindId: 301, x: 50, y: 50 }] }, map: { name: "desert", width: 4200, height: 2800, tileW: 20, tileH: 20, weightMap: [] } };
}

/** Entered at time 0. */
export function world(change: Partial<CurPlayer> = {}): World {
  const made = new World();
  made.skillRow = (id) => ({ cooltime: id === 1 ? 1 : 5, mp: 5 });
  made.enter(scene(change), 0);
  return made;
}
