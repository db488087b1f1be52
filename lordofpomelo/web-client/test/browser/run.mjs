//! The built pages in Debian's Chromium: every screen of the gallery shows what it should at two sizes, and the way from the login into
//! the world and back after a lost connection is gone, against a server within the page. `node test/browser/run.mjs [folder for pictures]`.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { Server } from "./server.mjs";

const DIST = join(import.meta.dirname, "../../dist");
const TABLES = join(import.meta.dirname, "../../../game-server/config/data");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".woff2": "font/woff2", ".woff": "font/woff" };
const pictures = process.argv[2];
if (pictures !== undefined) mkdirSync(pictures, { recursive: true });

/** The accounts, as the web server has them. */
const accounts = new Map([["ann", "secret"]]);
const site = createServer(async (request, response) => {
  const path = new URL(request.url, "http://x").pathname;
  const say = (body) => response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  if (request.method === "POST") {
    let text = "";
    for await (const part of request) text += part;
    const { username, name, password } = JSON.parse(text);
    if (path === "/register") {
      if (accounts.has(name)) return say({ code: 501 });
      accounts.set(name, password);
      return say({ code: 200, token: `token of ${name}`, uid: accounts.size });
    }
    if (!accounts.has(username)) return say({ code: 500 });
    return say(accounts.get(username) === password ? { code: 200, token: `token of ${username}`, uid: 1 } : { code: 501 });
  }
  if (path === "/config.json") return say({ gateHost: "127.0.0.1", gatePort: 3014 });
  const file = join(DIST, path === "/" ? "index.html" : path);
  if (!existsSync(file)) return response.writeHead(404).end();
  response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream").end(readFileSync(file));
});
await new Promise((done) => site.listen(0, "127.0.0.1", done));
const base = `http://127.0.0.1:${site.address().port}`;

const browser = await chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: FLAGS });
let failed = 0;

async function test(name, size, run) {
  const { dense = 1, ...viewport } = size;
  const page = await browser.newPage({ viewport, deviceScaleFactor: dense, locale: "en-US" });
  const errors = [];
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => errors.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  const started = performance.now();
  try {
    await run(page, errors);
    if (errors.length > 0) throw new Error(`the page complains: ${errors.join("; ")}`);
    console.log(`ok   ${name} (${Math.round(performance.now() - started)} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${error.message}`);
    if (pictures !== undefined) await page.screenshot({ path: join(pictures, `failed-${failed}.png`) });
  }
  await page.close();
}

const DESKTOP = { width: 1280, height: 720 };
const PHONE = { width: 390, height: 844 };
const DENSE = { width: 390, height: 844, dense: 2 };

/** What each screen of the gallery shows at least. */
const SCREENS = {
  login: "login-submit", "hero-choice": "hero-submit", loading: "loading-bar", failure: "failure-retry", world: "player-frame", target: "target-frame", npc: "npc-travel", asked: "team-accept",
  death: "mask-death", lost: "mask-reconnect", closed: "mask-closed", bag: "bag-slots", hero: "worn-weapon", skills: "skill-row-2", quests: "quest-71", team: "team-leave", settings: "logout", help: "panel-help",
};

async function gallery(page, show, query = "") {
  await page.goto(`${base}/gallery.html?show=${show}&still=1${query}`);
  await page.waitForSelector("html[data-ready]", { state: "attached" });
  await page.getByTestId(SCREENS[show]).waitFor();
}

