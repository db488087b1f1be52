//! On the way into an area: how far it is, or why it ended.

import { useState } from "preact/hooks";
import { type Key, t } from "../text/text";
import { useGame } from "./context";
import { FigureView } from "./figure-view";
import { TitlePicture, TitleWords } from "./login";

const TIPS: readonly Key[] = ["enter.tip1", "enter.tip2", "enter.tip3", "enter.tip4", "enter.tip5"];

export function Loading() {
  const game = useGame();
  const still = game.query.get("still") === "1";
  const [tip] = useState(() => TIPS[still ? 0 : Math.floor(Math.random() * TIPS.length)] ?? "enter.tip1");
  const { failure, loading } = game;
  return (
    <main class="screen loading" data-testid="screen-loading">
      <TitlePicture />
      <div class="login-column">
        <TitleWords />
        {failure === undefined ? (
          <section class="panel progress-panel">
            <div class="runner" style={{ left: `${8 + loading.part * 84}%` }}><FigureView kind={game.world.me?.kindId ?? 210} pose="walk" zoom={0.8} still={still} /></div>
            <div class="progress" role="progressbar" aria-valuenow={Math.round(loading.part * 100)} data-testid="loading-bar"><i style={{ width: `${Math.round(loading.part * 100)}%` }} /></div>
            <p class="progress-words">{t(loading.key)} …</p>
            <p class="tip">{t(tip)}</p>
          </section>
        ) : (
          <section class="panel progress-panel" role="alert" data-testid="loading-failure">
            <p class="wrong-words">{t(failure.key, failure.args)}</p>
            <div class="row">
              {!failure.loginAgain && <button class="big" data-testid="failure-retry" onClick={() => void game.begin()}>{t("fail.retry")}</button>}
              <button class={failure.loginAgain ? "big" : ""} data-testid="failure-back" onClick={() => game.leave()}>{t("fail.back")}</button>
            </div>
          </section>
        )}
      </div>
    </main>
  );
}
