//! The page of the game.

import { render } from "preact";
import { Game } from "./game/game";
import { installHooks } from "./game/hooks";
import { listenToKeys } from "./game/keys";
import { App } from "./ui/app";
import "./ui/style/all";

/** A window that is dragged has many sizes: what follows from the size waits for the last. */
const RESIZED_MS = 250;

const world = document.getElementById("world");
const ui = document.getElementById("ui");
if (world === null || ui === null) throw new Error("the page has lost its places");

const query = new URLSearchParams(location.search);
const game = new Game(world, query);
listenToKeys(game, window);
if (query.get("test") === "1") installHooks(game);
addEventListener("pointerdown", () => game.sounds.wake(), { once: true });
let resizing: ReturnType<typeof setTimeout> | undefined;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => void game.resized(), RESIZED_MS);
});
render(<App game={game} />, ui);
void game.resume();
