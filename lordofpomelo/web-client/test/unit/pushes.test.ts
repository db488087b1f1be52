import { describe, expect, it } from "vitest";
import { positionAt } from "../../src/world/entity";
import { CORPSE_MS } from "../../src/world/world";
import { MOB, OTHER, scene, world } from "./sample";

describe("entering", () => {
  it("shows who is there, and the hero with his things", () => {
    const w = world();
    expect([...w.entities.keys()].toSorted((a, b) => a - b)).toEqual([1, 20, 30, 40]);
    expect(w.hero?.name).toBe("Mira");
    expect(w.me?.bag.get(2)).toEqual({ id: 5, type: "item" });
    expect(w.freeSlot()).toBe(1);
  });

  it("again, after travel or a lost connection, forgets who was there", () => {
    const w = world();
    w.target = 20;
    w.enter({ ...scene({ entityId: 90 }), entities: {} }, 5);
    expect([...w.entities.keys()]).toEqual([90]);
    expect(w.target).toBeUndefined();
  });

  it("reads the quests that run: conditions and counts are text with JSON inside", () => {
    const task = { id: 5, name: "Wings", acceptTalk: "", workTalk: "", finishTalk: "", item: "1;25", exp: 100, type: 0, taskState: 0, taskData: '{"mobKilled":1,"playerKilled":0}', completeCondition: '{"202":3}' };
    const w = world({ curTasks: [task] });
    expect(w.quests.get(5)).toMatchObject({ done: 1, kills: { kindId: 202, wanted: 3 }, rewards: [1, 25], state: 0 });
  });
});

describe("onAddEntities and onRemoveEntities", () => {
  it("leave those that are known as they are, and never remove the own hero", () => {
    const w = world();
    w.apply("onMove", { entityId: 20, path: [{ x: 200, y: 100 }, { x: 400, y: 100 }], speed: 100 }, 0);
    w.apply("onAddEntities", { mob: [{ ...MOB, x: 999 }] }, 1_000);
    expect(positionAt(w.entities.get(20) ?? { ...MOB, walk: undefined } as never, 1_000)).toMatchObject({ x: 300, y: 100 });
    w.apply("onRemoveEntities", { entities: [1, 20] }, 0);
    expect(w.entities.has(1)).toBe(true);
    expect(w.entities.has(20)).toBe(false);
  });

  it("let go of a target that is out of sight", () => {
    const w = world();
    w.target = 20;
    w.apply("onRemoveEntities", { entities: [20] }, 0);
    expect(w.target).toBeUndefined();
  });

  it("add things that lie around", () => {
    const w = world();
    w.apply("onAddEntities", { item: [{ entityId: 50, kindId: 3, x: 1, y: 2, playerId: 0, type: "item" }], equipment: [{ entityId: 51, kindId: 25, x: 1, y: 2, playerId: 0, type: "equipment" }] }, 0);
    expect(w.entities.get(50)).toMatchObject({ sort: "item", kindId: 3 });
    expect(w.entities.get(51)).toMatchObject({ sort: "equipment", kindId: 25 });
  });
});

describe("onMove", () => {
  it("walks at its speed, around corners, and stands at the end", () => {
    const w = world();
    w.apply("onMove", { entityId: 20, path: [{ x: 0, y: 0 }, { x: 100, y: 0 }, { x: 100, y: 100 }], speed: 100 }, 0);
    const mob = w.entities.get(20);
    if (mob === undefined) throw new Error("the mob is gone");
    expect(positionAt(mob, 500)).toMatchObject({ x: 50, y: 0 });
    expect(positionAt(mob, 1_500)).toMatchObject({ x: 100, y: 50 });
    expect(positionAt(mob, 9_000)).toMatchObject({ x: 100, y: 100, done: true });
  });

  it("of somebody unknown or fallen changes nothing", () => {
    const w = world();
    w.apply("onMove", { entityId: 999, path: [{ x: 0, y: 0 }, { x: 1, y: 0 }], speed: 1 }, 0);
    expect(w.entities.has(999)).toBe(false);
  });
});

describe("onPathCheckout", () => {
  it("counts only when it is far off", () => {
    const w = world();
    w.apply("onPathCheckout", { entityId: 1, position: { x: 190, y: 100 } }, 0);
    expect(w.hero).toMatchObject({ x: 100, y: 100 });
    w.apply("onPathCheckout", { entityId: 1, position: { x: 300, y: 100 } }, 0);
    expect(w.hero).toMatchObject({ x: 300, y: 100 });
  });

  it("counts, however near, for who was not let go, until he sets out again", () => {
    const w = world();
    const way = [{ x: 100, y: 100 }, { x: 400, y: 100 }];
    w.setOut(way, 0);
    w.notLetGo(way);
    expect(w.hero).toMatchObject({ x: 100, y: 100, walk: undefined });
    // A word on the way comes first, then the one that follows the refusal.
    w.apply("onPathCheckout", { entityId: 1, position: { x: 170, y: 100 } }, 500);
    w.apply("onPathCheckout", { entityId: 1, position: { x: 130, y: 100 } }, 600);
    expect(w.hero).toMatchObject({ x: 130, y: 100 });
    const back = [{ x: 130, y: 100 }, { x: 100, y: 100 }];
    w.setOut(back, 700);
    w.notLetGo(way);
    expect(w.hero?.walk?.path).toBe(back);
    w.apply("onPathCheckout", { entityId: 1, position: { x: 160, y: 100 } }, 700);
    expect(w.hero).toMatchObject({ x: 130, y: 100, walk: { path: back } });
  });
});

