//! The way in: gate, connector, entry; and back in when the connection was lost. Knows nothing of areas.

import { Client, type CloseReason, ConnectError, FailedError, RefusedError, TimeoutError, ask, describe, webStore } from "pomelo-client-ts";
import type { Args, Key } from "../text/text";
import type { Account } from "./accounts";
import type { Messages, PlayerRow } from "./messages";

/** Why somebody is outside, in words. */
export class EnterError extends Error {
  override readonly name = "EnterError";
  constructor(
    readonly key: Key,
    readonly args?: Args,
    /** Only another login helps. */
    readonly loginAgain = false,
  ) {
    super(String(args?.["why"] ?? key));
  }
}

/** A part of the page that is fetched when it is needed. If the web server is away, browsers say so in words for nobody. */
export async function fetched<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch {
    throw new EnterError("login.noServer");
  }
}

/** Where the gate is. */
export interface Gate {
  readonly host: string;
  readonly port: number;
}

const GATE_PORT = 3014;

/** As the web server says in `config.json`; else the page's own host. */
export async function gateOf(page: Location): Promise<Gate> {
  const here = { host: page.hostname, port: GATE_PORT };
  try {
    const response = await fetch("config.json", { signal: AbortSignal.timeout(5_000) });
    if (!response.ok) return here;
    const { gateHost, gatePort } = (await response.json()) as { gateHost?: string; gatePort?: number };
    return { host: gateHost ?? here.host, port: gatePort ?? here.port };
  } catch {
    return here;
  }
}

/** How the connection is, for those who look. */
export type LinkState =
  | { readonly kind: "open" }
  | { readonly kind: "connecting" }
  | { readonly kind: "lost"; readonly attempt: number; readonly retryAt: number }
  | { readonly kind: "closed"; readonly key: Key; readonly args?: Args; readonly loginAgain: boolean };

export class Session {
  readonly client: Client<Messages>;
  /** The account's hero: undefined before the first entry, null if there is none. */
  hero: Pick<PlayerRow, "id" | "areaId"> | null | undefined;
  #refusal: EnterError | undefined;

  constructor(account: Account, gate: Gate, tell: (state: LinkState) => void) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.client = new Client<Messages>({
      url: async () => {
        const { host, port } = await this.#explained(ask<Messages, "gate.gateHandler.queryEntry">({ url: `${scheme}://${gate.host}:${gate.port}` }, "gate.gateHandler.queryEntry", { uid: account.uid }), "fail.noGate");
        // A server that only knows itself as this machine is where the gate is.
        return `${scheme}://${host === "127.0.0.1" ? gate.host : host}:${port}`;
      },
      enter: async (link) => {
        const { player } = await this.#explained(link.request("connector.entryHandler.entry", { token: account.token }), "fail.noServer");
        this.hero = player ?? null;
      },
      reconnect: { when: (reason) => this.#refusal === undefined && comesBack(reason) },
      store: webStore(localStorage),
      storeKey: "lordofpomelo",
      requestTimeoutMs: 8_000,
    });
    this.client.on("state", ({ state, reason, attempt, delayMs }) => {
      if (state === "open") tell({ kind: "open" });
      else if (state === "connecting") tell({ kind: "connecting" });
      else if (state === "reconnecting") tell({ kind: "lost", attempt: attempt ?? 1, retryAt: Date.now() + (delayMs ?? 0) });
      else if (state === "closed" && reason?.kind !== "local") tell({ kind: "closed", ...this.#words(reason) });
    });
  }

  async connect(): Promise<void> {
    this.#refusal = undefined;
    try {
      await this.client.connect();
    } catch (error) {
      throw this.#refusal ?? explain(error);
    }
  }

  /** Remembers a refusal that no further attempt can mend. */
  async #explained<T>(asked: Promise<T>, silent: Key): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      const explained = explain(error, silent);
      if (explained.loginAgain) this.#refusal = explained;
      throw explained;
    }
  }

  #words(reason: CloseReason | undefined): { key: Key; args?: Args; loginAgain: boolean } {
    const refusal = this.#refusal;
    if (refusal !== undefined) return { key: refusal.key, loginAgain: true, ...(refusal.args === undefined ? {} : { args: refusal.args }) };
    if (reason?.kind === "kicked" && ELSEWHERE.has(reason.reason)) return { key: "link.kicked", loginAgain: true };
    if (reason?.kind === "refused") return { key: "fail.refused", loginAgain: false };
    if (reason?.kind === "gaveUp") return { key: "link.gaveUp", loginAgain: false };
    return { key: "link.why", args: { why: reason === undefined ? "?" : describe(reason) }, loginAgain: false };
  }
}

/** What a connector says to whom another login has taken the place of, here and in the original. */
const ELSEWHERE: ReadonlySet<string> = new Set(["signed in elsewhere", "kick"]);

/** And to whose area's server is gone: another connection leads to where the area is then. */
const AREA_GONE = "the server of this area is gone";

function comesBack(reason: CloseReason): boolean {
  if (reason.kind === "kicked") return reason.reconnect || reason.reason === AREA_GONE;
  return reason.kind !== "local" && reason.kind !== "refused";
}

/** What a server answers that has too much to do at the moment. */
const BUSY = 503;
const BUSY_TRIES_MAX = 6;
const BUSY_PAUSE_MS = 800;

/** Asks on the way in, and again for a while if the server is busy. */
export async function patiently<T>(asks: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++)
    try {
      return await asks();
    } catch (error) {
      if (!(error instanceof FailedError) || error.code !== BUSY || tries >= BUSY_TRIES_MAX) throw error;
      await new Promise((done) => setTimeout(done, BUSY_PAUSE_MS * tries));
    }
}

/** What an error of the way in means to a player; `silent` is for whoever does not answer. */
export function explain(error: unknown, silent: Key = "fail.noServer"): EnterError {
  if (error instanceof EnterError) return error;
  if (error instanceof FailedError) {
    if (error.code === 1001) return new EnterError("fail.tokenInvalid", undefined, true);
    if (error.code === 1002) return new EnterError("fail.tokenExpired", undefined, true);
    if (error.code === 1003) return new EnterError("fail.userMissing", undefined, true);
    if (error.code === 2001) return new EnterError("fail.noConnector");
    if (error.code === BUSY) return new EnterError("fail.busy");
  }
  if (error instanceof RefusedError) return new EnterError("fail.refused");
  const why = error instanceof Error ? error.message : String(error);
  if (error instanceof ConnectError || error instanceof TimeoutError) return new EnterError(silent, { why });
  return new EnterError("fail.other", { why });
}