for (const [at, size] of [["desktop", DESKTOP], ["phone", PHONE]])
  await test(`every screen of the gallery shows itself, ${at}`, size, async (page) => {
    for (const show of Object.keys(SCREENS)) {
      await gallery(page, show);
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth > innerWidth);
      if (wide) throw new Error(`${show} is wider than the window`);
      const box = await page.getByTestId(SCREENS[show]).first().boundingBox();
      if (box === null || box.width < 8 || box.x < -1 || box.x + box.width > size.width + 1) throw new Error(`${show}: ${SCREENS[show]} is not in the window`);
      if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${at}-${show}.png`) });
    }
  });

await test("every area is drawn", DESKTOP, async (page) => {
  for (const area of ["desert", "oasis", "ice", "arena", "cave"]) {
    await gallery(page, "world", `&area=${area}`);
    await page.waitForTimeout(300);
    if (pictures !== undefined) await page.screenshot({ path: join(pictures, `area-${area}.png`) });
  }
});

await test("panels stand side by side below the frames, and news above the bar: none covers another", DESKTOP, async (page) => {
  await gallery(page, "world");
  for (const key of ["k", "q", "o", "c", "b"]) await page.keyboard.press(key);
  // Panels slide in, and whom they displace goes with the next picture.
  let fault;
  for (const until = Date.now() + 10_000; Date.now() < until; await page.waitForTimeout(50)) {
    await page.keyboard.press("2");
    await page.locator(".toast").first().waitFor();
    const boxes = await page.evaluate(() =>
      [...document.querySelectorAll(".window, .player-frame, .minimap, .toast, .skill-bar")].map((one) => ({ name: one.className, ...one.getBoundingClientRect().toJSON() })));
    fault = boxes.filter(({ name }) => name.includes("window")).length < 2 ? "only one panel is open" : covering(boxes);
    if (fault === undefined) return;
  }
  throw new Error(fault);
});

await test("the hero stands in the middle of a dense small screen, and what is clicked there is what is seen there", DENSE, async (page) => {
  await gallery(page, "world");
  await page.waitForTimeout(300);
  const hero = await page.evaluate(() => window.__game.screenOf(1));
  if (Math.abs(hero.x - 195) > 2 || Math.abs(hero.y - 446) > 30) throw new Error(`it stands at ${hero.x}, ${hero.y}`);
  const mate = await page.evaluate(() => window.__game.screenOf(5002));
  await page.mouse.click(mate.x, mate.y - 30);
  await page.getByTestId("target-name").getByText("Sela").waitFor();
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, "dense.png") });
});

await test("the style guide draws everything", DESKTOP, async (page) => {
  await page.goto(`${base}/gallery.html`);
  await page.getByTestId("guide").waitFor();
  await page.locator(".icons .slot").nth(130).waitFor();
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, "guide.png"), fullPage: true });
});

await test("a wrong password is said at its field, an unknown name at its own", DESKTOP, async (page) => {
  await page.goto(base);
  await page.getByTestId("login-submit").click();
  await page.getByText("Please say who you are.").waitFor();
  await page.getByTestId("login-name").fill("ann");
  await page.getByTestId("login-password").fill("wrong");
  await page.getByTestId("login-submit").click();
  await page.getByTestId("login-password-error").getByText("do not go together").waitFor();
  await page.getByTestId("login-name").fill("nobody");
  await page.getByTestId("login-submit").click();
  await page.getByTestId("login-name-error").getByText("Nobody of this name").waitFor();
});

await test("no gate is explained, and can be tried again", DESKTOP, async (page, errors) => {
  await page.goto(base);
  await page.getByTestId("login-name").fill("ann");
  await page.getByTestId("login-password").fill("secret");
  await page.getByTestId("login-submit").click();
  await page.getByText("The gate does not answer").waitFor();
  await page.getByTestId("failure-retry").waitFor();
  // The browser itself complains of the connection.
  errors.length = 0;
});

/** Two of these boxes that overlap, in words. */
function covering(boxes) {
  for (const [i, a] of boxes.entries())
    for (const b of boxes.slice(i + 1))
      if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) return `${a.name} covers ${b.name}`;
  return undefined;
}

/** A table of the game as the server sends it. */
function table(name) {
  const [, columns, ...rows] = JSON.parse(readFileSync(join(TABLES, `${name}.json`), "utf8"));
  return Object.fromEntries(rows.map((row) => [row[0], Object.fromEntries(columns.map((column, i) => [column, row[i]]))]));
}

function answers() {
  const data = Object.fromEntries(["fightskill", "equipment", "item", "character", "npc"].map((name) => [name, table(name)]));
  const hero = { id: 7, entityId: 1, name: "Mira", kindId: 210, x: 600, y: 300, level: 1, walkSpeed: 240, hp: 220, maxHp: 220, mp: 20, maxMp: 20, experience: 0, nextLevelExp: 58, attackValue: 23, defenceValue: 9, attackSpeed: 1.2, areaId: 1, hitRate: 90, dodgeRate: 13, skillPoint: 1, type: "player", bag: { itemCount: 20, items: [{ key: 1, id: 1, type: "item" }, { key: 2, id: 13, type: "equipment" }] }, equipments: { weapon: 0, armor: 0, helmet: 0, necklace: 0, ring: 0, belt: 0, shoes: 0, legguard: 0, amulet: 0 }, fightSkills: [{ id: 1, level: 1 }] };
  return {
    "gate.gateHandler.queryEntry": { code: 200, host: "127.0.0.1", port: 3010 },
    "connector.entryHandler.entry": { code: 200, player: null },
    "connector.roleHandler.createPlayer": ({ name }) => (name === "Taken" ? { code: 500 } : { code: 200, user: { id: 1 }, player: { id: 7, areaId: 1 } }),
    "area.resourceHandler.loadAreaResource": { players: ["210"], mobs: ["202"], npcs: ["301"], items: [], equipments: [], mapName: "desert" },
    "area.resourceHandler.loadResource": { data, version: { item: 1 } },
    "area.playerHandler.enterScene": { curPlayer: hero, entities: { mob: [{ entityId: 20, kindId: 202, x: 700, y: 330, level: 1, walkSpeed: 160, hp: 60, maxHp: 60 }], npc: [{ entityId: 30, kindId: 301, x: 500, y: 300 }] }, map: { name: "desert", width: 4200, height: 2800, tileW: 20, tileH: 20, weightMap: [] } },
    "area.playerHandler.useItem": { code: 200, status: true },
    "area.equipHandler.equip": { status: true, bagIndex: -1 },
    "area.fightHandler.attack": {},
    "chat.chatHandler.send": ({ scope }) => (scope === "279106" ? { code: 3004 } : { code: 200 }),
  };
}

await test("register, make a hero, walk, fight, wear, talk, and come back after the connection broke", DESKTOP, async (page) => {
  const game = answers();
  const server = new Server(game);
  await server.serve(page);
  await page.goto(`${base}/?test=1`);
  const me = (script) => page.evaluate(script);
  await page.getByTestId("login-switch").click();
  await page.getByTestId("login-name").fill(`new-${Date.now()}`);
  await page.getByTestId("login-password").fill("secret");
  await page.getByTestId("login-again").fill("secret");
  await page.getByTestId("login-submit").click();
  await page.getByTestId("hero-211").click();
  await page.getByTestId("hero-name").fill("Taken");
  await page.getByTestId("hero-submit").click();
  await page.getByTestId("hero-error").getByText("taken").waitFor();
  await page.getByTestId("hero-name").fill("Mira");
  await page.getByTestId("hero-submit").click();
  await page.getByTestId("player-frame").waitFor();
  await page.waitForFunction(() => window.__game.screen === "world");
  if (server.count("area.playerHandler.changeView") === 0) throw new Error("the view was not told");

  await me("window.__game.clickWorld(640, 420)");
  await page.waitForFunction(() => window.__game.hero.y > 415);
  const move = server.asked.find(({ route }) => route.endsWith(".move"));
  if (JSON.stringify(move.body.path) !== '[{"x":600,"y":300},{"x":640,"y":420}]') throw new Error(`walked ${JSON.stringify(move.body)}`);

  await page.keyboard.down("ArrowRight");
  await page.waitForFunction(() => window.__game.hero.x > 700);
  await page.keyboard.up("ArrowRight");

  await me("window.__game.meet(20)");
  await page.getByTestId("target-name").getByText("Harpy").waitFor();
  server.push("onAttack", { attacker: 1, target: 20, result: { result: 2, damage: 60, items: [{ entityId: 50, kindId: 2, x: 690, y: 340, playerId: 7, type: "item" }] }, skillId: 1, exp: 10 });
  await page.waitForFunction(() => window.__game.me.experience === 10 && window.__game.entities.some((one) => one.entityId === 50));
  await page.getByTestId("target-frame").waitFor({ state: "detached" });

  await page.keyboard.press("b");
  await page.keyboard.press("c");
  await page.getByTestId("bag-2").dragTo(page.getByTestId("worn-armor"));
  await page.getByTestId("total-defence").getByText("30").waitFor();
  await page.getByTestId("bag-1").dblclick();
  await page.getByTestId("bag-1").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");

  await page.getByTestId("chat-input").fill("hello <b>there</b>");
  await page.getByTestId("chat-send").click();
  server.push("onChat", { playerId: 8, uid: 8, from: "Bran", scope: "D41313", kind: 0, content: "&lt;img src=x onerror=alert(1)&gt;" });
  await page.getByTestId("chat-lines").getByText("<img src=x onerror=alert(1)>").waitFor();
  if ((await page.locator("[data-testid=chat-lines] img").count()) > 0) throw new Error("markup came alive");

  game["connector.entryHandler.entry"] = { code: 200, player: { id: 7, areaId: 1 } };
  await me(`new MutationObserver(() => { window.__left ||= document.querySelector("[data-testid=screen-world]") === null; }).observe(document, { childList: true, subtree: true })`);
  await server.drop();
  await page.getByTestId("mask-reconnect").waitFor();
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, "flow-lost.png") });
  await page.getByTestId("mask-reconnect").waitFor({ state: "detached" });
  await page.waitForFunction(() => window.__game.screen === "world");
  // In place: the world was seen all the while.
  if (await me("window.__left")) throw new Error("the world was left");
  if (server.count("area.playerHandler.enterScene") !== 2) throw new Error("the area was not entered again");
  server.push("onAddEntities", { player: [{ entityId: 60, id: 9, kindId: 211, name: "Iko", x: 640, y: 300, level: 3, walkSpeed: 240, hp: 9, maxHp: 9, mp: 9, maxMp: 9 }] });
  await page.waitForFunction(() => window.__game.entities.some((one) => one.name === "Iko"));
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, "flow-world.png") });

  // After a reload one is in again, and after leaving not.
  await page.reload();
  await page.waitForFunction(() => window.__game.screen === "world");
  await page.setViewportSize(PHONE);
  await page.waitForFunction(() => Math.abs(window.__game.screenOf(1).x - 195) < 3);
  await page.getByTestId("menu-settings").click();
  await page.getByTestId("logout").click();
  await page.reload();
  await page.getByTestId("screen-login").waitFor();
});

await test("an old login is sent back to the login, not into the loop of attempts", DESKTOP, async (page) => {
  const server = new Server({ ...answers(), "connector.entryHandler.entry": { code: 1002 } });
  await server.serve(page);
  await page.goto(base);
  await page.getByTestId("login-name").fill("ann");
  await page.getByTestId("login-password").fill("secret");
  await page.getByTestId("login-submit").click();
  await page.getByText("Your login is too old").waitFor();
  await page.getByTestId("failure-back").click();
  await page.getByTestId("screen-login").waitFor();
});

await browser.close();
site.close();
process.exitCode = failed === 0 ? 0 : 1;
