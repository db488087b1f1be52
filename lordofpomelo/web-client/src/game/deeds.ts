//! What the player does: clicks, skills, things, quests, teams, talk. Looks before it asks, and says in words what is refused.

import { type Client, FailedError, TimeoutError } from "pomelo-client-ts";
import type { Messages, Point } from "../protocol/messages";
import { type Args, type Key } from "../text/text";
import { type Entity, isAlive, positionAt } from "../world/entity";
import { say } from "../world/apply";
import { SCOPES, type Scope } from "../world/talk";
import type { Place } from "../world/world";
import type { Game } from "./game";
import type { Quest } from "../world/quests";
import { questOf } from "../world/quests";

/** The server takes at most ten walks a second; half of that is enough. */
const WALK_EVERY_MS = 200;

/** Walking by keys: so far ahead at a time. Little more than is walked until the next time, or one could not stop. */
const STRIDE_PX = 90;

/** Most points the server takes. */
const PATH_POINTS_MAX = 200;

/** A skill waits for the hero to come near for so long. */
const QUEUED_MS = 6_000;

/** The nearest thing within this is picked up by a key. */
const PICK_NEAR_PX = 420;

export class Deeds {
  readonly #game: Game;
  #walkedAt = Number.NEGATIVE_INFINITY;
  #queued: { readonly skillId: number; readonly until: number } | undefined;
  /** Where the keys lead: each -1, 0 or 1. */
  stride = { dx: 0, dy: 0 };
  /** Whom to whisper to next. */
  whisperTo = "";

  constructor(game: Game) {
    this.#game = game;
  }

