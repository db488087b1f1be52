//! What a thing that stands on the ground is.

import type { Figure } from "./figure";
import type { Pen } from "./pen";

/** Drawn with the pen at its middle on the ground. */
export interface Prop extends Pick<Figure, "width" | "height" | "foot" | "shade"> {
  readonly draw: (q: Pen, seed: number) => void;
}
