//! Settings and the help with the keys.

import type { Settings } from "../game/settings";
import { type Key, LANGUAGES, type Language, t } from "../text/text";
import { useGame } from "./context";
import { Panel } from "./panel";

const SWITCHES: readonly (readonly [keyof Settings & ("sound" | "plates" | "numbers" | "vignette" | "fps"), Key])[] = [
  ["sound", "set.sound"], ["plates", "set.plates"], ["numbers", "set.numbers"], ["vignette", "set.vignette"], ["fps", "set.fps"],
];

export function SettingsPanel() {
  const game = useGame();
  const { settings } = game;
  return (
    <Panel name="settings" title={t("set.title")} foot={<button class="danger" data-testid="logout" onClick={() => game.leave()}>{t("set.logout")}</button>}>
      <div class="setting">
        <span>{t("set.language")}</span>
        <span class="choice">
          {(Object.keys(LANGUAGES) as Language[]).map((language) => (
            <button key={language} class={settings.language === language ? "chosen" : ""} data-testid={`language-${language}`} onClick={() => game.set({ language })}>{LANGUAGES[language]}</button>
          ))}
        </span>
      </div>
      {SWITCHES.map(([name, key]) => (
        <label key={name} class="setting">
          <span>{t(key)}</span>
          <input type="checkbox" class="switch" data-testid={`set-${name}`} checked={settings[name]} onChange={(event) => game.set({ [name]: event.currentTarget.checked })} />
        </label>
      ))}
      <label class="setting">
        <span>{t("set.volume")}</span>
        <input type="range" min="0" max="1" step="0.05" value={settings.volume} data-testid="set-volume" onInput={(event) => game.set({ volume: Number(event.currentTarget.value) })} onChange={() => game.sounds.play("pick")} />
      </label>
    </Panel>
  );
}

const HELP: readonly (readonly [keys: readonly string[], words: Key, what?: Key])[] = [
  [[], "help.clickText", "help.click"], [[], "help.clickMobText", "help.clickMob"],
  [["W", "A", "S", "D"], "help.walk"], [["↑", "←", "↓", "→"], "help.walk"], [["1", "…", "8"], "help.keys"], [["Tab"], "help.tab"], [["␣"], "help.space"], [["B", "C"], "help.bag"], [["K"], "help.skills"], [["Q"], "help.quests"], [["T"], "help.team"],
  [["⏎"], "help.enter"], [["M"], "help.map"], [["Esc"], "help.esc"],
];

export function HelpPanel() {
  useGame();
  return (
    <Panel name="help" title={t("help.title")}>
      <dl class="keys">
        {HELP.map(([keys, words, what]) => (
          <div key={keys.join("") + words}>
            <dt>{what === undefined ? keys.map((key) => (key === "…" ? " … " : <kbd key={key}>{key}</kbd>)) : t(what)}</dt>
            <dd>{t(words)}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
