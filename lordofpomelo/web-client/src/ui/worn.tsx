//! The hero: what he wears, and his figures.

import { useState } from "preact/hooks";
import { placeIcon } from "../art/icons";
import type { Place } from "../world/world";
import { t } from "../text/text";
import { useGame } from "./context";
import { dragged, setDragged } from "./drag";
import { FigureView } from "./figure-view";
import { Bar, Panel } from "./panel";
import { ThingCard, placeName, qualityOf, thingIcon } from "./thing";

const LEFT: readonly Place[] = ["helmet", "necklace", "armor", "belt"];
const RIGHT: readonly Place[] = ["weapon", "ring", "amulet", "legguard"];

export function HeroPanel() {
  const game = useGame();
  const { world, tables, deeds } = game;
  const { me, hero } = world;
  const [hovered, setHovered] = useState<Place>();
  const [chosen, setChosen] = useState<Place>();
  if (me === undefined || hero === undefined) return null;
  const worn = Object.values(me.worn).map((id) => tables.equipment(id));
  const more = (figure: "attackValue" | "defenceValue") => worn.reduce((sum, row) => sum + (row?.[figure] ?? 0), 0);
  const slot = (place: Place) => {
    const id = me.worn[place] ?? 0;
    const thing = { id, type: "equipment" as const };
    return (
      <button key={place} class={`slot ${chosen === place && id > 0 ? "chosen" : ""} ${id > 0 ? `full quality-${qualityOf(tables, thing)}` : "empty"}`} data-testid={`worn-${place}`} aria-label={placeName(place)} title={id > 0 ? t("worn.takeOff") : placeName(place)} draggable={id > 0}
        onDblClick={() => deeds.takeOff(place)} onMouseEnter={() => setHovered(place)} onMouseLeave={() => setHovered(undefined)} onClick={() => setChosen(chosen === place ? undefined : place)}
        onDragStart={(event) => {
          event.dataTransfer?.setData("text/plain", place);
          setDragged({ from: "worn", place });
        }}
        onDragEnd={() => setDragged(undefined)} onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          const from = dragged();
          if (from?.from === "bag") deeds.equip(from.slot);
        }}>
        <img src={id > 0 ? thingIcon(tables, thing) : placeIcon(place)} alt="" draggable={false} />
      </button>
    );
  };
  const shown = hovered ?? chosen;
  const shownId = shown === undefined ? 0 : (me.worn[shown] ?? 0);
  return (
    <Panel name="hero" title={t("worn.title")}>
      <div class="worn">
        <div class="worn-column">{LEFT.map(slot)}</div>
        <div class="worn-middle">
          <strong class="name">{me.name}</strong>
          <small>{t(me.kindId === 211 ? "hero.211" : "hero.210")} · {t("hud.level", { level: hero.level })}</small>
          <span class="stand"><FigureView kind={me.kindId} zoom={1.45} still={game.query.get("still") === "1"} /></span>
          <div class="worn-foot">{slot("shoes")}</div>
        </div>
        <div class="worn-column">{RIGHT.map(slot)}</div>
      </div>
      <dl class="facts">
        <dt>{t("hero.health")}</dt><dd>{hero.hp} / {hero.maxHp}</dd>
        <dt>{t("hero.mana")}</dt><dd>{hero.mp} / {hero.maxMp}</dd>
        <dt>{t("hero.attack")}</dt><dd data-testid="total-attack">{me.attackValue + more("attackValue")} <small>({me.attackValue} + {more("attackValue")})</small></dd>
        <dt>{t("hero.defence")}</dt><dd data-testid="total-defence">{me.defenceValue + more("defenceValue")} <small>({me.defenceValue} + {more("defenceValue")})</small></dd>
      </dl>
      <Bar kind="exp" have={me.experience} most={me.nextLevelExp} label={t("hud.exp", { have: me.experience, need: me.nextLevelExp })} />
      {shownId > 0 && shown !== undefined && (
        <div class={`floating-card ${shown === chosen ? "" : "passing"}`}>
          <ThingCard thing={{ id: shownId, type: "equipment" }} world={world} tables={tables} compare={false} />
          {shown === chosen && <button data-testid="worn-takeoff" onClick={() => deeds.takeOff(shown)}>{t("worn.takeOff")}</button>}
        </div>
      )}
    </Panel>
  );
}
