//! The game as one page plays it: who is logged in, which screen is shown, how an area is entered. What the hero does is in
//! `deeds.ts`; what is known of the world in `World`.

import { TimeoutError } from "pomelo-client-ts";
import { type Account, keepAccount, keptAccount, login, register } from "../protocol/accounts";
import type { Messages } from "../protocol/messages";
import { EnterError, type LinkState, Session, explain, fetched, gateOf, patiently } from "../protocol/session";
import { type Args, type Key, setLanguage, t, told } from "../text/text";
import { bestRenderer } from "../view/renderer";
import type { Stage } from "../view/stage";
import type { Entity } from "../world/entity";
import { say } from "../world/apply";
import { type Happening, World } from "../world/world";
import { areaOf, sceneOf } from "./areas";
import { Deeds } from "./deeds";
import { type Settings, loadSettings, saveSettings } from "./settings";
import { Sounds } from "./sounds";
import { Tables } from "./tables";

export type Screen = "login" | "hero" | "loading" | "world";
export type Panel = "bag" | "hero" | "skills" | "quests" | "team" | "settings" | "help";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "news" | "no" | "good";
  readonly until: number;
}

/** More would cover the screen. */
const TOASTS_MAX = 4;
const TOAST_MS = 3_200;

/** Windows narrower than this show one panel at a time. */
const ONE_PANEL_PX = 760;

/** How often panels of a hidden page are drawn. */
const HIDDEN_MS = 500;

/** How often the server's time is asked for. */
const TIME_SYNC_MS = 60_000;

/** Pushes the game has an ear for: all of them. */
const PUSHES: readonly (keyof Messages["pushes"])[] = [
  "onAddEntities", "onRemoveEntities", "onMove", "onPathCheckout", "onAttack", "onUpgrade", "onRevive", "onPickItem", "onDropItems", "onNPCTalk",
  "onUpdateTaskData", "onTaskCompleted", "onUserLeave", "onChat", "onUpdateTeam", "onTeammateLeaveTeam", "onDisbandTeam", "onTeamCaptainStatusChange",
  "onTeamMemberStatusChange", "onInviteJoinTeam", "onInviteJoinTeamReply", "onApplyJoinTeam", "onApplyJoinTeamReply", "onDragMember2gameCopy", "onHpMp",
];

export class Game {
  readonly world = new World();
  readonly tables = new Tables();
  readonly sounds = new Sounds();
  readonly settings: Settings = loadSettings();
  readonly deeds: Deeds;
  screen: Screen = "login";
  link: LinkState = { kind: "closed", key: "link.closed", loginAgain: false };
  /** How often a connection was opened since the page was loaded. */
  connections = 0;
  pingMs: number | undefined;
  loading: { readonly key: Key; readonly part: number } = { key: "enter.gate", part: 0 };
  /** The connection was lost and is there again; the way back into the area is not done. The world is seen all the while. */
  comingBack = false;
  /** Why the way in ended. */
  failure: EnterError | undefined;
  panels = new Set<Panel>();
  toasts: Toast[] = [];
  /** The area's name, large, for a moment. */
  banner: { readonly text: string; readonly until: number } | undefined;
  hovered: Entity | undefined;
  session: Session | undefined;
  stage: Stage | undefined;
  account: Account | undefined;
  readonly #listeners = new Set<() => void>();
  #queued = false;
  #toastId = 0;
  #timeSync: ReturnType<typeof setInterval> | undefined;
  /** Grows with each entering, so that an older one that comes late is not taken. */
  #entering = 0;

  constructor(
    readonly host: HTMLElement | undefined,
    readonly query: URLSearchParams,
  ) {
    setLanguage(this.settings.language);
    if (query.get("still") === "1") document.documentElement.classList.add("still");
    this.sounds.on = this.settings.sound;
    this.sounds.volume = this.settings.volume;
    this.deeds = new Deeds(this);
    this.world.skillRow = (id) => this.tables.skill(id);
    this.world.onChange(() => this.changed());
  }

