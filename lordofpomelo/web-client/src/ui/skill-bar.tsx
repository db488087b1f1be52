//! The skills at hand, keys 1 to 9, and how long each still rests.

import { skillIcon } from "../art/icons";
import { t, told } from "../text/text";
import { useClock, useGame } from "./context";

const KEYS = 8;

export function SkillBar() {
  const game = useGame();
  const { me, hero } = game.world;
  const now = performance.now();
  const resting = [...(me?.cooldowns.values() ?? [])].some(({ until }) => until > now);
  useClock(80, resting);
  if (me === undefined || hero === undefined) return null;
  return (
    <div class="skill-bar" data-testid="skill-bar">
      {Array.from({ length: KEYS }, (_, i) => i + 1).map((id) => {
        const row = game.tables.skill(id);
        const known = me.skills.has(id);
        const rest = me.cooldowns.get(id);
        const left = rest === undefined ? 0 : Math.max(0, rest.until - now);
        const poor = row !== undefined && hero.mp < row.mp;
        const name = game.tables.skillName(id);
        return (
          <button key={id} class={`slot skill ${known ? "" : "unknown"} ${poor && known ? "poor" : ""} ${left > 0 ? "rests" : ""}`} data-testid={`skill-${id}`} disabled={!known}
            title={row === undefined ? name : `${name}\n${told(row.desc)}\n${t("skill.facts", { mp: row.mp, cool: row.cooltime, reach: row.distance })}`} onClick={() => game.deeds.skill(id)}>
            {row !== undefined && <img src={skillIcon(id)} alt={name} draggable={false} />}
            {left > 0 && rest !== undefined && <i class="rest" style={{ "--left": `${(left / rest.total) * 360}deg` }} />}
            {left > 950 && <em>{Math.ceil(left / 1000)}</em>}
            <kbd>{id}</kbd>
            {known && row !== undefined && row.mp > 0 && <small>{row.mp}</small>}
          </button>
        );
      })}
    </div>
  );
}
