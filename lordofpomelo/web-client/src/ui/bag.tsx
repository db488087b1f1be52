//! The bag: a thing can be used, put on, dragged, destroyed.

import { useState } from "preact/hooks";
import { t } from "../text/text";
import { useGame } from "./context";
import { dragged, setDragged } from "./drag";
import { Panel } from "./panel";
import { ThingCard, qualityOf, thingIcon } from "./thing";

/** Shown, though the server gives fewer: the rest are locked. */
const SHOWN = 30;

export function BagPanel() {
  const game = useGame();
  const { world, tables, deeds } = game;
  const { me } = world;
  const [chosen, setChosen] = useState<number>();
  const [hovered, setHovered] = useState<number>();
  const [sure, setSure] = useState<number>();
  if (me === undefined) return null;
  const shown = hovered ?? chosen;
  const thing = shown === undefined ? undefined : me.bag.get(shown);
  const doomed = sure === undefined ? undefined : me.bag.get(sure);
  return (
    <Panel name="bag" title={t("bag.title")} foot={<><span data-testid="bag-free">{t("bag.free", { free: me.bagSlots - me.bag.size, all: me.bagSlots })}</span></>}>
      <div class="with-card">
        <div class="slots" data-testid="bag-slots" onDragOver={(event) => event.preventDefault()} onDrop={(event) => {
          event.preventDefault();
          const from = dragged();
          if (from?.from === "worn") deeds.takeOff(from.place);
        }}>
          {Array.from({ length: Math.max(SHOWN, me.bagSlots) }, (_, i) => i + 1).map((slot) => {
            const here = me.bag.get(slot);
            if (slot > me.bagSlots) return <span key={slot} class="slot locked" aria-hidden="true" />;
            if (here === undefined) return <span key={slot} class="slot" />;
            const name = tables.thingName(here.type, here.id);
            const fits = here.type === "item" || (world.hero?.level ?? 0) >= (tables.equipment(here.id)?.heroLevel ?? 0);
            return (
              <button key={slot} class={`slot full quality-${qualityOf(tables, here)} ${chosen === slot ? "chosen" : ""} ${fits ? "" : "unfit"}`} data-testid={`bag-${slot}`} aria-label={name} draggable
                onClick={() => setChosen(chosen === slot ? undefined : slot)} onDblClick={() => deeds.use(slot)} onMouseEnter={() => setHovered(slot)} onMouseLeave={() => setHovered(undefined)}
                onDragStart={(event) => {
                  event.dataTransfer?.setData("text/plain", name);
                  setDragged({ from: "bag", slot });
                }}
                onDragEnd={(event) => {
                  setDragged(undefined);
                  // Let go over the world: it is to be destroyed.
                  if (document.elementFromPoint(event.clientX, event.clientY)?.tagName === "CANVAS") setSure(slot);
                }}>
                <img src={thingIcon(tables, here)} alt="" draggable={false} />
              </button>
            );
          })}
        </div>
        <aside class="card-place">
          {doomed !== undefined && sure !== undefined ? (
            <div class="card" data-testid="bag-sure">
              <p>{t("bag.dropSure", { name: tables.thingName(doomed.type, doomed.id) })}</p>
              <div class="row">
                <button class="danger" data-testid="bag-destroy-yes" onClick={() => {
                  deeds.destroy(sure);
                  setSure(undefined);
                  setChosen(undefined);
                }}>{t("bag.drop")}</button>
                <button onClick={() => setSure(undefined)}>{t("menu.close")}</button>
              </div>
            </div>
          ) : thing === undefined ? <p class="quiet">{t("bag.hint")}</p> : (
            <>
              <ThingCard thing={thing} world={world} tables={tables} />
              {shown === chosen && chosen !== undefined && (
                <div class="row">
                  <button class="go" data-testid="bag-use" onClick={() => deeds.use(chosen)}>{t(thing.type === "item" ? "bag.use" : "bag.equip")}</button>
                  <button class="danger" data-testid="bag-destroy" onClick={() => setSure(chosen)}>{t("bag.drop")}</button>
                </div>
              )}
            </>
          )}
        </aside>
      </div>
    </Panel>
  );
}
