//! What lies over the world: the connection is lost or closed; the hero fell.

import { t } from "../text/text";
import { useClock, useGame } from "./context";

export function LinkMask() {
  const game = useGame();
  const { link, screen } = game;
  const inside = screen === "world" || screen === "hero" || (screen === "loading" && game.failure === undefined);
  useClock(250, link.kind === "lost");
  if (!inside || link.kind === "connecting" || (link.kind === "open" && !game.comingBack)) return null;
  if (link.kind !== "closed") {
    const seconds = link.kind === "lost" ? Math.ceil((link.retryAt - Date.now()) / 1000) : 0;
    return (
      <div class="mask" data-testid="mask-reconnect">
        <section class="panel mask-panel" role="alert">
          <div class="spinner" aria-hidden="true" />
          <h2>{t("link.lost")}</h2>
          <p>{link.kind === "open" ? t("link.back") : seconds > 0 ? t("link.again", { attempt: link.attempt, seconds }) : t("link.now", { attempt: link.attempt })}</p>
          <p class="quiet">{t("link.stays")}</p>
        </section>
      </div>
    );
  }
  if (game.session === undefined && game.query.get("gallery") === null) return null;
  return (
    <div class="mask" data-testid="mask-closed">
      <section class="panel mask-panel" role="alert">
        <h2>{t("link.closed")}</h2>
        <p>{t(link.key, link.args)}</p>
        <div class="row">
          {!link.loginAgain && <button class="big" data-testid="closed-retry" onClick={() => void game.begin()}>{t("fail.retry")}</button>}
          <button class={link.loginAgain ? "big" : ""} data-testid="closed-back" onClick={() => game.leave()}>{t("fail.back")}</button>
        </div>
      </section>
    </div>
  );
}

export function DeathMask() {
  const game = useGame();
  const reviveAt = game.world.me?.reviveAt;
  useClock(200, reviveAt !== undefined);
  if (reviveAt === undefined) return null;
  const seconds = Math.max(0, Math.ceil((reviveAt - performance.now()) / 1000));
  return (
    <div class="mask death" data-testid="mask-death">
      <h2>{t("hud.dead")}</h2>
      <p>{t("hud.revive", { seconds })}</p>
    </div>
  );
}
