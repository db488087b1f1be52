//! A person at the page, in a real browser and against real servers: clicks and types what one would, and looks through
//! `window.__game` where waiting for a picture would be guessing. It knows no rules. Also counts what no player should see: errors of
//! the page, violations of its policy, connections that broke.

import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const DESKTOP = { width: 1280, height: 720 };

export function openBrowser() {
  return chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: FLAGS });
}

/** A name that nobody else has, short enough for a hero. */
export function fresh(stem) {
  return `${stem}${Math.random().toString(36).slice(2, 7)}`;
}

export class Player {
  /** What the page complained of. */
  errors = [];
  /** Connections of the page that were closed, by their addresses. */
  closed = [];
  opened = [];

  /** Opens the page, with `?test=1` and what `query` adds. */
  static async come(browser, base, { query = "", size = DESKTOP, locale = "en-US", dense = 1 } = {}) {
    const player = new Player();
    player.context = await browser.newContext({ viewport: size, deviceScaleFactor: dense, locale });
    const page = (player.page = await player.context.newPage());
    page.setDefaultTimeout(30_000);
    page.on("pageerror", (error) => player.errors.push(String(error.stack ?? error)));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") player.errors.push(message.text());
    });
    page.on("websocket", (socket) => {
      player.opened.push(socket.url());
      socket.on("close", () => player.closed.push(socket.url()));
    });
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
        console.error(`against the policy: ${violatedDirective} ${blockedURI} ${sample}`));
      // Screens that nobody should see are remembered, however short they were.
      window.__shown = [];
      const watched = new MutationObserver(() => {
        for (const id of ["mask-reconnect", "mask-closed", "loading-failure", "mask-death"])
          if (document.querySelector(`[data-testid=${id}]`) !== null && window.__shown.at(-1) !== id) window.__shown.push(id);
      });
      watched.observe(document, { childList: true, subtree: true });
    });
    await page.goto(`${base}/?test=1${query}`);
    return player;
  }

  at(id) {
    return this.page.getByTestId(id);
  }

  /** Screens that interrupted the play, in the order they came. */
  shown() {
    return this.page.evaluate(() => window.__shown);
  }

  /** Something of `window.__game`. */
  look(what) {
    return this.page.evaluate((name) => window.__game[name], what);
  }

  /** Waits until this holds in the page; `given` is handed to it. */
  until(holds, given, timeout = 30_000) {
    return this.page.waitForFunction(holds, given, { timeout, polling: 100 });
  }

  async register(name, password = "secret") {
    await this.at("login-switch").click();
    await this.at("login-name").fill(name);
    await this.at("login-password").fill(password);
    await this.at("login-again").fill(password);
    await this.at("login-submit").click();
  }

  async login(name, password = "secret") {
    await this.at("login-name").fill(name);
    await this.at("login-password").fill(password);
    await this.at("login-submit").click();
  }

  async makeHero(name, kind = 210) {
    this.name = name;
    await this.at(`hero-${kind}`).click();
    await this.at("hero-name").fill(name);
    await this.at("hero-submit").click();
  }

  async inWorld(timeout = 30_000) {
    try {
      await this.until(() => window.__game.screen === "world" && window.__game.link === "open", undefined, timeout);
    } catch {
      const { screen, link } = await this.page.evaluate(() => ({ screen: window.__game.screen, link: window.__game.link }));
      throw new Error(`${this.name} is not in the world: ${screen}, ${link}; ${await this.page.locator("#ui").innerText()}; ${this.errors.join("; ")}`);
    }
  }

  /** Registers, makes a hero and is in the world. */
  async begin(name, kind = 210) {
    await this.register(name);
    await this.makeHero(name, kind);
    await this.inWorld();
  }

  /** Walks there, however often it has to be said. */
  async walk(x, y, near = 60) {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const { x: hx, y: hy, walk } = await this.look("hero");
      if (Math.hypot(hx - x, hy - y) <= near) return;
      if (walk === undefined) await this.page.evaluate(([a, b]) => window.__game.clickWorld(a, b), [x, y]);
      await this.page.waitForTimeout(250);
    }
    throw new Error(`${this.name} did not come to ${x}, ${y}`);
  }

  /** Everything in sight of this sort, from near to far. */
  async sight(sort) {
    return this.page.evaluate((wanted) => {
      const { hero, entities } = window.__game;
      const far = ({ at }) => Math.hypot(at.x - hero.x, at.y - hero.y);
      return entities.filter((one) => one.sort === wanted && one.diedAt === undefined && one.entityId !== hero.entityId).sort((a, b) => far(a) - far(b));
    }, sort);
  }

  meet(entityId) {
    return this.page.evaluate((id) => window.__game.meet(id), entityId);
  }

  /** Fights the nearest mob until it is dead. The entity it was. */
  async kill() {
    await this.until(() => window.__game.entities.some((one) => one.sort === "mob" && one.diedAt === undefined));
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const [mob] = await this.sight("mob");
      if (mob === undefined) {
        await this.page.waitForTimeout(300);
        continue;
      }
      await this.meet(mob.entityId);
      const fallen = await this.until(
        (id) => {
          const one = window.__game.entities.find(({ entityId }) => entityId === id);
          return one === undefined || one.diedAt !== undefined;
        },
        mob.entityId,
        20_000,
      ).then(() => true, () => false);
      if (fallen) return mob;
    }
    throw new Error(`${this.name} could not kill anything`);
  }

  async say(text, scope) {
    if (scope !== undefined) await this.at("chat-scope").selectOption(scope);
    await this.at("chat-input").fill(text);
    await this.at("chat-send").click();
  }

  hears(text, timeout = 30_000) {
    return this.at("chat-lines").getByText(text).first().waitFor({ timeout });
  }

  picture(path) {
    return this.page.screenshot({ path });
  }

  /** Throws if the page complained of anything. */
  content() {
    if (this.errors.length > 0) throw new Error(`the page of ${this.name} complains: ${this.errors.join("; ")}`);
  }

  close() {
    return this.context.close();
  }
}