  /** Panels listen here. Told at most once per picture. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    if (this.#queued) return;
    this.#queued = true;
    const tell = () => {
      this.#queued = false;
      this.#readNotices();
      for (const listener of this.#listeners) listener();
    };
    // A hidden page has no pictures; its talk goes on.
    if (document.hidden) setTimeout(tell, HIDDEN_MS);
    else requestAnimationFrame(tell);
  }

  set(change: Partial<Settings>): void {
    Object.assign(this.settings, change);
    saveSettings(this.settings);
    setLanguage(this.settings.language);
    this.sounds.on = this.settings.sound;
    this.sounds.volume = this.settings.volume;
    if (this.stage !== undefined) this.stage.options.looks.plates = this.settings.plates;
    this.changed();
  }

  toggle(panel: Panel): void {
    // A small screen has room for one.
    if (!this.panels.delete(panel)) this.panels = new Set(window.innerWidth > ONE_PANEL_PX ? [...this.panels, panel] : [panel]);
    this.sounds.play("open");
    this.changed();
  }

  toast(key: Key, args?: Args, kind: Toast["kind"] = "news"): void {
    const text = t(key, args);
    const until = performance.now() + TOAST_MS;
    this.toasts = [...this.toasts.filter((toast) => toast.text !== text), { id: ++this.#toastId, text, kind, until }].slice(-TOASTS_MAX);
    if (kind === "no") this.sounds.play("no");
    setTimeout(() => {
      this.toasts = this.toasts.filter((toast) => toast.until > performance.now());
      this.changed();
    }, TOAST_MS + 50);
    this.changed();
  }

  #readNotices(): void {
    for (const { key, args } of this.world.notices.splice(0)) {
      say(this.world, { scope: "system", from: "", playerId: 0, content: t(key, args) });
      this.toast(key, args);
    }
  }

  /** Logs in, or registers first, and goes in. Throws an `AccountError` for what the page shows at a field. */
  async come(name: string, password: string, fresh: boolean): Promise<void> {
    this.account = await (fresh ? register(name, password) : login(name, password));
    keepAccount(this.account);
    await this.begin();
  }

  /** After a reload: in again, if this tab was in. */
  async resume(): Promise<void> {
    this.account = keptAccount();
    if (this.account !== undefined) await this.begin();
  }

  /** From the account into the world. Failures are shown on the loading screen. */
  async begin(): Promise<void> {
    const { account } = this;
    if (account === undefined) return this.leave();
    this.failure = undefined;
    this.#show("enter.gate", 0.02);
    try {
      const gate = await gateOf(location);
      this.session?.client.close();
      const session = new Session(account, gate, (state) => this.#linked(session, state));
      this.session = session;
      this.#hear(session);
      this.#show("enter.connect", 0.08);
      await session.connect();
      if (session.hero === null || session.hero === undefined) {
        this.screen = "hero";
        this.changed();
        return;
      }
      await this.enterArea();
    } catch (error) {
      this.#fail(explain(error));
    }
  }

  /** Makes the hero and goes in. False if the server refuses the name. */
  async createHero(name: string, roleId: number): Promise<boolean> {
    const { session } = this;
    if (session === undefined) return false;
    try {
      const { player } = await session.client.request("connector.roleHandler.createPlayer", { name, roleId });
      session.hero = player;
    } catch (error) {
      if (error instanceof TimeoutError) this.toast("act.slow", undefined, "no");
      return false;
    }
    await this.enterArea();
    return true;
  }

  /** Loads what the area needs and steps in; also after travel. `back`: after the connection came back, in place. */
  async enterArea(back = false): Promise<void> {
    const { session } = this;
    if (session === undefined) return;
    const turn = ++this.#entering;
    const { client } = session;
    this.failure = undefined;
    this.comingBack = back;
    const show = (key: Key, part: number) => {
      if (!back) this.#show(key, part);
    };
    show("enter.area", 0.12);
    try {
      const resource = await patiently(() => client.request("area.resourceHandler.loadAreaResource", {}));
      show("enter.tables", 0.2);
      this.tables.take(await patiently(() => client.request("area.resourceHandler.loadResource", { version: this.tables.version })));
      const stage = await this.openStage();
      const kinds = [...new Set([210, 211, ...[...resource.players, ...resource.mobs, ...resource.npcs].map(Number)])];
      if (!back) stage.textures.forget(new Set(kinds));
      await stage.prepare(kinds, (part) => show("enter.art", 0.25 + part * 0.45));
      show("enter.scene", 0.72);
      const entered = await patiently(() => client.request("area.playerHandler.enterScene", {}));
      if (turn !== this.#entering) return;
      if (!entered.curPlayer || !entered.map) throw new EnterError("fail.enter", { why: `code ${entered.code}` });
      const { name, width, height } = entered.map;
      const scene = await fetched(() => sceneOf(name, width, height));
      this.world.enter(entered, performance.now());
      // Within an instance the hero keeps the area he came from; what he asks for is about where he is.
      if (this.world.me !== undefined) this.world.me.areaId = areaOf(name)?.id ?? this.world.me.areaId;
      if (back && stage.scene === scene) stage.clear();
      else {
        back = false;
        await stage.open(scene, (part) => show("enter.scene", 0.74 + part * 0.26));
      }
    } catch (error) {
      if (turn === this.#entering) this.#fail(explain(error));
      return;
    }
    if (turn !== this.#entering) return;
    this.comingBack = false;
    this.screen = "world";
    if (!back) this.#greet();
    this.deeds.view();
    this.#keepTime(session);
    this.changed();
  }

  #greet(): void {
    const area = areaOf(this.world.mapName);
    if (area === undefined) return;
    const text = t(area.key);
    this.banner = { text, until: performance.now() + 3_000 };
    say(this.world, { scope: "system", from: "", playerId: 0, content: t("act.entered", { area: text }) });
    setTimeout(() => this.changed(), 3_050);
  }

  /** The stage is opened once and stays, until the window needs another scale. */
  async openStage(): Promise<Stage> {
    if (this.stage !== undefined) return this.stage;
    if (this.host === undefined) throw new Error("the page has no place for the world");
    const { Stage: Opened } = await fetched(() => import("../view/stage"));
    this.stage = await Opened.open(this.host, this.world, {
      renderer: bestRenderer(this.query.get("renderer")),
      numbers: () => this.settings.numbers,
      looks: {
        plates: this.settings.plates,
        still: this.query.get("still") === "1",
        name: (entity) => (entity.sort === "npc" ? this.tables.nameOf(entity) : `${this.tables.nameOf(entity)} · ${entity.level}`),
        place: (entity) => this.tables.equipment(entity.kindId)?.kind ?? "weapon",
        color: (entity) => this.#plateColor(entity),
      },
      events: {
        click: (at, entity, held) => this.deeds.click(at, entity, held),
        hover: (entity) => {
          if (this.hovered === entity) return;
          this.hovered = entity;
          this.changed();
        },
        happened: (happening) => this.#sound(happening),
        tick: (now) => {
          this.world.sweep(now);
          this.deeds.tick(now);
        },
      },
    });
    return this.stage;
  }

  /** The window has another size. */
  async resized(): Promise<void> {
    const { stage, host } = this;
    if (stage === undefined || host === undefined) return;
    const { scene } = stage;
    if (!stage.fits(host) && scene !== undefined && this.screen === "world") {
      this.stage = undefined;
      stage.destroy();
      await (await this.openStage()).open(scene, () => undefined);
    }
    this.deeds.view();
  }

  #plateColor(entity: Entity): string {
    if (entity.sort === "npc") return "#a8ecff";
    if (entity.sort === "mob") {
      const ahead = entity.level - (this.world.hero?.level ?? entity.level);
      return ahead > 8 ? "#ff8a7a" : ahead > 2 ? "#ffc09a" : ahead < -8 ? "#c9c0ae" : "#ffe0c8";
    }
    if (entity.entityId === this.world.me?.entityId) return "#fff0b0";
    const { hero } = this.world;
    return hero !== undefined && hero.teamId !== 0 && entity.teamId === hero.teamId ? "#8ad8ff" : "#f4f0e0";
  }

  #sound(happening: Happening): void {
    const own = "target" in happening && happening.target === this.world.me?.entityId;
    switch (happening.kind) {
      case "damage":
        return this.sounds.play(own ? "hurt" : happening.heavy ? "skill" : "hit");
      case "kill":
        return this.sounds.play(own ? "die" : "kill");
      case "pick":
        return this.sounds.play("pick");
      case "level":
        if (own) this.toast("act.levelUp", { level: happening.level }, "good");
        return this.sounds.play("level");
      case "revive":
        return own ? this.sounds.play("revive") : undefined;
      case "task":
        this.toast("quest.done", { name: told(happening.name) }, "good");
        return this.sounds.play("quest");
      case "effect":
      case "gain":
    }
  }

  #hear(session: Session): void {
    for (const push of PUSHES)
      session.client.onPush(push, (body) => {
        this.world.apply(push, body, performance.now());
        if (push === "onChat") this.sounds.play("chat");
        this.deeds.heard(push);
      });
    session.client.on("ping", (ms) => {
      this.pingMs = Math.round(ms);
      this.changed();
    });
    session.client.on("reconnected", () => {
      // The server put the hero out with the old connection: step in again, in place.
      if (this.screen !== "hero") void this.enterArea(this.screen === "world");
    });
  }

