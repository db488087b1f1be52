//! Accounts: logging in and registering over HTTP. Says in words what went wrong, and at which field.

import type { Key } from "../text/text";

/** Who is logged in. */
export interface Account {
  readonly uid: number;
  readonly token: string;
  readonly name: string;
}

export type Field = "name" | "password" | "again";

/** Why it did not work. */
export class AccountError extends Error {
  override readonly name = "AccountError";
  constructor(
    readonly key: Key,
    readonly field?: Field,
  ) {
    super(key);
  }
}

const LONGEST_WAIT_MS = 10_000;

export async function login(name: string, password: string): Promise<Account> {
  const { code, ...rest } = await post("login", { username: name, password });
  if (code === 501) throw new AccountError("login.wrong", "password");
  if (code !== 200) throw new AccountError("login.unknown", "name");
  return account(name, rest);
}

export async function register(name: string, password: string): Promise<Account> {
  const { code, ...rest } = await post("register", { name, password });
  if (code === 501) throw new AccountError("login.taken", "name");
  if (code !== 200) throw new AccountError("login.registerFailed", "name");
  return account(name, rest);
}

const KEPT = "lordofpomelo.account";

/** Remembers who is logged in for as long as the tab is there, so that a reload leads back into the world. */
export function keepAccount(one: Account | undefined): void {
  try {
    if (one === undefined) sessionStorage.removeItem(KEPT);
    else sessionStorage.setItem(KEPT, JSON.stringify(one));
  } catch {
    // A browser that keeps nothing: one logs in again.
  }
}

export function keptAccount(): Account | undefined {
  try {
    const { name, token, uid } = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") as Partial<Account>;
    return name === undefined || token === undefined || uid === undefined ? undefined : { name, token, uid };
  } catch {
    return undefined;
  }
}

/** What can be said without asking. */
export function checked(name: string, password: string, again?: string): AccountError | undefined {
  if (name.trim() === "") return new AccountError("login.nameMissing", "name");
  if ([...name].length > 50) return new AccountError("login.nameLong", "name");
  if (password === "") return new AccountError("login.passwordMissing", "password");
  if ([...password].length > 128) return new AccountError("login.passwordLong", "password");
  if (again !== undefined && again !== password) return new AccountError("login.passwordDiffers", "again");
  return undefined;
}

interface Answer {
  code: number;
  token?: unknown;
  uid?: unknown;
}

async function post(path: string, body: object): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(LONGEST_WAIT_MS),
    });
  } catch {
    throw new AccountError("login.noServer");
  }
  if (response.status === 429) throw new AccountError("login.tooMany");
  try {
    return (await response.json()) as Answer;
  } catch {
    throw new AccountError("login.noServer");
  }
}

function account(name: string, { token, uid }: Omit<Answer, "code">): Account {
  if (typeof token !== "string" || typeof uid !== "number") throw new AccountError("login.noServer");
  return { name, token, uid };
}
