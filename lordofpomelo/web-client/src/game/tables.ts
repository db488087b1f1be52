//! The tables of the game, as the server sends them: names, figures, what a thing does. Kept while the page lives.

import type { Character, Equipment, Item, Npc, Resource, FightSkill, Tables as Sent } from "../protocol/messages";
import { rowName } from "../text/text";
import type { Entity } from "../world/entity";

/** From which level of the hero on a skill of level `known` (0: not known) can be learnt or raised. */
export function neededFor({ playerLevel, upgradePlayerLevel }: FightSkill, known: number): number {
  return playerLevel + upgradePlayerLevel * known;
}

export class Tables {
  #rows: Sent = {};
  #version: Record<string, number> = {};

  /** The versions that are here, for the server to send only what differs. */
  get version(): Record<string, number> {
    return this.#version;
  }

  take({ data, version }: Resource): void {
    this.#rows = { ...this.#rows, ...data };
    this.#version = version;
  }

  skill(id: number): FightSkill | undefined {
    return this.#rows.fightskill?.[id];
  }
  skills(): FightSkill[] {
    return Object.values(this.#rows.fightskill ?? {}).toSorted((a, b) => a.id - b.id);
  }
  /** Whether a hero of this level may learn a skill (known as level 0) or raise it, with so many points. Nobody raises the plain blow. */
  mayRaise(row: FightSkill, known: number, level: number, points: number): boolean {
    return row.id > 1 && level >= neededFor(row, known) && (known === 0 || points > 0);
  }
  equipment(id: number): Equipment | undefined {
    return this.#rows.equipment?.[id];
  }
  allEquipment(): Equipment[] {
    return Object.values(this.#rows.equipment ?? {});
  }
  item(id: number): Item | undefined {
    return this.#rows.item?.[id];
  }
  character(id: number): Character | undefined {
    return this.#rows.character?.[id];
  }
  npc(id: number): Npc | undefined {
    return this.#rows.npc?.[id];
  }

  kindName(kindId: number): string {
    return kindId >= 300 ? rowName("npc", this.npc(kindId), kindId) : rowName("character", this.character(kindId), kindId);
  }
  skillName(id: number): string {
    return rowName("fightskill", this.skill(id), id);
  }
  thingName(type: "item" | "equipment", id: number): string {
    return type === "item" ? rowName("item", this.item(id), id) : rowName("equipment", this.equipment(id), id);
  }

  /** What anybody in sight is called. */
  nameOf(entity: Entity): string {
    switch (entity.sort) {
      case "player":
        return entity.name;
      case "item":
      case "equipment":
        return this.thingName(entity.sort, entity.kindId);
      case "npc":
      case "mob":
        return this.kindName(entity.kindId);
    }
  }
}
