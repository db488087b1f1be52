//! The keys of the game.

import type { Game, Panel } from "./game";

const PANELS: Readonly<Record<string, Panel>> = { b: "bag", c: "hero", k: "skills", q: "quests", l: "quests", t: "team", o: "settings", h: "help" };

export function listenToKeys(game: Game, page: Window): void {
  page.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (game.screen !== "world" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing) {
      if (event.key === "Escape" && event.target instanceof HTMLElement) event.target.blur();
      return;
    }
    const panel = PANELS[event.key.toLowerCase()];
    if (panel !== undefined) game.toggle(panel);
    else if (/^[1-9]$/.test(event.key)) game.deeds.skill(Number(event.key));
    else if (event.key === "Tab") game.deeds.nextTarget();
    else if (event.key === " ") game.deeds.pickNearest();
    else if (event.key === "m") game.set({ bigMap: !game.settings.bigMap });
    else if (event.key === "Escape") escape(game);
    else if (event.key === "Enter") document.querySelector<HTMLInputElement>("[data-testid=chat-input]")?.focus();
    else return;
    event.preventDefault();
  });
}

/** Closes what is uppermost. */
function escape(game: Game): void {
  if (game.world.talk !== undefined) game.world.talk = undefined;
  else if (game.panels.size > 0) game.panels.clear();
  else game.world.target = undefined;
  game.changed();
}
