//! The game for all panels: whoever uses it is drawn again when something changed.

import { createContext } from "preact";
import { useContext, useEffect, useReducer } from "preact/hooks";
import type { Game } from "../game/game";

export const GameContext = createContext<Game | undefined>(undefined);

/** The game; the component is drawn again with each change. */
export function useGame(): Game {
  const game = useContext(GameContext);
  if (game === undefined) throw new Error("no game around this panel");
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => game.onChange(() => again(undefined as never)), [game]);
  return game;
}

/** Drawn again every so many milliseconds, while `on`. */
export function useClock(ms: number, on = true): void {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => again(undefined as never), ms);
    return () => clearInterval(timer);
  }, [ms, on]);
}
