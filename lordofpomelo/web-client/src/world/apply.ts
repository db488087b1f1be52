//! What each push changes. One function each, by its name.

import type { Attack, MemberData, Pushes, TeamStatus, Upgraded, Views } from "../protocol/messages";
import { type Entity, type Lying, look, mob, npc, player, positionAt, settle, thing } from "./entity";
import { CHAT_LINES_MAX, type Talk, plain, scopeOf } from "./talk";
import type { World } from "./world";

type Apply = { readonly [P in keyof Pushes]: (world: World, body: Pushes[P], now: number) => void };

/** Further off than this, the server's word goes. */
const SNAP_PX = 100;

const APPLY: Apply = {
  onAddEntities: add,
  onRemoveEntities(world, { entities }) {
    for (const id of entities ?? []) if (id !== world.me?.entityId) remove(world, id);
  },
  onMove(world, { entityId, path, speed }, now) {
    const entity = world.entities.get(entityId);
    if (entity === undefined || entity.diedAt !== undefined || path.length === 0) return;
    settle(entity, now);
    entity.walk = { path, speed, startedAt: now };
    entity.isDoubtful = false;
  },
  onPathCheckout(world, { entityId, position }, now) {
    const entity = world.entities.get(entityId);
    if (entity === undefined) return;
    const here = positionAt(entity, now);
    if (!entity.isDoubtful && Math.hypot(here.x - position.x, here.y - position.y) <= SNAP_PX) return;
    entity.walk = undefined;
    entity.x = position.x;
    entity.y = position.y;
  },
  onAttack: attack,
  onUpgrade: upgrade,
  onRevive(world, { entityId, x, y, hp }) {
    const entity = world.entities.get(entityId);
    if (entity === undefined) return;
    Object.assign(entity, { x, y, hp, diedAt: undefined, walk: undefined });
    if (world.me?.entityId === entityId) world.me.reviveAt = undefined;
    world.happen({ kind: "revive", target: entityId });
  },
  onPickItem(world, { player: who, item, index }) {
    const entity = world.entities.get(item);
    if (world.me !== undefined && who === world.me.entityId) {
      if (entity !== undefined && (entity.sort === "item" || entity.sort === "equipment")) world.me.bag.set(index, { id: entity.kindId, type: entity.sort });
      world.happen({ kind: "pick", target: who });
    }
    remove(world, item);
  },
  onDropItems(world, { dropItems }) {
    for (const item of dropItems ?? []) drop(world, item);
  },
  onNPCTalk(world, { npc: who, npcword, myword, action, params }) {
    world.talk = { npc: who, npcword, myword, travel: action === "changeArea" ? params?.target : undefined };
    if (world.target === who) world.target = undefined;
  },
  onUpdateTaskData(world, body) {
    for (const [id, data] of Object.entries(body)) {
      const quest = world.quests.get(Number(id));
      if (quest !== undefined) quest.done = quest.playersWanted === undefined ? data.mobKilled : data.playerKilled;
    }
  },
  onTaskCompleted(world, { taskId }) {
    const quest = world.quests.get(taskId);
    if (quest === undefined) return;
    quest.state = 1;
    quest.done = quest.kills?.wanted ?? quest.playersWanted ?? quest.done;
    world.happen({ kind: "task", name: quest.name });
  },
  onUserLeave(world, { playerId }) {
    const entity = world.byPlayer(playerId);
    if (entity !== undefined && entity.entityId !== world.me?.entityId) remove(world, entity.entityId);
  },
  onChat(world, { scope, from, playerId, content }) {
    say(world, { scope: scopeOf(scope), from: plain(from), playerId, content: plain(content) });
  },
  onUpdateTeam(world, body) {
    world.team.clear();
    for (const [id, data] of Object.entries(body)) if (isMember(data)) world.team.set(Number(id), member(Number(id), data));
  },
  onTeammateLeaveTeam(world, { playerId }) {
    const left = world.team.get(playerId);
    if (playerId === world.me?.playerId) {
      clearTeam(world);
      world.notice("team.youLeft");
    } else {
      world.team.delete(playerId);
      if (left !== undefined) world.notice("team.left", { name: left.name });
    }
  },
  onDisbandTeam(world) {
    clearTeam(world);
    world.notice("team.disbanded");
  },
  onTeamCaptainStatusChange: teamStatus,
  onTeamMemberStatusChange: teamStatus,
  onInviteJoinTeam(world, { id, name, level, teamId }) {
    world.asked = { kind: "invite", playerId: id, name: plain(name), level, teamId };
  },
  onApplyJoinTeam(world, { id, name, level, teamId }) {
    world.asked = { kind: "apply", playerId: id, name: plain(name), level, teamId };
  },
  onInviteJoinTeamReply(world, { reply }) {
    world.notice(reply === 0 ? "team.refused" : reply === -1 ? "team.full" : "team.failed");
  },
  onApplyJoinTeamReply(world, { reply }) {
    world.notice(reply === 0 ? "team.refused" : reply === -1 ? "team.full" : "team.failed");
  },
  onDragMember2gameCopy(world, { target }) {
    const own = world.team.get(world.me?.playerId ?? 0);
    if (own?.isCaptain !== true) world.dragTo = target;
  },
  onHpMp(world, { entityId, hp, mp }) {
    const entity = world.entities.get(entityId);
    if (entity !== undefined) Object.assign(entity, { hp, mp });
  },
};

