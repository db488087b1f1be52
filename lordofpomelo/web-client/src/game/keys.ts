//! The keys of the game. Whoever moves the focus by keyboard uses buttons as on any page; else Tab, Space and Enter play.

import type { Game, Panel } from "./game";

const PANELS: Readonly<Record<string, Panel>> = { b: "bag", c: "hero", k: "skills", q: "quests", l: "quests", t: "team", o: "settings", h: "help" };

/** Where the hero walks while a key is held. */
const STRIDES: Readonly<Record<string, readonly [dx: number, dy: number]>> = {
  arrowup: [0, -1], arrowdown: [0, 1], arrowleft: [-1, 0], arrowright: [1, 0], w: [0, -1], s: [0, 1], a: [-1, 0], d: [1, 0],
};

export function listenToKeys(game: Game, page: Window): void {
  const held = new Set<string>();
  const stride = () => {
    let [dx, dy] = [0, 0];
    for (const key of held) {
      const [x, y] = STRIDES[key] ?? [0, 0];
      [dx, dy] = [dx + x, dy + y];
    }
    game.deeds.stride = { dx, dy };
  };
  const release = (key?: string) => {
    if (key === undefined) held.clear();
    else held.delete(key);
    stride();
  };
  page.addEventListener("keyup", (event) => release(event.key.toLowerCase()));
  page.addEventListener("blur", () => release());
  page.addEventListener("keydown", (event) => {
    const { target } = event;
    if (game.screen !== "world" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const key = event.key.toLowerCase();
    const panel = PANELS[key];
    if (STRIDES[key] !== undefined) {
      held.add(key);
      stride();
    } else if (panel !== undefined) {
      if (!event.repeat) game.toggle(panel);
    } else if (/^[1-9]$/.test(key)) game.deeds.skill(Number(key));
    else if (key === "m") game.set({ bigMap: !game.settings.bigMap });
    else if (key === "escape") escape(game);
    else if (target instanceof HTMLElement && target.closest("#ui") !== null) return;
    else if (key === "tab" && !event.shiftKey) game.deeds.nextTarget();
    else if (key === " ") game.deeds.pickNearest();
    else if (key === "enter") document.querySelector<HTMLInputElement>("[data-testid=chat-input]")?.focus();
    else return;
    event.preventDefault();
  });
  // A button that was clicked keeps no focus: the next Space is the game's.
  page.addEventListener("click", ({ detail, target }) => {
    if (detail > 0 && target instanceof Element) target.closest<HTMLElement>("button")?.blur();
  });
}

/** Closes what is uppermost. */
function escape(game: Game): void {
  if (game.world.talk !== undefined) game.world.talk = undefined;
  else if (game.panels.size > 0) game.panels.clear();
  else game.world.target = undefined;
  game.changed();
}