describe("onAttack", () => {
  it("takes health and mana, shows the number, and lets the skill rest", () => {
    const w = world();
    w.apply("onAttack", { attacker: 1, target: 20, result: { result: 1, damage: 37, mpUse: 5 }, skillId: 2 }, 100);
    expect(w.entities.get(20)?.hp).toBe(23);
    expect(w.hero?.mp).toBe(15);
    expect(w.me?.cooldowns.get(2)).toEqual({ until: 5_100, total: 5_000 });
    expect(w.happenings).toContainEqual({ kind: "damage", target: 20, amount: 37, own: false, heavy: true });
  });

  it("rests skill 1 by the attack speed", () => {
    const w = world();
    w.apply("onAttack", { attacker: 1, target: 20, result: { result: 1, damage: 1, mpUse: 0 }, skillId: 1 }, 0);
    expect(w.me?.cooldowns.get(1)?.total).toBe(800);
  });

  it("that kills a mob drops its things, gives experience, and removes it after a while", () => {
    const w = world();
    w.target = 20;
    const items = [{ entityId: 60, kindId: 2, x: 210, y: 110, playerId: 7, type: "item" as const }, { entityId: 61, kindId: 4, x: 190, y: 90, playerId: 7, type: "equipment" as const }];
    w.apply("onAttack", { attacker: 1, target: 20, result: { result: 2, damage: 60, mpUse: 0, items }, skillId: 1, exp: 20 }, 1_000);
    expect(w.entities.get(20)).toMatchObject({ hp: 0, diedAt: 1_000 });
    expect(w.target).toBeUndefined();
    expect(w.entities.get(60)?.sort).toBe("item");
    expect(w.entities.get(61)?.sort).toBe("equipment");
    expect(w.me?.experience).toBe(20);
    expect(w.happenings).toContainEqual({ kind: "gain", target: 1, text: "+10", sort: "exp" });
    w.sweep(1_000 + CORPSE_MS);
    expect(w.entities.has(20)).toBe(true);
    w.sweep(1_001 + CORPSE_MS);
    expect(w.entities.has(20)).toBe(false);
  });

  it("on the own hero that kills shows when he rises, and onRevive puts him up", () => {
    const w = world();
    w.apply("onAttack", { attacker: 20, target: 1, result: { result: 2, damage: 200, mpUse: 0 }, skillId: 1, reviveTime: 5_000 }, 1_000);
    expect(w.hero).toMatchObject({ hp: 0, diedAt: 1_000 });
    expect(w.me?.reviveAt).toBe(6_000);
    w.apply("onRevive", { entityId: 1, x: 500, y: 200, hp: 110 }, 6_000);
    expect(w.hero).toMatchObject({ x: 500, y: 200, hp: 110, diedAt: undefined });
    expect(w.me?.reviveAt).toBeUndefined();
  });

  it("between people who are not in sight is not seen", () => {
    const w = world();
    w.apply("onAttack", { attacker: 20, target: 777, result: { result: 1, damage: 5, mpUse: 0 }, skillId: 1 }, 0);
    expect(w.happenings).toEqual([]);
  });

  it("a fallen mob's number may come back as another one", () => {
    const w = world();
    w.apply("onAttack", { attacker: 30, target: 20, result: { result: 2, damage: 60, mpUse: 0 }, skillId: 1 }, 0);
    w.apply("onAddEntities", { mob: [MOB] }, 100);
    expect(w.entities.get(20)).toMatchObject({ hp: 60, diedAt: undefined });
  });
});

/** What the table says of a piece of equipment. */
const ROW = { name: "金枪", englishName: "Gold spear", kind: "Weapon", attackValue: 9, defenceValue: 0, price: 10, color: "blue", heroLevel: 1, imgId: 1 } as const;