export function applyPush<P extends keyof Pushes>(world: World, push: P, body: Pushes[P], now: number): void {
  APPLY[push](world, body, now);
}

let lines = 0;

/** A line of the talk; the oldest goes. */
export function say(world: World, line: Omit<Talk, "id">): void {
  if (world.chat.length >= CHAT_LINES_MAX) world.chat.shift();
  world.chat.push({ id: ++lines, ...line });
}

function add(world: World, body: Views, now: number): void {
  const put = (entity: Entity) => {
    // Those already known stay as they are: they are walking.
    if (!world.entities.has(entity.entityId)) world.entities.set(entity.entityId, entity);
  };
  for (const one of body.npc ?? []) put(npc(one));
  for (const one of body.mob ?? []) {
    const known = world.entities.get(one.entityId);
    if (known?.diedAt !== undefined) world.entities.delete(one.entityId);
    put(mob(one));
  }
  for (const one of body.item ?? []) put(thing("item", one));
  for (const one of body.equipment ?? []) put(thing("equipment", one));
  for (const one of body.player ?? []) put(player(one, now));
}

function drop(world: World, item: Lying): void {
  if (!world.entities.has(item.entityId)) world.entities.set(item.entityId, thing(item.type === "equipment" ? "equipment" : "item", item));
}

function remove(world: World, id: number): void {
  world.entities.delete(id);
  if (world.target === id) world.target = undefined;
}

function attack(world: World, body: Attack, now: number): void {
  const attacker = world.entities.get(body.attacker);
  const target = world.entities.get(body.target);
  if (attacker === undefined || target === undefined) return;
  const { me } = world;
  const { result, damage, mpUse, items } = body.result;
  settle(attacker, now);
  settle(target, now);
  // A blow ends the walk of whoever strikes.
  attacker.walk = undefined;
  attacker.blowAt = now;
  look(attacker, target.x - attacker.x, target.y - attacker.y);
  attacker.mp = Math.max(0, attacker.mp - (mpUse ?? 0));
  target.hp = Math.max(0, target.hp - damage);
  world.happen({ kind: "effect", target: body.target, skillId: body.skillId });
  world.happen({ kind: "damage", target: body.target, amount: damage, own: body.target === me?.entityId, heavy: body.skillId > 1 });
  if (me !== undefined && body.attacker === me.entityId) rest(world, body.skillId, now);
  if (result === 2) {
    target.hp = 0;
    target.diedAt = now;
    target.walk = undefined;
    world.happen({ kind: "kill", target: body.target });
    if (world.target === body.target) world.target = undefined;
    for (const item of items ?? []) drop(world, item);
    if (me !== undefined && body.target === me.entityId) me.reviveAt = now + (body.reviveTime ?? 5000);
  }
  if (me !== undefined && body.attacker === me.entityId && typeof body.exp === "number" && result === 2 && target.sort === "mob") {
    const gain = body.exp - me.experience;
    if (gain > 0) world.happen({ kind: "gain", target: body.attacker, text: `+${gain}`, sort: "exp" });
    me.experience = body.exp;
  }
}

/** A skill was used: it rests. */
function rest(world: World, skillId: number, now: number): void {
  const row = world.skillRow(skillId);
  if (row === undefined || world.me === undefined) return;
  const total = (skillId === 1 ? row.cooltime / Math.max(0.1, world.me.attackSpeed) : row.cooltime) * 1000;
  world.me.cooldowns.set(skillId, { until: now + total, total });
}

function upgrade(world: World, body: Upgraded): void {
  const { me } = world;
  if (me === undefined) return;
  const hero = world.entities.get(me.entityId);
  Object.assign(me, {
    experience: body.experience, nextLevelExp: body.nextLevelExp, attackValue: body.attackValue, defenceValue: body.defenceValue,
    attackSpeed: body.attackSpeed, skillPoint: body.skillPoint,
  });
  if (hero === undefined) return;
  const { level, hp, maxHp, mp, maxMp, walkSpeed } = body;
  Object.assign(hero, { level, hp, maxHp, mp, maxMp, walkSpeed });
  world.happen({ kind: "level", target: me.entityId, level });
}

function isMember(data: unknown): data is MemberData {
  return typeof data === "object" && data !== null && "name" in data && "hp" in data;
}

function member(playerId: number, data: MemberData) {
  const { name, level, hp, maxHp, mp, maxMp } = data;
  return { playerId, name: plain(name), kindId: Number(data.kindId), level, hp, maxHp, mp, maxMp, isCaptain: data.isCaptain === 1 };
}

function clearTeam(world: World): void {
  world.team.clear();
  world.teamName = "";
  const { hero } = world;
  if (hero !== undefined) Object.assign(hero, { teamId: 0, isCaptain: false });
}

function teamStatus(world: World, { playerId, teamId, isCaptain, teamName }: TeamStatus): void {
  const entity = world.byPlayer(playerId);
  if (entity !== undefined) Object.assign(entity, { teamId, isCaptain: isCaptain === 1 });
  if (playerId !== world.me?.playerId) return;
  if (teamId === 0) clearTeam(world);
  else world.teamName = plain(teamName);
}