  get #world() {
    return this.#game.world;
  }

  #ask<Answer>(asked: (client: Client<Messages>) => Promise<Answer>, then: (answer: Answer) => void, refused?: Key): void {
    const client = this.#game.session?.client;
    if (client === undefined) return;
    asked(client).then(
      (answer) => {
        then(answer);
        this.#game.changed();
      },
      (error: unknown) => {
        if (error instanceof FailedError) {
          // Who fell meanwhile sees why.
          if (this.#able()) this.no(refused ?? "act.refused");
        } else if (error instanceof TimeoutError) this.no("act.slow");
        // A lost connection is on the screen already.
      },
    );
  }

  #tell(told: (client: Client<Messages>) => void): void {
    const client = this.#game.session?.client;
    if (client?.state === "open") told(client);
  }

  no(key: Key, args?: Args): void {
    this.#game.toast(key, args, "no");
  }

  /** Whether the hero can do anything at all. */
  #able(): boolean {
    const { hero } = this.#world;
    return hero !== undefined && isAlive(hero) && this.#game.screen === "world";
  }

  /** How much is seen. */
  view(): void {
    const { stage } = this.#game;
    if (stage !== undefined && this.#game.screen === "world") this.#tell((client) => client.notify("area.playerHandler.changeView", { width: Math.round(stage.width), height: Math.round(stage.height) }));
  }

  click(at: Point, entity: Entity | undefined, held: boolean): void {
    this.#game.sounds.wake();
    if (!this.#able()) return;
    if (entity === undefined) this.walk(at, held);
    else this.meet(entity);
  }

  walk(to: Point, held = false): void {
    const { hero, grid } = this.#world;
    const now = performance.now();
    if (!this.#able() || hero === undefined || grid === undefined || now - this.#walkedAt < WALK_EVERY_MS) return;
    const from = whole(positionAt(hero, now));
    const goal = grid.near(whole(to));
    const way = goal === undefined ? undefined : grid.find(from, goal);
    if (way === undefined || way.path.length > PATH_POINTS_MAX) {
      if (!held) this.no("act.noWay");
      return;
    }
    this.#walkedAt = now;
    this.#queued = undefined;
    const { path } = way;
    this.#world.setOut(path, now);
    if (!held && goal !== undefined) this.#game.stage?.mark(goal, false);
    const client = this.#game.session?.client;
    client?.request("area.playerHandler.move", { path }).catch((error: unknown) => {
      if (error instanceof FailedError) this.#world.notLetGo(path);
    });
  }

  /** Whatever one does with somebody: fight, pick up, talk, look. */
  meet(entity: Entity): void {
    if (!this.#able()) return;
    this.#game.sounds.play("click");
    this.#queued = undefined;
    const body = { targetId: entity.entityId };
    switch (entity.sort) {
      case "mob":
        return this.attack(entity);
      case "npc":
        this.#world.target = entity.entityId;
        this.#tell((client) => client.notify("area.playerHandler.npcTalk", body));
        break;
      case "item":
      case "equipment":
        if (this.#world.freeSlot() === undefined) return this.no("act.bagFull");
        this.#ask((client) => client.request("area.playerHandler.pickItem", body), () => undefined);
        break;
      case "player":
        // Players are not struck by one careless click.
        if (this.#world.target === entity.entityId && !this.#friend(entity)) return this.attack(entity);
        this.#world.target = entity.entityId;
    }
    this.#game.changed();
  }

  #friend(entity: Entity): boolean {
    const { hero } = this.#world;
    return hero !== undefined && hero.teamId !== 0 && entity.teamId === hero.teamId;
  }

  attack(entity: Entity): void {
    this.#world.target = entity.entityId;
    this.#game.stage?.mark(entity, true);
    this.#ask((client) => client.request("area.fightHandler.attack", { targetId: entity.entityId }), () => undefined);
    this.#game.changed();
  }

  /** The next enemy in sight, from near to far. */
  nextTarget(): void {
    const { hero, entities, target } = this.#world;
    if (hero === undefined) return;
    const mobs = [...entities.values()].filter((entity) => entity.sort === "mob" && isAlive(entity)).toSorted((a, b) => far(hero, a) - far(hero, b));
    const next = mobs[(mobs.findIndex((entity) => entity.entityId === target) + 1) % Math.max(1, mobs.length)];
    this.#world.target = next?.entityId;
    this.#game.changed();
  }

  pickNearest(): void {
    const { hero, entities } = this.#world;
    if (hero === undefined) return;
    const [nearest] = [...entities.values()]
      .filter((entity) => (entity.sort === "item" || entity.sort === "equipment") && far(hero, entity) < PICK_NEAR_PX)
      .toSorted((a, b) => far(hero, a) - far(hero, b));
    if (nearest !== undefined) this.meet(nearest);
  }

  skill(skillId: number): void {
    if (!this.#able()) return;
    const { me, hero, entities, target } = this.#world;
    const row = this.#game.tables.skill(skillId);
    if (me === undefined || hero === undefined || row === undefined || !me.skills.has(skillId)) return;
    const victim = target === undefined ? undefined : entities.get(target);
    if (victim === undefined || (victim.sort !== "mob" && victim.sort !== "player") || !isAlive(victim)) return this.no("skill.noTarget");
    if (skillId === 1) return this.attack(victim);
    const name = this.#game.tables.skillName(skillId);
    const ready = me.cooldowns.get(skillId)?.until ?? 0;
    const now = performance.now();
    if (ready > now) return this.no("skill.cooling", { name, seconds: Math.ceil((ready - now) / 1000) });
    if (hero.mp < row.mp) return this.no("skill.noMana", { name });
    // The server does not walk for a skill: an attack brings the hero near, then it is used.
    this.attack(victim);
    this.#queued = { skillId, until: now + QUEUED_MS };
    this.tick(now);
  }

  /** Before each picture: the keys that are held, and a skill that waits for the hero to come near. */
  tick(now: number): void {
    const { dx, dy } = this.stride;
    const walker = this.#world.hero;
    if ((dx !== 0 || dy !== 0) && walker !== undefined && now - this.#walkedAt >= WALK_EVERY_MS) {
      const { x, y } = positionAt(walker, now);
      const long = STRIDE_PX / Math.hypot(dx, dy);
      this.walk({ x: x + dx * long, y: y + dy * long }, true);
    }
    const queued = this.#queued;
    const { me, hero, entities, target } = this.#world;
    if (queued === undefined || me === undefined || hero === undefined) return;
    const victim = target === undefined ? undefined : entities.get(target);
    if (now > queued.until || victim === undefined || !isAlive(victim)) {
      this.#queued = undefined;
      return;
    }
    const reach = this.#game.tables.skill(queued.skillId)?.distance ?? 100;
    const [a, b] = [positionAt(hero, now), positionAt(victim, now)];
    if (Math.hypot(a.x - b.x, a.y - b.y) > reach * 0.95) return;
    this.#queued = undefined;
    this.#tell((client) => client.notify("area.fightHandler.useSkill", { skillId: queued.skillId }));
  }

  /** A push that asks for something to be done. */
  heard(push: keyof Messages["pushes"]): void {
    if (push !== "onDragMember2gameCopy") return;
    const { dragTo } = this.#world;
    if (dragTo !== undefined) this.travel(dragTo);
  }

  use(slot: number): void {
    const { me, hero } = this.#world;
    const thing = me?.bag.get(slot);
    if (!this.#able() || me === undefined || hero === undefined || thing === undefined) return;
    if (thing.type === "equipment") return this.equip(slot);
    this.#ask((client) => client.request("area.playerHandler.useItem", { index: slot }), ({ status }) => {
      if (!status) return this.no("act.refused");
      const row = this.#game.tables.item(thing.id);
      me.bag.delete(slot);
      if (row === undefined) return;
      const [hp, mp] = [Math.min(row.hp, hero.maxHp - hero.hp), Math.min(row.mp, hero.maxMp - hero.mp)];
      hero.hp += hp;
      hero.mp += mp;
      this.#world.happen({ kind: "gain", target: hero.entityId, text: `+${hp}`, sort: "hp" });
      if (mp > 0) this.#world.happen({ kind: "gain", target: hero.entityId, text: `+${mp}`, sort: "mp" });
    });
  }

  equip(slot: number): void {
    const { me, hero } = this.#world;
    const thing = me?.bag.get(slot);
    const row = thing === undefined ? undefined : this.#game.tables.equipment(thing.id);
    if (!this.#able() || me === undefined || hero === undefined || row === undefined) return;
    if (hero.level < row.heroLevel) return this.no("act.levelNeeded", { level: row.heroLevel });
    this.#ask((client) => client.request("area.equipHandler.equip", { index: slot }), ({ status, bagIndex }) => {
      if (!status) return this.no("act.refused");
      const place = row.kind.toLowerCase();
      const old = me.worn[place] ?? 0;
      me.bag.delete(slot);
      if (bagIndex > 0 && old > 0) me.bag.set(bagIndex, { id: old, type: "equipment" });
      me.worn[place] = row.id;
      this.#game.sounds.play("pick");
    });
  }

  takeOff(place: Place): void {
    const { me } = this.#world;
    if (!this.#able() || me === undefined || (me.worn[place] ?? 0) === 0) return;
    if (this.#world.freeSlot() === undefined) return this.no("act.bagFull");
    this.#ask((client) => client.request("area.equipHandler.unEquip", { type: place, putInBag: true }), ({ status, bagIndex }) => {
      if (!status) return this.no("act.refused");
      if (bagIndex > 0) me.bag.set(bagIndex, { id: me.worn[place] ?? 0, type: "equipment" });
      me.worn[place] = 0;
    });
  }

  destroy(slot: number): void {
    const { me } = this.#world;
    if (!this.#able() || me === undefined) return;
    this.#ask((client) => client.request("area.playerHandler.dropItem", { index: slot }), ({ status }) => {
      if (status) me.bag.delete(slot);
      else this.no("act.refused");
    });
  }

  learn(skillId: number): void {
    const { me } = this.#world;
    this.#ask((client) => client.request("area.playerHandler.learnSkill", { skillId }), ({ status, skill }) => {
      if (!status || me === undefined) return this.no("skill.refused");
      me.skills.set(skillId, skill?.level ?? 1);
      this.#game.sounds.play("quest");
    });
  }

  upgrade(skillId: number): void {
    const { me } = this.#world;
    this.#ask((client) => client.request("area.playerHandler.upgradeSkill", { skillId }), ({ status }) => {
      if (!status || me === undefined) return this.no("skill.refused");
      me.skills.set(skillId, (me.skills.get(skillId) ?? 0) + 1);
      me.skillPoint -= 1;
      this.#game.sounds.play("quest");
    });
  }

  travel(target: number): void {
    const { me } = this.#world;
    if (me === undefined) return;
    this.#world.talk = undefined;
    this.#ask((client) => client.request("area.playerHandler.changeArea", { target }), ({ success }) => {
      if (!success) return this.no("act.travelFailed");
      me.areaId = target;
      void this.#game.enterArea();
    }, "act.travelFailed");
  }

  closeTalk(): void {
    this.#world.talk = undefined;
    this.#game.changed();
  }

  /** Asks for the next quest; it is shown, and not started yet. */
  askQuest(show: (quest: Quest | undefined) => void): void {
    const { me } = this.#world;
    if (me === undefined) return;
    this.#ask((client) => client.request("area.taskHandler.getNewTask", {}), ({ task }) => {
      if (!task) this.#game.toast("quest.noMore");
      show(task ? questOf(task) : undefined);
    });
  }

  startQuest(taskId: number): void {
    const { me } = this.#world;
    if (me === undefined) return;
    this.#ask((client) => client.request("area.taskHandler.startTask", { taskId }), ({ taskData }) => {
      if (taskData) this.#world.quest(taskData);
      this.#game.sounds.play("quest");
    }, "quest.refused");
  }

  handOver(): void {
    const { me } = this.#world;
    if (me === undefined) return;
    this.#ask((client) => client.request("area.taskHandler.handoverTask", {}), ({ ids }) => {
      for (const id of ids) this.#world.quests.delete(id);
      this.#game.sounds.play("quest");
    });
  }

  createTeam(): void {
    this.#tell((client) => client.notify("area.teamHandler.createTeam", {}));
  }

  /** The captain leaving dissolves it. */
  leaveTeam(): void {
    const { hero, me } = this.#world;
    if (hero === undefined || me === undefined) return;
    const body = { teamId: hero.teamId };
    this.#tell((client) => (hero.isCaptain ? client.notify("area.teamHandler.disbandTeam", body) : client.notify("area.teamHandler.leaveTeam", body)));
  }

  invite(inviteeId: number): void {
    this.#tell((client) => client.notify("area.teamHandler.inviteJoinTeam", { inviteeId, teamId: this.#world.hero?.teamId ?? 0 }));
    this.#game.toast("team.sent");
  }

  applyTo(captainId: number, teamId: number): void {
    this.#tell((client) => client.notify("area.teamHandler.applyJoinTeam", { captainId, teamId }));
    this.#game.toast("team.sent");
  }

  kick(kickedPlayerId: number): void {
    this.#tell((client) => client.notify("area.teamHandler.kickOut", { teamId: this.#world.hero?.teamId ?? 0, kickedPlayerId }));
  }

  /** To an invitation or an application. */
  reply(yes: boolean): void {
    const { asked, hero } = this.#world;
    if (asked === undefined) return;
    const reply = yes ? 1 : 0;
    if (asked.kind === "invite") this.#tell((client) => client.notify("area.teamHandler.inviteJoinTeamReply", { teamId: asked.teamId, captainId: asked.playerId, reply }));
    else this.#tell((client) => client.notify("area.teamHandler.applyJoinTeamReply", { teamId: hero?.teamId ?? 0, applicantId: asked.playerId, reply }));
    this.#world.asked = undefined;
    this.#game.changed();
  }

  /** Says something. False if it could not even be tried. */
  say(scope: Scope, content: string, to: string): boolean {
    const { me, hero } = this.#world;
    const text = content.trim();
    if (me === undefined || text === "") return false;
    if (scope === "private" && to.trim() === "") {
      this.no("chat.toWhom");
      return false;
    }
    if (scope === "team" && (hero?.teamId ?? 0) === 0) {
      this.no("chat.noTeam");
      return false;
    }
    const client = this.#game.session?.client;
    const body = { scope: SCOPES[scope], content: text, toName: to.trim(), teamId: hero?.teamId ?? 0 };
    client?.request("chat.chatHandler.send", body).then(
      () => {
        // What was whispered comes back to nobody.
        if (scope === "private") say(this.#world, { scope, from: me.name, playerId: me.playerId, content: text, to: to.trim() });
        this.#game.changed();
      },
      (error: unknown) => {
        if (!(error instanceof FailedError)) return this.no("act.slow");
        this.no(error.code === 3004 ? "chat.offline" : "chat.failed", { name: to.trim() });
      },
    );
    return true;
  }
}

function far(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** The server counts in whole pixels. */
function whole({ x, y }: Point): Point {
  return { x: Math.round(x), y: Math.round(y) };
}