describe("growing and finding", () => {
  it("onUpgrade sets all figures", () => {
    const w = world();
    w.apply("onUpgrade", { ...OTHER, entityId: 1, id: 7, kindName: "Angel", type: "player", level: 3, hp: 286, maxHp: 286, mp: 26, maxMp: 26, experience: 3, attackValue: 30, defenceValue: 12, attackSpeed: 1.2, areaId: 1, hitRate: 1, dodgeRate: 1, nextLevelExp: 114, skillPoint: 1 }, 0);
    expect(w.hero).toMatchObject({ level: 3, hp: 286, maxHp: 286 });
    expect(w.me).toMatchObject({ experience: 3, attackValue: 30, skillPoint: 1, nextLevelExp: 114 });
  });

  it("onPickItem fills the bag of the one who picked, and takes the thing away for all", () => {
    const w = world();
    w.apply("onAddEntities", { item: [{ entityId: 50, kindId: 3, x: 1, y: 2, playerId: 0, type: "item" }, { entityId: 52, kindId: 4, x: 1, y: 2, playerId: 0, type: "item" }] }, 0);
    w.apply("onPickItem", { player: 1, item: 50, index: 1 }, 0);
    expect(w.me?.bag.get(1)).toEqual({ id: 3, type: "item" });
    w.apply("onPickItem", { player: 30, item: 52, index: 1 }, 0);
    expect(w.me?.bag.size).toBe(2);
    expect(w.entities.has(50) || w.entities.has(52)).toBe(false);
  });

  it("onDropItems shows what was earned", () => {
    const w = world();
    w.apply("onDropItems", { dropItems: [{ entityId: 70, kindId: 25, x: 5, y: 5, playerId: 7, type: "equipment", ...ROW }] }, 0);
    expect(w.entities.get(70)).toMatchObject({ sort: "equipment", kindId: 25 });
  });
});

describe("quests, talk and teams", () => {
  it("count kills and say when it is done", () => {
    const w = world();
    w.quest({ id: 5, name: "Wings", acceptTalk: "", workTalk: "", finishTalk: "", item: "", exp: 100, type: 0, taskState: 0, taskData: { mobKilled: 0, playerKilled: 0 }, completeCondition: { "202": 3 } });
    w.apply("onUpdateTaskData", { "5": { mobKilled: 2, playerKilled: 0 } }, 0);
    expect(w.quests.get(5)?.done).toBe(2);
    w.apply("onTaskCompleted", { taskId: 5 }, 0);
    expect(w.quests.get(5)).toMatchObject({ done: 3, state: 1 });
  });

  it("show entities of markup as the text they are", () => {
    const w = world();
    w.apply("onChat", { playerId: 8, uid: 3, kind: 0, from: "Bran", scope: "F7A900", content: "&lt;b&gt; &amp;amp; you" }, 0);
    expect(w.chat[0]).toMatchObject({ scope: "area", from: "Bran", content: "<b> &amp; you" });
  });

  it("keep 200 lines", () => {
    const w = world();
    for (let i = 0; i < 250; i++) w.apply("onChat", { playerId: 8, uid: 3, kind: 0, from: "Bran", scope: "D41313", content: String(i) }, 0);
    expect(w.chat.length).toBe(200);
    expect(w.chat[0]?.content).toBe("50");
  });

  it("show members, who leaves, and the end of the team", () => {
    const w = world();
    const data = { name: "Bran", kindId: 211, hp: 1, mp: 1, maxHp: 2, maxMp: 2, level: 3, teamId: 1, isCaptain: 0, instanceId: "" };
    w.apply("onTeamCaptainStatusChange", { playerId: 7, teamId: 1, isCaptain: 1, teamName: "Dune Riders" }, 0);
    w.apply("onUpdateTeam", { "7": { ...data, name: "Mira", isCaptain: 1 }, "8": data }, 0);
    expect([...w.team.values()].map(({ name, isCaptain }) => [name, isCaptain])).toEqual([["Mira", true], ["Bran", false]]);
    expect(w.hero).toMatchObject({ teamId: 1, isCaptain: true });
    expect(w.teamName).toBe("Dune Riders");
    w.apply("onTeammateLeaveTeam", { playerId: 8 }, 0);
    expect(w.team.size).toBe(1);
    w.apply("onDisbandTeam", [7], 0);
    expect(w.team.size).toBe(0);
    expect(w.hero?.teamId).toBe(0);
    expect(w.notices.map(({ key }) => key)).toEqual(["team.left", "team.disbanded"]);
  });

  it("follow the captain into an instance, unless one is the captain", () => {
    const w = world();
    w.apply("onDragMember2gameCopy", { teamId: 1, target: 5 }, 0);
    expect(w.dragTo).toBe(5);
  });

  it("let players who leave go", () => {
    const w = world();
    w.apply("onUserLeave", { route: "onUserLeave", code: 200, playerId: 8 }, 0);
    expect(w.entities.has(30)).toBe(false);
    w.apply("onUserLeave", { route: "onUserLeave", code: 200, playerId: 7 }, 0);
    expect(w.entities.has(1)).toBe(true);
  });

  it("open a talk, with travel if it is offered", () => {
    const w = world();
    w.apply("onNPCTalk", { npc: 40, kindId: 301, player: 1, npcword: "Go?", myword: "", action: "changeArea", params: { target: 2 } }, 0);
    expect(w.talk).toEqual({ npc: 40, npcword: "Go?", myword: "", travel: 2 });
  });
});
