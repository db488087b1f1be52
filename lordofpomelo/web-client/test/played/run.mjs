//! The game as people play it, in Debian's Chromium against real servers: `node test/played/run.mjs [ADDRESS] [FOLDER] [NAME]`, where
//! ADDRESS is that of the web server (http://127.0.0.1:3001 is that of `cargo xtask demo`), FOLDER is for pictures and NAME is part of
//! the names of the scenarios to play. Not here: servers that die, which is `two.mjs` and whoever drives it.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Player, fresh, openBrowser } from "./player.mjs";

const [base = "http://127.0.0.1:3001", pictures, only = ""] = process.argv.slice(2);
if (pictures !== undefined) mkdirSync(pictures, { recursive: true });
const browser = await openBrowser();
let failed = 0;

async function test(name, play) {
  if (!name.includes(only)) return;
  const players = [];
  const come = async (options) => {
    const player = await Player.come(browser, base, options);
    players.push(player);
    return player;
  };
  const started = performance.now();
  try {
    await play(come);
    for (const player of players) player.content();
    console.log(`ok   ${name} (${Math.round(performance.now() - started)} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${error.stack}`);
    for (const [i, player] of players.entries()) {
      console.log(`     page ${i}: ${player.errors.join("; ")}`);
      if (pictures !== undefined) await player.picture(join(pictures, `failed-${failed}-${i}.png`)).catch(() => undefined);
    }
  }
  for (const player of players) await player.close();
}

async function shot(player, name) {
  if (pictures !== undefined) await player.picture(join(pictures, `${name}.png`));
}

/** Fails in words. */
function claim(holds, words) {
  if (!holds) throw new Error(words);
}

await test("accounts: a wrong password, an unknown name, a name that is taken", async (come) => {
  const player = await come();
  const name = fresh("acc");
  await player.register(name);
  await player.at("screen-hero").waitFor();
  await player.at("hero-back").click();
  await player.login(name, "wrong");
  await player.at("login-password-error").getByText("do not go together").waitFor();
  await player.login(fresh("nobody"));
  await player.at("login-name-error").getByText("Nobody of this name").waitFor();
  await player.register(name);
  await player.at("login-name-error").getByText("taken").waitFor();
  await shot(player, "name-taken");
});

await test("a hero's day: make, walk, fight, pick up, wear, use, talk, travel, fall, rise", async (come) => {
  const player = await come();
  const name = fresh("Mira");
  await player.register(fresh("day"));
  await player.at("screen-hero").waitFor();
  await shot(player, "hero-choice");
  await player.makeHero("<b>x</b>");
  await player.at("hero-error").getByText(/./).waitFor();
  await player.makeHero(name, 211);
  await player.inWorld();
  claim((await player.at("own-name").textContent()) === name, "the frame shows another name");
  claim((await player.look("mapName")) === "desert", "it did not begin in the desert");
  await player.page.waitForTimeout(500);
  await shot(player, "desert");

  await player.walk(560, 560);
  await player.walk(430, 640, 80);
  const before = await player.look("me");
  const mob = await player.kill();
  await player.until((had) => window.__game.me.experience !== had, before.experience);
  await shot(player, "killed");
  claim(mob.shown.length > 0, "a mob without a name");

  let picked = false;
  for (let tries = 0; tries < 12 && !picked; tries++) {
    const [thing] = [...(await player.sight("item")), ...(await player.sight("equipment"))];
    if (thing === undefined) {
      await player.kill();
      continue;
    }
    const { bag } = await player.look("me");
    const had = Object.keys(bag).length;
    await player.meet(thing.entityId);
    picked = await player.until((n) => Object.keys(window.__game.me.bag).length > n, had, 8_000).then(() => true, () => false);
  }
  claim(picked, "nothing could be picked up");
  await player.page.keyboard.press("b");
  await player.page.keyboard.press("c");
  await player.at("bag-slots").waitFor();
  await shot(player, "bag");
  const { bag } = await player.look("me");
  for (const [slot, { type }] of Object.entries(bag)) {
    await player.at(`bag-${slot}`).dblclick();
    if (type === "item") await player.at(`bag-${slot}`).waitFor({ state: "detached" });
    else await player.page.waitForTimeout(500);
  }
  await shot(player, "worn");
  await player.page.keyboard.press("Escape");
  await player.page.keyboard.press("k");
  await player.at("panel-skills").waitFor();
  await shot(player, "skills");
  await player.page.keyboard.press("Escape");

  await player.walk(1300, 640, 120);
  const [npc] = await player.sight("npc");
  await player.meet(npc.entityId);
  await player.at("npc-dialog").waitFor();
  await shot(player, "npc");
  if (await player.at("npc-next").isVisible()) await player.at("npc-next").click();
  await player.at("npc-travel").click();
  await player.until(() => window.__game.mapName === "oasis" && window.__game.screen === "world");
  claim((await player.look("connections")) === 1, "travelling made another connection");
  await player.page.waitForTimeout(500);
  await shot(player, "oasis");

  await player.walk(1850, 3150, 150);
  const [strong] = await player.sight("mob");
  claim(strong !== undefined, "no mob in sight in the oasis");
  await player.meet(strong.entityId);
  await player.at("mask-death").waitFor({ timeout: 60_000 });
  await shot(player, "death");
  await player.at("mask-death").waitFor({ state: "detached" });
  const { hp, maxHp } = await player.look("hero");
  claim(hp > 0 && hp < maxHp, `it rose with ${hp} of ${maxHp}`);
  const { x, y } = await player.look("hero");
  await player.walk(Math.round(x) + 40, Math.round(y) + 40, 30);
});

