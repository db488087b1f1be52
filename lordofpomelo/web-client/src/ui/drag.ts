//! What is being dragged between panels.

import type { Place } from "../world/world";

export type Dragged = { readonly from: "bag"; readonly slot: number } | { readonly from: "worn"; readonly place: Place };

let now: Dragged | undefined;

export function setDragged(thing: Dragged | undefined): void {
  now = thing;
}

export function dragged(): Dragged | undefined {
  return now;
}
