//! The page of the game.

import { render } from "preact";
import { Game } from "./game/game";
import { installHooks } from "./game/hooks";
import { listenToKeys } from "./game/keys";
import { App } from "./ui/app";
import "./ui/style/all";

const world = document.getElementById("world");
const ui = document.getElementById("ui");
if (world === null || ui === null) throw new Error("the page has lost its places");

const query = new URLSearchParams(location.search);
const game = new Game(world, query);
listenToKeys(game, window);
if (query.get("test") === "1") installHooks(game);
addEventListener("pointerdown", () => game.sounds.wake(), { once: true });
render(<App game={game} />, ui);
