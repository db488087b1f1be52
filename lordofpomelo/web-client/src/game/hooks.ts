//! `?test=1`: what tests may look at, and how they click. Reads only what the player could see.

import { positionAt } from "../world/entity";
import type { Game } from "./game";

export interface Hooks {
  readonly screen: string;
  /** How the connection is: `open`, `connecting`, `lost`, `closed`. */
  readonly link: string;
  /** How often a connection was opened since the page was loaded: one that never broke is the first. */
  readonly connections: number;
  readonly fps: number;
  readonly me: unknown;
  readonly hero: unknown;
  readonly entities: unknown[];
  readonly mapName: string;
  /** Where somebody is on the screen. */
  screenOf(entityId: number): { x: number; y: number } | undefined;
  clickWorld(x: number, y: number): void;
  meet(entityId: number): void;
}

export function installHooks(game: Game): void {
  const hooks: Hooks = {
    get screen() {
      return game.comingBack ? "loading" : game.screen;
    },
    get link() {
      return game.link.kind;
    },
    get connections() {
      return game.connections;
    },
    get fps() {
      return game.stage?.fps ?? 0;
    },
    get me() {
      const { me } = game.world;
      return me === undefined ? undefined : { ...me, bag: Object.fromEntries(me.bag), skills: Object.fromEntries(me.skills), cooldowns: Object.fromEntries(me.cooldowns) };
    },
    get hero() {
      const { hero } = game.world;
      return hero === undefined ? undefined : { ...hero, ...positionAt(hero, performance.now()) };
    },
    get entities() {
      return [...game.world.entities.values()].map((entity) => ({ ...entity, shown: game.tables.nameOf(entity), at: positionAt(entity, performance.now()) }));
    },
    get mapName() {
      return game.world.mapName;
    },
    screenOf(entityId) {
      const entity = game.world.entities.get(entityId);
      return entity === undefined ? undefined : game.stage?.toScreen(positionAt(entity, performance.now()));
    },
    clickWorld: (x, y) => game.deeds.click({ x, y }, undefined, false),
    meet(entityId) {
      const entity = game.world.entities.get(entityId);
      if (entity !== undefined) game.deeds.meet(entity);
    },
  };
  Object.assign(window, { __game: hooks });
}
