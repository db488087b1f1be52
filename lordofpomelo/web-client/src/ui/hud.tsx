//! Everything around the world while playing.

import { type Key, t } from "../text/text";
import type { Panel } from "../game/game";
import { isFighter } from "../world/entity";
import { BagPanel } from "./bag";
import { HeroPanel } from "./worn";
import { ChatBox } from "./chat";
import { useClock, useGame } from "./context";
import { Portrait } from "./figure-view";
import { Glyph, type GlyphName } from "./glyphs";
import { HelpPanel, SettingsPanel } from "./settings";
import { FirstSteps } from "./first-steps";
import { DeathMask } from "./masks";
import { MiniMap } from "./minimap";
import { NpcDialog } from "./npc";
import { Bar, Windows } from "./panel";
import { QuestPanel, QuestTracker } from "./quests";
import { SkillBar } from "./skill-bar";
import { SkillPanel } from "./skills";
import { AskedPanel, TeamPanel, TeamPlates } from "./team";

export function Hud() {
  const game = useGame();
  const { me, hero } = game.world;
  if (me === undefined || hero === undefined) return null;
  const dead = me.reviveAt !== undefined;
  return (
    <div class={`hud ${dead ? "is-dead" : ""}`} data-testid="screen-world">
      {game.settings.vignette && <div class="vignette" aria-hidden="true" />}
      <PlayerFrame />
      <TeamPlates />
      <TargetFrame />
      <div class="right-column">
        <MiniMap />
        <QuestTracker />
        <FirstSteps />
      </div>
      <ChatBox />
      <SkillBar />
      <Menu />
      <HoverWord />
      {!dead && (
        <Windows>
          {game.panels.has("hero") && <HeroPanel />}
          {game.panels.has("bag") && <BagPanel />}
          {game.panels.has("skills") && <SkillPanel />}
          {game.panels.has("quests") && <QuestPanel />}
          {game.panels.has("team") && <TeamPanel />}
          {game.panels.has("settings") && <SettingsPanel />}
          {game.panels.has("help") && <HelpPanel />}
        </Windows>
      )}
      {!dead && <NpcDialog />}
      <AskedPanel />
      {game.banner !== undefined && game.banner.until > performance.now() && <div class="banner" key={game.banner.text} data-testid="area-banner"><span>{game.banner.text}</span></div>}
      {game.settings.fps && <FrameRate />}
      <DeathMask />
    </div>
  );
}

function PlayerFrame() {
  const { world } = useGame();
  const { me, hero } = world;
  if (me === undefined || hero === undefined) return null;
  return (
    <section class="frame player-frame" data-testid="player-frame">
      <div class="medal"><Portrait kind={me.kindId} size={62} /><b class="level" data-testid="own-level">{hero.level}</b></div>
      <div class="frame-body">
        <strong class="name" data-testid="own-name">{me.name}</strong>
        <Bar kind="hp" have={hero.hp} most={hero.maxHp} label={t("hero.health")} />
        <Bar kind="mp" have={hero.mp} most={hero.maxMp} label={t("hero.mana")} />
        <div class="thin" title={t("hud.exp", { have: me.experience, need: me.nextLevelExp })}><Bar kind="exp" have={me.experience} most={me.nextLevelExp} label={t("hud.exp", { have: me.experience, need: me.nextLevelExp })} words={false} /></div>
      </div>
    </section>
  );
}

function TargetFrame() {
  const game = useGame();
  const { world, tables, deeds } = game;
  const target = world.target === undefined ? undefined : world.entities.get(world.target);
  if (target === undefined || target.sort === "item" || target.sort === "equipment") return null;
  const { hero } = world;
  const friend = hero !== undefined && hero.teamId !== 0 && target.teamId === hero.teamId;
  return (
    <section class={`frame target-frame ${target.sort}`} data-testid="target-frame">
      <div class="medal"><Portrait kind={target.kindId} size={48} />{target.level > 0 && <b class="level">{target.level}</b>}</div>
      <div class="frame-body">
        <strong class="name" data-testid="target-name">{tables.nameOf(target)}</strong>
        {isFighter(target) && <Bar kind="foe" have={target.hp} most={target.maxHp} label={t("hud.target")} />}
        {target.sort === "player" && hero !== undefined && (
          <div class="row small">
            {hero.isCaptain && target.teamId === 0 && <button data-testid="target-invite" onClick={() => deeds.invite(target.playerId)}>{t("team.invite")}</button>}
            {hero.teamId === 0 && target.isCaptain && <button data-testid="target-apply" onClick={() => deeds.applyTo(target.playerId, target.teamId)}>{t("team.apply")}</button>}
            <button onClick={() => {
              deeds.whisperTo = target.name;
              game.changed();
            }}>{t("chat.private")}</button>
            {!friend && <button class="danger" onClick={() => deeds.attack(target)}>{t("hero.attack")}</button>}
          </div>
        )}
      </div>
      <button class="close" aria-label={t("menu.close")} onClick={() => {
        world.target = undefined;
        game.changed();
      }}><Glyph name="close" size={14} /></button>
    </section>
  );
}

const MENU: readonly (readonly [Panel, GlyphName, Key, string])[] = [
  ["hero", "hero", "menu.hero", "C"], ["bag", "bag", "menu.bag", "B"], ["skills", "skills", "menu.skills", "K"], ["quests", "quests", "menu.quests", "Q"],
  ["team", "team", "menu.team", "T"], ["settings", "settings", "menu.settings", "O"], ["help", "help", "menu.help", "H"],
];

function Menu() {
  const game = useGame();
  const { me, hero, quests } = game.world;
  const skills = me !== undefined && hero !== undefined && game.tables.skills().some((row) => game.tables.mayRaise(row, me.skills.get(row.id) ?? 0, hero.level, me.skillPoint));
  const hint: Partial<Record<Panel, boolean>> = { skills, quests: [...quests.values()].some(({ state }) => state === 1) };
  return (
    <nav class="menu" data-testid="menu">
      {MENU.map(([panel, glyph, key, letter]) => (
        <button key={panel} class={game.panels.has(panel) ? "chosen" : ""} data-testid={`menu-${panel}`} title={`${t(key)} (${letter})`} aria-label={t(key)} onClick={() => game.toggle(panel)}>
          <Glyph name={glyph} />
          {hint[panel] === true && <i class="hint" />}
        </button>
      ))}
      <button title={t("set.sound")} aria-label={t("set.sound")} data-testid="menu-sound" onClick={() => game.set({ sound: !game.settings.sound })}><Glyph name={game.settings.sound ? "sound" : "mute"} /></button>
    </nav>
  );
}

/** What the pointer is over, in words: for things on the ground, which have no plate. */
function HoverWord() {
  const { hovered, tables } = useGame();
  if (hovered === undefined || (hovered.sort !== "item" && hovered.sort !== "equipment")) return null;
  const color = hovered.sort === "equipment" ? tables.equipment(hovered.kindId)?.color : undefined;
  return <div class={`hover-word quality-${color ?? "white"}`}>{tables.nameOf(hovered)}</div>;
}

function FrameRate() {
  const game = useGame();
  useClock(500);
  return <div class="fps" data-testid="fps">{game.stage?.fps ?? 0} fps</div>;
}
