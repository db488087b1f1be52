//! Words in the player's language.

import { en } from "./en";
import { ZH_NAMES, zh } from "./zh";
import { ZH_SENTENCES } from "./zh-sentences";

export type Key = keyof typeof en;
export type Language = "en" | "zh";

export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", zh: "中文" };

export type Args = Readonly<Record<string, string | number>>;

let language: Language = "en";

export function setLanguage(wanted: Language): void {
  language = wanted;
  if (typeof document !== "undefined") document.documentElement.lang = wanted;
}

/** The text of a key; `{name}` is replaced by what is given for it. */
export function t(key: Key, args?: Args): string {
  const text: string = language === "zh" ? zh[key] : en[key];
  return args === undefined ? text : text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(args[name] ?? whole));
}

/** The name of a table's row: its own, or in Chinese the one known here. */
export function rowName(table: string, row: { id: number; name: string; englishName?: string } | undefined, id: number): string {
  if (language === "zh") return ZH_NAMES[table]?.[id] ?? row?.name ?? `#${id}`;
  return row?.englishName ?? row?.name ?? `#${id}`;
}

/** A sentence of a table, which the server sends in its own language, or in Chinese if it is known here. */
export function told(sentence: string): string {
  return language === "zh" ? (ZH_SENTENCES[sentence] ?? sentence) : sentence;
}

/** What the player's browser speaks. */
export function browserLanguage(): Language {
  return typeof navigator !== "undefined" && navigator.language.startsWith("zh") ? "zh" : "en";
}
