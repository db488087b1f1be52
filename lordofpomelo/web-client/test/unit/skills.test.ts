import { expect, it } from "vitest";
import type { FightSkill } from "../../src/protocol/messages";
import { Tables, neededFor } from "../../src/game/tables";

const row = (id: number, playerLevel: number): FightSkill => ({ id, playerLevel, upgradePlayerLevel: 5 }) as FightSkill;

it("a skill is learnt at its level without a point, and raised every few levels for one", () => {
  const tables = new Tables();
  const may = (known: number, level: number, points: number) => tables.mayRaise(row(2, 3), known, level, points);
  expect([may(0, 2, 1), may(0, 3, 0)]).toEqual([false, true]);
  expect(neededFor(row(2, 3), 1)).toBe(8);
  expect([may(1, 7, 1), may(1, 8, 0), may(1, 8, 1), may(2, 8, 1)]).toEqual([false, false, true, false]);
  expect(tables.mayRaise(row(1, 1), 1, 100, 9)).toBe(false);
});
