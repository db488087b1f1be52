//! Generated protobuf descriptions and messages that fit them, from a seed.

/** A whole number from 0 to below `sides`. */
export type Dice = (sides: number) => number;

/** A description as a game writes it: `{"required string name": 1}`. */
export interface Shape {
  [field: string]: number | Shape;
}

const SCALARS = ["uInt32", "sInt32", "int32", "float", "double", "string"] as const;
const OPTIONS = ["required", "optional", "repeated"] as const;
const LETTERS = ["a", "ü", "大", " ", "\n", '"', "0", "😀"];

/** Throws the same for the same seed (mulberry32). */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * sides);
  };
}

/** A description; messages inside of messages down to a depth of 3. */
export function shape(random: Dice, depth: number): Shape {
  const made: Shape = {};
  const inner = depth < 2 ? ["Inner", "Other"].slice(0, random(3)) : [];
  for (const name of inner) made[`message ${name}`] = shape(random, depth + 1);
  const types = [...SCALARS, ...inner, ...(depth < 3 ? ["Shared"] : [])];
  for (let tag = 1, n = 1 + random(6); n > 0; n--, tag += 1 + random(20)) {
    made[`${pick(random, OPTIONS)} ${pick(random, types)} f${tag}`] = tag;
  }
  return made;
}

/** A message that fits `root[name]`. */
export function message(random: Dice, root: Record<string, Shape>, name: string): Record<string, unknown> {
  return fill(random, root, root[name] ?? {});
}

function fill(random: Dice, root: Record<string, Shape>, described: Shape): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  const keys = Object.keys(described).filter((key) => !key.startsWith("message "));
  // The order of a message's fields is the order on the wire.
  for (const key of shuffled(random, keys)) {
    const [option, type = "", field = ""] = key.split(" ");
    if (option === "optional" && random(3) === 0) continue;
    const one = () => value(random, root, described, type);
    body[field] = option === "repeated" ? Array.from({ length: random(4) }, one) : one();
  }
  return body;
}

function value(random: Dice, root: Record<string, Shape>, described: Shape, type: string): unknown {
  switch (type) {
    case "uInt32":
      return integer(random);
    case "sInt32":
    case "int32":
      return random(2) === 0 ? integer(random) : -integer(random);
    case "float":
      return Math.fround((random(2000) - 1000) / 7);
    case "double":
      return (random(2_000_000) - 1_000_000) / 7;
    case "string":
      return Array.from({ length: random(12) }, () => pick(random, LETTERS)).join("");
    default:
      return fill(random, root, (described[`message ${type}`] ?? root[`message ${type}`] ?? {}) as Shape);
  }
}

/** Of any number of bits up to 32, as likely as any other. */
function integer(random: Dice): number {
  return random(2 ** random(33));
}

/** Without empty arrays, which the original leaves out when it reads. */
export function pruned(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(pruned);
  if (typeof body !== "object" || body === null) return body;
  const kept = Object.entries(body).filter(([, inner]) => !(Array.isArray(inner) && inner.length === 0));
  return Object.fromEntries(kept.map(([name, inner]) => [name, pruned(inner)]));
}

function pick<T>(random: Dice, from: readonly T[]): T {
  return from[random(from.length)] as T;
}

function shuffled<T>(random: Dice, from: readonly T[]): T[] {
  const all = [...from];
  for (let i = all.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}
