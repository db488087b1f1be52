//! What the player's client knows: its own hero, everything in sight, the talk and the teams. Fed by answers and pushes, exactly as
//! the server sends them; without I/O and without a clock. What is to be seen for a moment only goes into `happenings`.

import type { CurPlayer, Messages, Point, Scene, Worn } from "../protocol/messages";
import { applyPush } from "./apply";
import type { Entity } from "./entity";
import { player } from "./entity";
import { Grid } from "./grid";
import type { Talk } from "./talk";
import { type Quest, type Task, questOf } from "./quests";
import type { Key } from "../text/text";

/** Something to show once. */
export type Happening =
  | { readonly kind: "damage"; readonly target: number; readonly amount: number; readonly own: boolean; readonly heavy: boolean }
  | { readonly kind: "gain"; readonly target: number; readonly text: string; readonly sort: "exp" | "hp" | "mp" }
  | { readonly kind: "effect"; readonly target: number; readonly skillId: number }
  | { readonly kind: "level"; readonly target: number; readonly level: number }
  | { readonly kind: "revive"; readonly target: number }
  | { readonly kind: "kill"; readonly target: number }
  | { readonly kind: "pick"; readonly target: number }
  | { readonly kind: "task"; readonly name: string };

/** More than these at once nobody can see. */
const HAPPENINGS_MAX = 200;

/** A fallen mob lies this long. */
export const CORPSE_MS = 1_600;

export interface Bagged {
  readonly id: number;
  readonly type: "item" | "equipment";
}

/** Where a piece of equipment is worn. */
export type Place = keyof Worn;

/** The own hero beyond what everybody sees of him. */
export interface Me {
  entityId: number;
  playerId: number;
  name: string;
  kindId: number;
  areaId: number;
  experience: number;
  nextLevelExp: number;
  attackValue: number;
  defenceValue: number;
  attackSpeed: number;
  skillPoint: number;
  /** Slot, from 1 on, to what is in it. */
  bag: Map<number, Bagged>;
  bagSlots: number;
  worn: Record<string, number>;
  skills: Map<number, number>;
  /** Skill to when it may be used again, and how long it had to rest. */
  cooldowns: Map<number, { readonly until: number; readonly total: number }>;
  /** When he rises again. */
  reviveAt: number | undefined;
}

export interface Member {
  readonly playerId: number;
  readonly name: string;
  readonly kindId: number;
  readonly level: number;
  readonly hp: number;
  readonly maxHp: number;
  readonly mp: number;
  readonly maxMp: number;
  readonly isCaptain: boolean;
}

/** Somebody asks. */
export interface Asked {
  readonly kind: "invite" | "apply";
  readonly playerId: number;
  readonly name: string;
  readonly level: number;
  readonly teamId: number;
}

export class World {
  readonly entities = new Map<number, Entity>();
  me: Me | undefined;
  grid: Grid | undefined;
  mapName = "";
  /** Whom the hero is after. */
  target: number | undefined;
  /** What an NPC says. */
  talk: { readonly npc: number; readonly npcword: string; readonly myword: string; readonly travel: number | undefined } | undefined;
  readonly chat: Talk[] = [];
  readonly quests = new Map<number, Quest>();
  /** By player. */
  readonly team = new Map<number, Member>();
  teamName = "";
  asked: Asked | undefined;
  /** The team's captain went into this instance; the others follow. */
  dragTo: number | undefined;
  /** Refusals and news in words: keys of the texts. */
  readonly notices: { readonly key: Key; readonly args?: Record<string, string | number> }[] = [];
  happenings: Happening[] = [];
  /** Cooldown and cost of a skill, from the tables; known to whoever loads them. */
  skillRow: (id: number) => { cooltime: number; mp: number } | undefined = () => undefined;
  readonly #listeners = new Set<() => void>();

  /** Is told when something changed that panels show. Walking is not. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  happen(happening: Happening): void {
    if (this.happenings.length >= HAPPENINGS_MAX) this.happenings.shift();
    this.happenings.push(happening);
  }

  notice(key: Key, args?: Record<string, string | number>): void {
    this.notices.push(args === undefined ? { key } : { key, args });
  }

  /** The own figure. */
  get hero(): Entity | undefined {
    return this.me === undefined ? undefined : this.entities.get(this.me.entityId);
  }

  /** The hero walks, before the server has agreed. */
  setOut(path: readonly Point[], now: number): void {
    const { hero } = this;
    if (hero === undefined) return;
    hero.walk = { path, speed: hero.walkSpeed, startedAt: now };
    hero.isDoubtful = false;
  }

  /** The server refused this way. Unless he is on another by now, the hero stands where it began, or where the server says next. */
  notLetGo(path: readonly Point[]): void {
    const { hero } = this;
    if (hero === undefined || hero.walk?.path !== path) return;
    hero.walk = undefined;
    hero.isDoubtful = true;
    Object.assign(hero, path[0]);
  }

  /** An area was entered, for the first time or again: all that was in sight is gone. */
  enter(scene: Scene, now: number): void {
    const { curPlayer, entities, map } = scene;
    if (!curPlayer || !map) return;
    this.entities.clear();
    this.target = undefined;
    this.talk = undefined;
    this.dragTo = undefined;
    this.grid = new Grid(map);
    this.mapName = map.name;
    this.#own(curPlayer, now);
    applyPush(this, "onAddEntities", entities ?? {}, now);
    this.changed();
  }

  #own(body: CurPlayer, now: number): void {
    const cooldowns = this.me?.cooldowns ?? new Map();
    this.me = {
      entityId: body.entityId, playerId: body.id, name: body.name, kindId: body.kindId, areaId: body.areaId,
      experience: body.experience, nextLevelExp: body.nextLevelExp, attackValue: body.attackValue, defenceValue: body.defenceValue,
      attackSpeed: body.attackSpeed, skillPoint: body.skillPoint, bagSlots: body.bag.itemCount, worn: { ...body.equipments },
      bag: new Map((body.bag.items ?? []).map(({ key, id, type }) => [key, { id, type }])),
      skills: new Map(body.fightSkills.map(({ id, level }) => [id, level])),
      cooldowns, reviveAt: undefined,
    };
    this.entities.set(body.entityId, player(body, now));
    this.quests.clear();
    for (const task of body.curTasks ?? []) this.quest(task);
    if (body.teamId === 0) {
      this.team.clear();
      this.teamName = "";
    }
  }

  /** A quest that runs. */
  quest(task: Task): void {
    const quest = questOf(task);
    if (quest.state < 2) this.quests.set(quest.id, quest);
  }

  /** Takes a push in. */
  apply<P extends keyof Messages["pushes"]>(push: P, body: Messages["pushes"][P], now: number): void {
    applyPush(this, push, body, now);
    if (push !== "onMove" && push !== "onPathCheckout") this.changed();
  }

  /** Fallen mobs that lay long enough go. */
  sweep(now: number): void {
    for (const [id, { sort, diedAt }] of this.entities)
      if (sort === "mob" && diedAt !== undefined && now - diedAt > CORPSE_MS) this.entities.delete(id);
  }

  byPlayer(playerId: number): Entity | undefined {
    for (const entity of this.entities.values()) if (entity.sort === "player" && entity.playerId === playerId) return entity;
    return undefined;
  }

  /** The lowest free slot of the bag. */
  freeSlot(): number | undefined {
    const { me } = this;
    if (me === undefined) return undefined;
    for (let slot = 1; slot <= me.bagSlots; slot++) if (!me.bag.has(slot)) return slot;
    return undefined;
  }
}
