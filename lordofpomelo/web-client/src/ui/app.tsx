//! Which screen is shown.

import { GameContext, useGame } from "./context";
import type { Game } from "../game/game";
import { ClusterCorner } from "./cluster";
import { HeroChoice } from "./hero-choice";
import { Hud } from "./hud";
import { Loading } from "./loading";
import { Login } from "./login";
import { LinkMask } from "./masks";
import { Toasts } from "./toasts";

export function App({ game }: { game: Game }) {
  return (
    <GameContext.Provider value={game}>
      <Screens />
    </GameContext.Provider>
  );
}

function Screens() {
  const game = useGame();
  return (
    <>
      {game.screen === "login" && <Login />}
      {game.screen === "hero" && <HeroChoice />}
      {game.screen === "loading" && <Loading />}
      {game.screen === "world" && <Hud />}
      <LinkMask />
      <Toasts />
      {game.query.get("cluster") === "1" && <ClusterCorner />}
    </>
  );
}
