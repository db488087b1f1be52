//! What somebody new does first, in the corner of the quests, until it is done.

import { type Key, t } from "../text/text";
import { useGame } from "./context";

/** Above this level nobody is new. */
const NEW_UP_TO = 4;

export function FirstSteps() {
  const { world } = useGame();
  const { me, hero } = world;
  if (me === undefined || hero === undefined || hero.level > NEW_UP_TO) return null;
  const steps: readonly (readonly [Key, done: boolean])[] = [
    ["first.fight", me.experience > 0 || hero.level > 1],
    ["first.skill", me.skills.size > 1],
    ["first.wear", Object.values(me.worn).some((id) => id > 0)],
    ["first.quest", world.quests.size > 0],
  ];
  if (steps.every(([, done]) => done)) return null;
  return (
    <section class="tracker first-steps" data-testid="first-steps" aria-label={t("first.title")}>
      <strong>{t("first.title")}</strong>
      <ul>{steps.map(([key, done]) => <li key={key} class={done ? "done" : ""}>{t(key)}</li>)}</ul>
    </section>
  );
}
