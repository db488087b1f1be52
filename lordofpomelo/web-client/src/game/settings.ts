//! What the player has set, kept in the browser.

import { type Language, browserLanguage } from "../text/text";

export interface Settings {
  language: Language;
  sound: boolean;
  /** 0 to 1. */
  volume: number;
  plates: boolean;
  numbers: boolean;
  vignette: boolean;
  fps: boolean;
  bigMap: boolean;
}

const KEY = "lordofpomelo.settings";

export function loadSettings(): Settings {
  const defaults: Settings = { language: browserLanguage(), sound: true, volume: 0.5, plates: true, numbers: true, vignette: true, fps: false, bigMap: false };
  try {
    return { ...defaults, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>) };
  } catch {
    return defaults;
  }
}

export function saveSettings(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // A browser that keeps nothing: they last as long as the page.
  }
}
