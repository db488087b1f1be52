//! Things in slots, and the card that says what a thing does and whether it is better than what is worn.

import type { Tables } from "../game/tables";
import type { Equipment } from "../protocol/messages";
import { equipmentIcon, itemIcon } from "../art/icons";
import { t, told } from "../text/text";
import type { Bagged, World } from "../world/world";

export function thingIcon(tables: Tables, thing: Bagged): string {
  return thing.type === "item" ? itemIcon(thing.id) : equipmentIcon(tables.equipment(thing.id)?.kind ?? "amulet", thing.id);
}

export function qualityOf(tables: Tables, thing: Bagged): string {
  return thing.type === "item" ? "white" : (tables.equipment(thing.id)?.color ?? "white");
}

/** A number, and how much more or less than what is worn. */
function Figure({ label, value, worn }: { label: string; value: number; worn: number | undefined }) {
  if (value === 0 && (worn ?? 0) === 0) return null;
  const more = worn === undefined ? 0 : value - worn;
  return (
    <p class="figure"><span>{label}</span><b>{value}</b>{more !== 0 && <em class={more > 0 ? "more" : "less"}>{more > 0 ? `+${more}` : `−${-more}`}</em>}</p>
  );
}

export function ThingCard({ thing, world, tables, compare = true }: { thing: Bagged; world: World; tables: Tables; compare?: boolean }) {
  const name = tables.thingName(thing.type, thing.id);
  const level = world.hero?.level ?? 1;
  if (thing.type === "item") {
    const row = tables.item(thing.id);
    return (
      <div class="card" data-testid="thing-card">
        <h3>{name}</h3>
        <small>{t(row?.kind === "medicine" ? "thing.medicine" : "thing.food")}</small>
        {row !== undefined && row.hp > 0 && <p class="gives hp">{t("thing.hp", { n: row.hp })}</p>}
        {row !== undefined && row.mp > 0 && <p class="gives mp">{t("thing.mp", { n: row.mp })}</p>}
        <p class="desc">{told(row?.desc ?? "")}</p>
        <small>{t("thing.price", { price: row?.price ?? 0 })}</small>
      </div>
    );
  }
  const row = tables.equipment(thing.id);
  if (row === undefined) return <div class="card"><h3>{name}</h3></div>;
  const wornId = world.me?.worn[row.kind.toLowerCase()] ?? 0;
  const worn: Equipment | undefined = compare && wornId > 0 ? tables.equipment(wornId) : undefined;
  const against = compare ? (worn ?? { attackValue: 0, defenceValue: 0 }) : undefined;
  return (
    <div class="card" data-testid="thing-card">
      <h3 class={`quality-${row.color}`}>{name}</h3>
      <small>{placeName(row.kind)}</small>
      <Figure label={t("thing.attack")} value={row.attackValue} worn={against?.attackValue} />
      <Figure label={t("thing.defence")} value={row.defenceValue} worn={against?.defenceValue} />
      <p class={`needs ${level < row.heroLevel ? "less" : ""}`}>{t("thing.level", { level: row.heroLevel })}</p>
      <p class="desc">{told(row.desc)}</p>
      <small>{t("thing.price", { price: row.price })}</small>
      {worn !== undefined && <p class="now">{t("thing.worn")}: <b class={`quality-${worn.color}`}>{tables.thingName("equipment", worn.id)}</b></p>}
    </div>
  );
}

export function placeName(kind: string): string {
  switch (kind.toLowerCase()) {
    case "weapon":
      return t("place.weapon");
    case "armor":
      return t("place.armor");
    case "helmet":
      return t("place.helmet");
    case "necklace":
      return t("place.necklace");
    case "ring":
      return t("place.ring");
    case "belt":
      return t("place.belt");
    case "shoes":
      return t("place.shoes");
    case "legguard":
      return t("place.legguard");
    default:
      return t("place.amulet");
  }
}
