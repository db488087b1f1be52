//! The team: its members beside the hero's frame, the panel, and the question whether somebody may join.

import { t, told } from "../text/text";
import { useGame } from "./context";
import { Portrait } from "./figure-view";
import { Glyph } from "./glyphs";
import { Bar, Panel } from "./panel";

export function TeamPlates() {
  const { world } = useGame();
  const others = [...world.team.values()].filter(({ playerId }) => playerId !== world.me?.playerId);
  if (others.length === 0) return null;
  return (
    <div class="team-plates" data-testid="team-plates">
      {others.map(({ playerId, name, kindId, level, hp, maxHp, mp, maxMp, isCaptain }) => (
        <section key={playerId} class={`frame mate ${hp <= 0 ? "fallen" : ""}`} data-testid={`mate-${playerId}`}>
          <div class="medal"><Portrait kind={kindId} size={38} /><b class="level">{level}</b></div>
          <div class="frame-body">
            <strong class="name">{isCaptain && <Glyph name="crown" size={13} />} {name}</strong>
            <Bar kind="hp" have={hp} most={maxHp} label={t("hero.health")} words={false} />
            <Bar kind="mp" have={mp} most={maxMp} label={t("hero.mana")} words={false} />
          </div>
        </section>
      ))}
    </div>
  );
}

export function TeamPanel() {
  const { world, deeds } = useGame();
  const { hero, me, team } = world;
  if (hero === undefined || me === undefined) return null;
  const alone = hero.teamId === 0;
  return (
    <Panel name="team" title={world.teamName === "" ? t("team.title") : told(world.teamName)} foot={<small>{t("team.hint")}</small>}>
      {alone ? (
        <div class="alone">
          <p class="quiet">{t("team.none")}</p>
          <button class="big" data-testid="team-create" onClick={() => deeds.createTeam()}>{t("team.create")}</button>
        </div>
      ) : (
        <>
          <ul class="members">
            {[...team.values()].map((mate) => (
              <li key={mate.playerId}>
                <Portrait kind={mate.kindId} size={46} />
                <div>
                  <strong>{mate.isCaptain && <Glyph name="crown" size={15} />} {mate.name} <small>{t("hud.level", { level: mate.level })}</small></strong>
                  <Bar kind="hp" have={mate.hp} most={mate.maxHp} label={t("hero.health")} />
                </div>
                {hero.isCaptain && mate.playerId !== me.playerId && <button class="danger" data-testid={`team-kick-${mate.playerId}`} onClick={() => deeds.kick(mate.playerId)}>{t("team.kick")}</button>}
              </li>
            ))}
          </ul>
          <div class="row"><button class="danger" data-testid="team-leave" onClick={() => deeds.leaveTeam()}>{t(hero.isCaptain ? "team.disband" : "team.leave")}</button></div>
        </>
      )}
    </Panel>
  );
}

export function AskedPanel() {
  const { world, deeds } = useGame();
  const { asked } = world;
  if (asked === undefined) return null;
  return (
    <section class="panel asked" role="alertdialog" data-testid="team-asked">
      <p>{t(asked.kind === "invite" ? "team.invited" : "team.applied", { name: asked.name, level: asked.level })}</p>
      <div class="row">
        <button class="go" data-testid="team-accept" onClick={() => deeds.reply(true)}>{t("team.accept")}</button>
        <button data-testid="team-refuse" onClick={() => deeds.reply(false)}>{t("team.refuse")}</button>
      </div>
    </section>
  );
}
