//! Short news, and what was refused.

import { useGame } from "./context";

export function Toasts() {
  const game = useGame();
  return (
    <div class="toasts" aria-live="polite" data-testid="toasts">
      {game.toasts.map(({ id, text, kind }) => <p key={id} class={`toast ${kind}`}>{text}</p>)}
    </div>
  );
}
