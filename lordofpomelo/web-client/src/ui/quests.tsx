//! Quests: what there is to do, in a panel and in the corner.

import { useState } from "preact/hooks";
import { equipmentIcon } from "../art/icons";
import type { Tables } from "../game/tables";
import { t, told } from "../text/text";
import type { Quest } from "../world/quests";
import { useGame } from "./context";
import { Portrait } from "./figure-view";
import { Panel } from "./panel";

function goal(tables: Tables, quest: Quest): string {
  if (quest.kills !== undefined) return t("quest.kill", { name: tables.kindName(quest.kills.kindId), done: Math.min(quest.done, quest.kills.wanted), wanted: quest.kills.wanted });
  return t("quest.killPlayers", { done: quest.done, wanted: quest.playersWanted ?? 0 });
}

function Rewards({ quest, tables }: { quest: Quest; tables: Tables }) {
  return (
    <div class="rewards">
      <span class="exp">{t("quest.reward", { exp: quest.exp })}</span>
      {quest.rewards.map((id) => {
        const row = tables.equipment(id);
        return <span key={id} class={`slot full tiny quality-${row?.color ?? "white"}`} title={tables.thingName("equipment", id)}><img src={equipmentIcon(row?.kind ?? "amulet", id)} alt={tables.thingName("equipment", id)} /></span>;
      })}
    </div>
  );
}

export function QuestPanel() {
  const game = useGame();
  const { world, tables, deeds } = game;
  const [offered, setOffered] = useState<Quest>();
  const quests = [...world.quests.values()];
  const open = offered !== undefined && !quests.some(({ name }) => name === offered.name);
  const early = (world.hero?.level ?? 0) < (offered?.fromLevel ?? 0);
  return (
    <Panel name="quests" title={t("quest.title")} foot={<button data-testid="quest-ask" onClick={() => deeds.askQuest(setOffered)}>{t("quest.ask")}</button>}>
      {open && (
        <article class="quest offer" data-testid="quest-offer">
          <h3>{told(offered.name)}</h3>
          <p>{told(offered.acceptTalk)}</p>
          <p class="goal">{goal(tables, offered)}</p>
          <Rewards quest={offered} tables={tables} />
          <button class="go" data-testid="quest-accept" disabled={early} onClick={() => {
            deeds.startQuest(offered.id);
            setOffered(undefined);
          }}>{early ? t("quest.level", { level: offered.fromLevel }) : t("quest.accept")}</button>
        </article>
      )}
      {quests.map((quest) => (
        <article key={quest.id} class={`quest ${quest.state === 1 ? "met" : ""}`} data-testid={`quest-${quest.id}`}>
          {quest.kills !== undefined && <Portrait kind={quest.kills.kindId} size={52} />}
          <div>
            <h3>{told(quest.name)}</h3>
            <p>{told(quest.state === 1 ? quest.finishTalk : quest.workTalk)}</p>
            <p class="goal">{goal(tables, quest)}</p>
            <Rewards quest={quest} tables={tables} />
            {quest.state === 1 && <button class="go" data-testid="quest-handover" onClick={() => deeds.handOver()}>{t("quest.handOver")}</button>}
          </div>
        </article>
      ))}
      {quests.length === 0 && !open && <p class="quiet">{t("quest.none")}</p>}
    </Panel>
  );
}

export function QuestTracker() {
  const game = useGame();
  const quests = [...game.world.quests.values()];
  if (quests.length === 0) return null;
  return (
    <section class="tracker" data-testid="quest-tracker">
      {quests.map((quest) => (
        <button key={quest.id} class={quest.state === 1 ? "met" : ""} onClick={() => game.toggle("quests")}>
          <strong>{told(quest.name)}</strong>
          <span>{quest.state === 1 ? t("quest.handOver") : goal(game.tables, quest)}</span>
        </button>
      ))}
    </section>
  );
}
