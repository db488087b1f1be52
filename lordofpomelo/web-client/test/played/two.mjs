//! Two people at two pages who fight and talk while somebody else does things to the servers:
//! `node test/played/two.mjs ADDRESS FOLDER`. Prints `playing PORT PORT`, the connectors they are on, once they see each other, have
//! talked and both fight. Then it does what is said on stdin, one thing a line, and prints `done` and the line:
//!
//! - `go on`: both have fought on since the last line, each hears the other, and neither has noticed anything;
//! - `next leader`: the corners of both pages show a higher epoch than before;
//! - `back PORT`: who was connected to this port had the reconnect screen and is back in place, the other did not notice;
//! - `back`: the same of both;
//! - `stop`: leaves pictures of both in FOLDER and ends.
//!
//! Whatever does not hold ends it with words and another code than 0.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Player, fresh, openBrowser } from "./player.mjs";

/** How long a claim may take to come true. Longer than anything takes that works. */
const PATIENCE_MS = 50_000;

const [base, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

function claim(holds, words) {
  if (!holds) throw new Error(words);
}

/** One of the two, who fights without end and rises again where it fell. */
class Fighter {
  /** Connections that the page had to open, and sockets that may have been closed: each way in closes that of the gate. */
  entered = 1;
  words = 0;

  constructor(player, stem) {
    this.player = player;
    this.stem = stem;
  }

  async begin(kind) {
    const { player } = this;
    await player.begin(fresh(this.stem), kind);
    this.gained = await this.experience();
    this.epoch = 0;
  }

  /** Strikes whatever is near, for ever; whoever has no connection or lies waits. */
  async fight() {
    const { player } = this;
    await player.walk(430, 640, 120);
    for (;;) {
      const able = await player.page.evaluate(() => window.__game.screen === "world" && window.__game.link === "open" && window.__game.me?.reviveAt === undefined);
      const [mob] = able ? await player.sight("mob") : [];
      if (mob !== undefined) await player.meet(mob.entityId);
      else if (able) await player.page.evaluate(() => window.__game.clickWorld(430, 680));
      await player.page.waitForTimeout(500);
    }
  }

  experience() {
    return this.player.page.evaluate(() => `${window.__game.hero?.level} ${window.__game.me?.experience}`);
  }

  port() {
    return Number(new URL(this.player.opened.at(-1)).port);
  }

  /** It has won experience since it was asked last. */
  async fought() {
    await this.player.until((before) => window.__game.hero !== undefined && `${window.__game.hero.level} ${window.__game.me.experience}` !== before, this.gained, PATIENCE_MS);
    this.gained = await this.experience();
  }

  async hears(other) {
    const words = `word ${++this.words} of ${other.stem}`;
    await other.player.say(words);
    await this.player.hears(words, PATIENCE_MS);
  }

  /** It has not noticed anything but what happens in the game. */
  async unaware() {
    const { player, entered } = this;
    player.content();
    const { link, connections } = await player.page.evaluate(() => ({ link: window.__game.link, connections: window.__game.connections }));
    const { opened, closed } = player;
    claim(link === "open" && connections === entered, `${this.stem} is ${link} by connection ${connections}, not ${entered}`);
    claim(opened.length === 2 * entered && closed.length < opened.length, `${this.stem} opened ${opened} and lost ${closed}`);
    const seen = (await player.shown()).filter((screen) => screen !== "mask-death");
    claim(seen.length === 0, `${this.stem} saw ${seen}`);
  }

  /** It lost its connection, was told so, and plays on where it was. */
  async back() {
    const { player } = this;
    const opened = this.entered + 1;
    await player.until((n) => window.__game.connections >= n, opened, PATIENCE_MS);
    await player.inWorld(PATIENCE_MS);
    const shown = await player.shown();
    claim(shown.includes("mask-reconnect"), `${this.stem} was not told: ${shown}`);
    claim(!shown.includes("mask-closed") && !shown.includes("loading-failure"), `${this.stem} saw ${shown}`);
    claim((await player.look("mapName")) === "desert", `${this.stem} is elsewhere`);
    await player.page.evaluate(() => (window.__shown = []));
    // What was tried meanwhile counts as one way in.
    this.entered = await player.look("connections");
    player.opened = player.opened.slice(-2);
    player.opened.unshift(...Array(2 * (this.entered - 1)).fill("before"));
    player.closed = [];
    // The browser itself complains of what it could not reach.
    player.errors = [];
    this.gained = await this.experience();
  }

  async nextLeader() {
    const shown = await this.player.until(
      (before) => {
        const epoch = Number(document.querySelector("[data-testid=cluster-epoch]")?.textContent ?? 0);
        return epoch > before && epoch;
      },
      this.epoch,
      PATIENCE_MS,
    );
    this.epoch = await shown.jsonValue();
  }
}

async function each(does) {
  await Promise.all(both.map(does));
}

async function goOn() {
  await each((one) => one.unaware());
  await each((one) => one.fought());
  await ann.hears(bert);
  await bert.hears(ann);
  await each((one) => one.unaware());
}

async function obey(line) {
  if (line === "go on") return goOn();
  if (line === "next leader") return each((one) => one.nextLeader());
  const back = /^back ?(\d*)$/.exec(line);
  claim(back !== null, `what is "${line}"?`);
  const lost = both.filter((one) => back[1] === "" || one.portBefore === Number(back[1]));
  claim(lost.length > 0, `nobody was on ${back[1]}`);
  await each((one) => (lost.includes(one) ? one.back() : one.unaware()));
  for (const one of both) one.portBefore = one.port();
}

async function pictures(stem) {
  for (const { player, stem: name } of both) await player.picture(join(folder, `${stem}-${name.toLowerCase()}.png`)).catch(() => undefined);
}

async function fail(error) {
  console.error(String(error.stack ?? error));
  await pictures("failed");
  process.exit(1);
}

const browser = await openBrowser();
const query = "&cluster=1";
const ann = new Fighter(await Player.come(browser, base, { query }), "Ann");
const bert = new Fighter(await Player.come(browser, base, { query }), "Bert");
const both = [ann, bert];
try {
  await ann.begin(210);
  await bert.begin(211);
  for (const [one, other] of [both, both.toReversed()])
    await one.player.until((name) => window.__game.entities.some((entity) => entity.name === name), other.player.name);
  for (const one of both) one.fight().catch(fail);
  await each((one) => one.nextLeader());
  await goOn();
  for (const one of both) one.portBefore = one.port();
  console.log(`playing ${ann.portBefore} ${bert.portBefore}`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "stop") break;
    await obey(line);
    console.log(`done ${line}`);
  }
  await pictures("two");
  // Both fight still, and stdin may be open.
  process.exit(0);
} catch (error) {
  await fail(error);
}
