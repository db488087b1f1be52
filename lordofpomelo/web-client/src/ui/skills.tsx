//! All skills: those that are known, and those to come.

import { skillIcon } from "../art/icons";
import { neededFor } from "../game/tables";
import { t, told } from "../text/text";
import { useGame } from "./context";
import { Panel } from "./panel";

export function SkillPanel() {
  const game = useGame();
  const { world, tables, deeds } = game;
  const { me, hero } = world;
  if (me === undefined || hero === undefined) return null;
  return (
    <Panel name="skills" title={t("skill.title")} foot={<span data-testid="skill-points">{t("skill.points", { n: me.skillPoint })}</span>}>
      <ul class="skill-list">
        {tables.skills().map((row) => {
          const level = me.skills.get(row.id) ?? 0;
          const needed = neededFor(row, level);
          const ready = hero.level >= needed;
          const can = tables.mayRaise(row, level, hero.level, me.skillPoint);
          return (
            <li key={row.id} class={level === 0 ? "unknown" : ""} data-testid={`skill-row-${row.id}`}>
              <img src={skillIcon(row.id)} alt="" />
              <div>
                <strong>{tables.skillName(row.id)}{level > 0 && <em>{t("skill.level", { level })}</em>}</strong>
                <p>{told(row.desc)}</p>
                <small>{t("skill.facts", { mp: row.mp, cool: row.cooltime, reach: row.distance })} · <span class="whole">{t("skill.power", { n: (row.attackParam + Math.max(0, level - 1) * row.upgradeParam).toFixed(1) })}</span></small>
              </div>
              {row.id > 1 && (level === 0
                ? <button class="go" data-testid={`skill-learn-${row.id}`} disabled={!can} onClick={() => deeds.learn(row.id)}>{ready ? t("skill.learn") : t("skill.from", { level: needed })}</button>
                : <button class="go" data-testid={`skill-up-${row.id}`} disabled={!can} onClick={() => deeds.upgrade(row.id)}>{ready ? t("skill.upgrade") : t("skill.from", { level: needed })}</button>)}
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