  #linked(session: Session, state: LinkState): void {
    if (this.session !== session) return;
    this.link = state;
    if (state.kind === "open") {
      this.connections += 1;
      // Seen until the area is entered again.
      this.comingBack = this.screen === "world";
    }
    if (state.kind === "lost") setTimeout(() => this.changed(), 300);
    this.changed();
  }

  #keepTime(session: Session): void {
    clearInterval(this.#timeSync);
    const sync = () => {
      const clientTime = Date.now();
      session.client.request("connector.timeSyncHandler.timeSync", { clientTime }).then(
        () => {
          this.pingMs = Date.now() - clientTime;
          this.changed();
        },
        // The connection says itself how it is.
        () => undefined,
      );
    };
    setTimeout(sync, 1_000);
    this.#timeSync = setInterval(sync, TIME_SYNC_MS);
  }

  /** Back to the login. */
  leave(): void {
    clearInterval(this.#timeSync);
    this.#entering += 1;
    this.session?.client.close();
    this.session = undefined;
    this.account = undefined;
    keepAccount(undefined);
    this.failure = undefined;
    this.comingBack = false;
    this.stage?.close();
    this.world.entities.clear();
    this.world.me = undefined;
    this.panels.clear();
    this.screen = "login";
    this.changed();
  }

  #show(key: Key, part: number): void {
    this.screen = "loading";
    this.loading = { key, part };
    this.changed();
  }

  #fail(error: EnterError): void {
    this.failure = error;
    this.comingBack = false;
    this.screen = "loading";
    this.changed();
  }
}
