//! Every figure by the kind the server sends.

import type { Figure } from "./figure";
import { BLUE_DRAGON, DRAGONFLY, HARPY, LANTERN_WYRM } from "./mobs-flying";
import { BEETLE, COCONUT_BRUTE, CORPSE_FLOWER, HORNED_SCARAB, ROCKLING } from "./mobs-ground";
import { PEOPLE } from "./people";

export const MOBS: Readonly<Record<number, Figure>> = {
  201: DRAGONFLY,
  202: HARPY,
  203: LANTERN_WYRM,
  204: BLUE_DRAGON,
  205: BEETLE,
  206: COCONUT_BRUTE,
  207: ROCKLING,
  208: HORNED_SCARAB,
  209: CORPSE_FLOWER,
};

/** A kind nobody has drawn yet looks like a traveller. */
export function figureOf(kind: number): Figure {
  const figure = MOBS[kind] ?? PEOPLE[kind] ?? PEOPLE[304];
  if (figure === undefined) throw new Error("no figure for a traveller");
  return figure;
}
