//! The first hero of an account: which one, and what he is called.

import { useState } from "preact/hooks";
import { HEROES } from "../art/people";
import { type Key, t } from "../text/text";
import { useGame } from "./context";
import { FigureView } from "./figure-view";
import { TitlePicture } from "./login";

/** What they begin with, as the server's table says; shown before that table is loaded. */
const FIGURES: Readonly<Record<number, readonly (readonly [Key, number, number])[]>> = {
  210: [["hero.health", 220, 240], ["hero.mana", 20, 80], ["hero.attack", 23, 28], ["hero.defence", 9, 16]],
  211: [["hero.health", 180, 240], ["hero.mana", 60, 80], ["hero.attack", 18, 28], ["hero.defence", 12, 16]],
};

/** As the server takes them. */
const NAME = /^[\p{L}\p{N} _-]{1,16}$/u;

export function HeroChoice() {
  const game = useGame();
  const [kind, setKind] = useState<number>(HEROES[0]);
  const [name, setName] = useState("");
  const [wrong, setWrong] = useState<Key>();
  const [busy, setBusy] = useState(false);
  const still = game.query.get("still") === "1";

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!NAME.test(name.trim())) return setWrong("hero.nameBad");
    setBusy(true);
    if (!(await game.createHero(name.trim(), kind))) setWrong("hero.taken");
    setBusy(false);
  };

  return (
    <main class="screen hero-choice" data-testid="screen-hero">
      <TitlePicture />
      <form class="panel wide" onSubmit={submit} noValidate>
        <h2>{t("hero.title")}</h2>
        <div class="heroes">
          {HEROES.map((hero) => (
            <button type="button" key={hero} data-testid={`hero-${hero}`} class={`hero-card ${kind === hero ? "chosen" : ""}`} aria-pressed={kind === hero} onClick={() => {
              setKind(hero);
              game.sounds.play("click");
            }}>
              <span class="stand"><FigureView kind={hero} zoom={1.75} pose={kind === hero ? "walk" : "stand"} still={still} /></span>
              <strong>{t(`hero.${hero}`)}</strong>
              <small>{t(`hero.${hero}.text`)}</small>
              <span class="figures">
                {(FIGURES[hero] ?? []).map(([key, value, most]) => (
                  <span key={key}><i>{t(key)}</i><b class="meter"><u style={{ width: `${(value / most) * 100}%` }} /></b><em>{value}</em></span>
                ))}
              </span>
            </button>
          ))}
        </div>
        <div class="hero-name">
          <label class={`field ${wrong === undefined ? "" : "wrong"}`}>
            <span>{t("hero.name")}</span>
            <input data-testid="hero-name" value={name} maxLength={16} autocomplete="off" onInput={(event) => {
              setName(event.currentTarget.value);
              setWrong(undefined);
            }} />
            <em role="alert" data-testid="hero-error">{wrong === undefined ? "" : t(wrong)}</em>
          </label>
          <button class="big" data-testid="hero-submit" disabled={busy}>{t("hero.create")}</button>
        </div>
        <button type="button" class="link" data-testid="hero-back" onClick={() => game.leave()}>{t("fail.back")}</button>
      </form>
    </main>
  );
}
