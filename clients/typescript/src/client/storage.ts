//! Where dictionary and protobuf description are kept between connections, so that a server need not send them again.

import type { Known } from "../protocol/handshake.js";

/** Keeps texts under names. What it loses is sent again by the server. */
export interface Store {
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  set(key: string, text: string): unknown;
}

/** Keeps them as long as the object lives. */
export function memoryStore(): Store {
  const texts = new Map<string, string>();
  return { get: (key) => texts.get(key), set: (key, text) => texts.set(key, text) };
}

/** Keeps them in a browser's `localStorage` or `sessionStorage`. */
export function webStore(storage: Pick<Storage, "getItem" | "setItem">): Store {
  return { get: (key) => storage.getItem(key), set: (key, text) => storage.setItem(key, text) };
}

/** What is known; nothing if the store fails or holds something else. */
export async function load(store: Store, key: string): Promise<Known> {
  try {
    const known: unknown = JSON.parse((await store.get(key)) ?? "{}");
    return isKnown(known) ? known : {};
  } catch {
    return {};
  }
}

/** Keeps what is known. A store that is full or forbidden costs a few bytes in the next handshake, no more. */
export async function save(store: Store, key: string, known: Known): Promise<void> {
  try {
    await store.set(key, JSON.stringify(known));
  } catch {
    // As said.
  }
}

function isKnown(value: unknown): value is Known {
  if (typeof value !== "object" || value === null) return false;
  const { dict, protos } = value as Known;
  const codes = dict === undefined || Object.values(dict).every((code) => typeof code === "number");
  return codes && (protos === undefined || (typeof protos === "object" && protos !== null));
}
