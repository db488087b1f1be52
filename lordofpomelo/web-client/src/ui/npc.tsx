//! What somebody in the area says, and what can be answered.

import { useState } from "preact/hooks";
import { areaById } from "../game/areas";
import { t, told } from "../text/text";
import { useGame } from "./context";
import { Portrait } from "./figure-view";

export function NpcDialog() {
  const { world } = useGame();
  // Another talk begins at its beginning.
  return world.talk === undefined ? null : <Words key={`${world.talk.npc}/${world.talk.npcword}`} />;
}

function Words() {
  const game = useGame();
  const { world, tables, deeds } = game;
  const [said, setSaid] = useState(false);
  const { talk } = world;
  if (talk === undefined) return null;
  const npc = world.entities.get(talk.npc);
  const own = said && talk.myword !== "";
  const area = talk.travel === undefined ? undefined : areaById(talk.travel);
  const kind = npc?.kindId ?? 304;
  return (
    <section class="panel npc" data-testid="npc-dialog">
      <span class="npc-picture"><Portrait kind={own ? (world.me?.kindId ?? 210) : kind} size={96} /></span>
      <div>
        <h3>{own ? t("npc.you") : npc === undefined ? "" : tables.nameOf(npc)}</h3>
        <p data-testid="npc-word">{told(own ? talk.myword : talk.npcword)}</p>
        <div class="row">
          {talk.myword !== "" && !said && <button onClick={() => setSaid(true)} data-testid="npc-next">{t("npc.next")}</button>}
          {talk.travel !== undefined && (said || talk.myword === "") && (
            <button class="go" data-testid="npc-travel" onClick={() => deeds.travel(talk.travel ?? 0)}>{t("npc.travel", { area: area === undefined ? String(talk.travel) : t(area.key) })}</button>
          )}
          <button data-testid="npc-quest" onClick={() => {
            deeds.closeTalk();
            if (!game.panels.has("quests")) game.toggle("quests");
          }}>{t("npc.quest")}</button>
          <button data-testid="npc-bye" onClick={() => deeds.closeTalk()}>{t("npc.bye")}</button>
        </div>
      </div>
    </section>
  );
}
