//! The gallery: `gallery.html` shows all drawings; `?show=NAME` one screen or panel of the game with a sample of play, without a server.
//! `area`, `at=x,y`, `lang=zh`, `still=1`, `crowd=200` and `renderer` say more. It is our style guide, and what tests look at.

import { render } from "preact";
import { EnterError } from "../protocol/session";
import type { Game, Panel } from "../game/game";
import { installHooks } from "../game/hooks";
import { listenToKeys } from "../game/keys";
import { App } from "../ui/app";
import "../ui/style/all";
import { Guide } from "./guide";
import { playing, sampleGame } from "./sample";

/** Screens by name, from the sample that is playing already. */
const SHOWS: Readonly<Record<string, (game: Game) => void>> = {
  world: () => undefined,
  target(game) {
    game.world.target = 300;
    game.world.me?.cooldowns.set(2, { until: performance.now() + 3_200, total: 5_000 });
    game.world.me?.cooldowns.set(4, { until: performance.now() + 9_000, total: 15_000 });
  },
  fight,
  npc(game) {
    game.world.talk = { npc: 20, npcword: "The water road to the oasis is open. Shall I take you?", myword: "", travel: 2 };
  },
  asked(game) {
    game.world.asked = { kind: "invite", playerId: 9, name: "Sela", level: 31, teamId: 4 };
  },
  death(game) {
    const { hero, me } = game.world;
    if (hero === undefined || me === undefined) return;
    hero.hp = 0;
    hero.diedAt = performance.now() - 2_000;
    me.reviveAt = performance.now() + 4_000;
  },
  lost(game) {
    game.link = { kind: "lost", attempt: 3, retryAt: Date.now() + 3_800 };
  },
  closed(game) {
    game.link = { kind: "closed", key: "link.kicked", loginAgain: true };
  },
  toasts(game) {
    game.toast("act.levelUp", { level: 28 }, "good");
    game.toast("skill.noMana", { name: "Scorch" }, "no");
    game.toast("team.sent");
  },
  banner(game) {
    game.banner = { text: "Sunscar Desert", until: performance.now() + 60_000 };
  },
  map(game) {
    game.settings.bigMap = true;
  },
  all(game) {
    for (const panel of ["hero", "bag"] as Panel[]) game.panels.add(panel);
  },
};

const PANELS: readonly Panel[] = ["bag", "hero", "skills", "quests", "team", "settings", "help"];

function fight(game: Game): void {
  const blow = () => {
    const now = performance.now();
    const { entities } = game.world;
    for (const id of [300, 301]) {
      const mob = entities.get(id);
      if (mob === undefined) continue;
      mob.hp = 80;
      game.world.apply("onAttack", { attacker: 1, target: id, result: { result: 1, damage: 37 + id, mpUse: 0 }, skillId: id === 300 ? 5 : 1 }, now);
    }
    game.world.apply("onAttack", { attacker: 302, target: 1, result: { result: 1, damage: 12, mpUse: 0 }, skillId: 1 }, now);
  };
  game.world.target = 300;
  blow();
  setInterval(blow, 1_000);
}

async function show(name: string, world: HTMLElement, ui: HTMLElement, query: URLSearchParams): Promise<void> {
  query.set("gallery", "1");
  const game = await sampleGame(world, query);
  installHooks(game);
  listenToKeys(game, window);
  if (name === "hero-choice") game.screen = "hero";
  else if (name === "loading") Object.assign(game, { screen: "loading", loading: { key: "enter.art", part: 0.58 } });
  else if (name === "failure") Object.assign(game, { screen: "loading", failure: new EnterError("fail.noGate", { why: "could not connect to ws://127.0.0.1:3014" }) });
  else if (name !== "login") await playing(game, query);
  const panel = PANELS.find((one) => one === name);
  if (panel !== undefined) game.panels.add(panel);
  SHOWS[name]?.(game);
  if (query.get("crowd") !== null) wander(game);
  render(<App game={game} />, ui);
  document.documentElement.dataset["ready"] = "1";
}

/** All of them walk about: for measuring. */
function wander(game: Game): void {
  setInterval(() => {
    const now = performance.now();
    for (const entity of game.world.entities.values()) {
      if (entity.sort !== "mob" || entity.walk !== undefined) continue;
      const [dx, dy] = [Math.random() * 240 - 120, Math.random() * 160 - 80];
      game.world.apply("onMove", { entityId: entity.entityId, path: [{ x: entity.x, y: entity.y }, { x: entity.x + dx, y: entity.y + dy }], speed: 120 }, now);
    }
  }, 500);
}

const query = new URLSearchParams(location.search);
const name = query.get("show");
const [world, ui, page] = ["world", "ui", "gallery"].map((id) => document.getElementById(id));
if (world === null || world === undefined || ui === null || ui === undefined || page === null || page === undefined) throw new Error("the page has lost its places");
if (name === null) {
  render(<Guide shows={["login", "hero-choice", "loading", "failure", ...Object.keys(SHOWS), ...PANELS]} />, page);
  document.documentElement.dataset["ready"] = "1";
} else void show(name, world, ui, query);
