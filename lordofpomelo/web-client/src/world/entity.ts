//! What is in sight: people, mobs, things on the ground.

import type { MobView, NpcView, PlayerView, Point, ThingView } from "../protocol/messages";
import { type Walk, stepAt } from "./walk";

export type Sort = "player" | "mob" | "npc" | "item" | "equipment";

/** On the ground. What it is may be said in more words. */
export type Lying = Omit<ThingView, "type"> & { readonly type: string };

/** How long a figure swings, as seen. */
const BLOW_MS = 420;

export interface Entity {
  readonly entityId: number;
  readonly sort: Sort;
  readonly kindId: number;
  x: number;
  y: number;
  /** Which way it looks. */
  facing: { left: boolean; back: boolean };
  walk: Walk | undefined;
  /** It was not let go from here: what the server says of its place counts, however small the difference. */
  isDoubtful: boolean;
  /** When its last blow began. */
  blowAt: number;
  /** When it fell; players rise again. */
  diedAt: number | undefined;
  level: number;
  hp: number;
  maxHp: number;
  mp: number;
  maxMp: number;
  walkSpeed: number;
  /** Of players. */
  name: string;
  playerId: number;
  teamId: number;
  isCaptain: boolean;
}

function base(sort: Sort, { entityId, kindId, x, y }: NpcView): Entity {
  return {
    entityId, sort, kindId, x, y,
    // Not all the same way, but always the same for one.
    facing: { left: entityId % 2 === 0, back: false },
    walk: undefined, isDoubtful: false, blowAt: Number.NEGATIVE_INFINITY, diedAt: undefined,
    level: 0, hp: 0, maxHp: 0, mp: 0, maxMp: 0, walkSpeed: 0, name: "", playerId: 0, teamId: 0, isCaptain: false,
  };
}

export function npc(body: NpcView): Entity {
  return base("npc", body);
}

export function mob(body: MobView): Entity {
  const { level, hp, maxHp, walkSpeed } = body;
  return { ...base("mob", body), level, hp, maxHp, walkSpeed };
}

export function player(body: PlayerView, now: number): Entity {
  const { level, hp, maxHp, mp, maxMp, walkSpeed, id, name, teamId, isCaptain } = body;
  return {
    ...base("player", body), level, hp, maxHp, mp, maxMp, walkSpeed, name, playerId: id, teamId: teamId ?? 0, isCaptain: isCaptain === 1,
    diedAt: hp <= 0 ? now - 10_000 : undefined,
  };
}

export function thing(sort: "item" | "equipment", body: Lying): Entity {
  return { ...base(sort, body), playerId: body.playerId };
}

/** Where it is now. */
export function positionAt(entity: Entity, now: number): Point {
  return entity.walk === undefined ? entity : stepAt(entity.walk, now);
}

/** Takes the walk so far into account: where it is and which way it looks. */
export function settle(entity: Entity, now: number): void {
  if (entity.walk === undefined) return;
  const step = stepAt(entity.walk, now);
  entity.x = step.x;
  entity.y = step.y;
  look(entity, step.dx, step.dy);
  if (step.done) entity.walk = undefined;
}

export function look(entity: Entity, dx: number, dy: number): void {
  if (dx === 0 && dy === 0) return;
  entity.facing.left = dx < 0;
  entity.facing.back = dy < 0 && Math.abs(dy) > Math.abs(dx) * 0.35;
}

/** What its figure does at a time. */
export function poseAt(entity: Entity, now: number): { pose: "stand" | "walk" | "attack" | "die"; since: number } {
  if (entity.diedAt !== undefined) return { pose: "die", since: now - entity.diedAt };
  if (now - entity.blowAt < BLOW_MS) return { pose: "attack", since: now - entity.blowAt };
  if (entity.walk !== undefined) return { pose: "walk", since: now - entity.walk.startedAt };
  return { pose: "stand", since: now };
}

export function isAlive(entity: Entity): boolean {
  return entity.diedAt === undefined;
}

/** Can be hit. */
export function isFighter(entity: Entity): boolean {
  return entity.sort === "mob" || entity.sort === "player";
}
