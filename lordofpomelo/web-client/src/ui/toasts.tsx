//! Short news, and what was refused.

import { useGame } from "./context";

export function Toasts() {
  const game = useGame();
  return (
    <div class={`toasts ${game.screen === "world" ? "in-world" : ""} ${game.world.talk === undefined ? "" : "over-talk"}`} aria-live="polite" data-testid="toasts">
      {game.toasts.map(({ id, text, kind }) => <p key={id} class={`toast ${kind}`}>{text}</p>)}
    </div>
  );
}