await test("quests: offered, taken, fulfilled, handed over, rewarded", async (come) => {
  const player = await come();
  await player.begin(fresh("quest"));
  await player.walk(560, 560);
  await player.walk(430, 640, 80);
  const deadline = Date.now() + 240_000;
  while ((await player.look("hero")).level < 3 && Date.now() < deadline) await player.kill();
  await player.page.keyboard.press("q");
  await player.at("quest-ask").click();
  await player.at("quest-offer").waitFor();
  await shot(player, "quest-offer");
  await player.at("quest-accept").click();
  await player.at("quest-tracker").waitFor();
  await player.page.keyboard.press("Escape");
  for (let kills = 0; kills < 8 && (await player.at("quest-handover").count()) === 0; kills++) {
    await player.kill();
    if ((await player.at("panel-quests").count()) === 0) await player.page.keyboard.press("q");
    await player.page.waitForTimeout(300);
  }
  await shot(player, "quest-met");
  await player.at("quest-handover").click();
  await player.until(() => window.__game.entities.some((one) => one.sort === "equipment"));
  await shot(player, "quest-reward");
});

await test("two talk in four scopes, and go together as a team", async (come) => {
  const [ann, bert] = [await come(), await come()];
  await ann.begin(fresh("Ann"));
  await bert.begin(fresh("Bert"), 211);
  const sees = (one, other) => one.until((name) => window.__game.entities.some((entity) => entity.name === name), other.name);
  await sees(ann, bert);
  await sees(bert, ann);
  await ann.say("to <b>all</b> & \"everybody\"", "all");
  // The server takes markup out, and escapes what is left; the page shows it as it was typed.
  await bert.hears("to all & \"everybody\"");
  claim((await bert.page.locator("[data-testid=chat-lines] b").count()) === 0, "markup came alive");
  await bert.say("here around", "area");
  await ann.hears("here around");
  await ann.say("hush", "private");
  await ann.at("toasts").getByText(/./).first().waitFor();
  await ann.at("chat-to").fill(bert.name);
  await ann.say("only for you");
  await bert.hears("only for you");
  await ann.hears("only for you");
  await ann.at("chat-to").fill(fresh("gone"));
  await ann.say("is anybody there");
  await ann.at("toasts").getByText(/not here|offline|not/i).first().waitFor();
  await shot(ann, "chat");

  await ann.page.keyboard.press("Escape");
  await ann.at("menu-team").click();
  await ann.at("team-create").click();
  await ann.at("team-leave").waitFor();
  await ann.at("close-team").click();
  const mate = (await ann.sight("player")).find(({ name }) => name === bert.name);
  await ann.meet(mate.entityId);
  await ann.at("target-invite").click();
  await bert.at("team-asked").waitFor();
  await shot(bert, "team-asked");
  await bert.at("team-accept").click();
  await ann.at("team-plates").getByText(bert.name).waitFor();
  await bert.at("team-plates").getByText(ann.name).waitFor();
  await ann.say("we two", "team");
  await bert.hears("we two");
  await ann.at("menu-team").click();
  await shot(ann, "team");
  await bert.at("menu-team").click();
  await bert.at("team-leave").click();
  await ann.at("team-plates").waitFor({ state: "detached" });
});

await test("whoever logs in again elsewhere is told here, and does not fight for it", async (come) => {
  const first = await come();
  const name = fresh("twice");
  await first.begin(name);
  const { x, y } = await first.look("hero");
  const second = await come();
  await second.login(name);
  await second.inWorld();
  await first.at("mask-closed").waitFor();
  await shot(first, "kicked");
  claim((await second.sight("player")).length === 0 || (await second.sight("player")).every((one) => one.name !== first.name), "it sees itself");
  const now = await second.look("hero");
  claim(Math.hypot(now.x - x, now.y - y) < 30, `it stood at ${x}, ${y} and is at ${now.x}, ${now.y}`);
  await first.page.waitForTimeout(4_000);
  claim((await first.look("connections")) === 1 && (await second.look("connections")) === 1, "they fight for the hero");
  claim((await second.look("screen")) === "world", "the second is out");
});

await browser.close();
process.exitCode = failed === 0 ? 0 : 1;
