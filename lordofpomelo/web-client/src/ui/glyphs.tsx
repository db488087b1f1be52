//! Signs on buttons, as lines.

const PATHS = {
  bag: "M8 10V7a4 4 0 0 1 8 0v3M5 10h14l1.5 10.5h-17zM9 14a3 3 0 0 0 6 0",
  hero: "M5 13V9a7 7 0 0 1 14 0v4M5 13l1.6 7 3.4-1v-6M19 13l-1.6 7-3.4-1v-6M12 2v11",
  skills: "M12 2.5l2.7 6.2 6.8.6-5.1 4.5 1.5 6.7L12 17l-5.9 3.5 1.5-6.7L2.5 9.3l6.8-.6z",
  quests: "M7 3h11v15a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3v-1h9v1M7 3a2.5 2.5 0 0 0-2.500 2.500V17M10 8h5M10 12h5",
  team: "M8.500 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2 20c0-4 3-6.500 6.500-6.500S15 16 15 20M16 11a3 3 0 1 0-1.500-5.600M17 13.800c3 .4 5 2.700 5 6.200",
  settings: "M12 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM12 2v3.500M12 18.500V22M2 12h3.500M18.500 12H22M5 5l2.400 2.400M16.600 16.600L19 19M19 5l-2.400 2.400M7.400 16.600L5 19",
  help: "M8.500 9a3.500 3.500 0 1 1 5 3.200c-1 .6-1.500 1.300-1.500 2.600M12 18.600v.2",
  sound: "M4 9.500v5h3.500L12 19V5L7.500 9.500zM15.500 8.500a5 5 0 0 1 0 7M18 6a9 9 0 0 1 0 12",
  mute: "M4 9.500v5h3.500L12 19V5L7.500 9.500zM16 9.500l5 5M21 9.500l-5 5",
  close: "M6 6l12 12M18 6L6 18",
  send: "M3 11.500L21 3l-7 18-3-7.500zM11 13.500L21 3",
  crown: "M3 18h18M4 15L3 6l5 4 4-6 4 6 5-4-1 9z",
  chat: "M4 4h16v11H10l-5 4v-4H4z",
} as const;

export type GlyphName = keyof typeof PATHS;

export function Glyph({ name, size = 22 }: { name: GlyphName; size?: number }) {
  return (
    <svg class="glyph" viewBox="0 0 24 24" width={size} height={size} fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
