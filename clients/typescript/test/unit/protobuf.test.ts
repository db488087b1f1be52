//! Pomelo's protobuf: against npm's `pomelo-protobuf` in both directions, on generated descriptions and messages, and what
//! the original does not say: errors.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { BodyError } from "../../src/errors.js";
import { Protos } from "../../src/protocol/protobuf.js";
import { type Dice, type Shape, dice, message, pruned, shape } from "../generated.js";
import { protos } from "../wire.js";

/** The original. */
interface Original {
  parse(source: unknown): Record<string, unknown>;
  init(options: { encoderProtos: unknown; decoderProtos: unknown }): void;
  encode(route: string, body: unknown): Buffer | null;
  decode(route: string, bytes: Buffer): unknown;
}
const original = createRequire(import.meta.url)("pomelo-protobuf") as Original;

/** Messages of one run. */
const CASES = 3000;

test(`${CASES} generated messages are the bytes of the original, and are read alike`, () => {
  const seed = Number(process.env.POMELO_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const random: Dice = dice(seed);
  for (let n = 0; n < CASES; n++) {
    const source: Record<string, Shape> = { "a.b.c": shape(random, 0), "message Shared": shape(random, 3) };
    const parsed = original.parse(source);
    const body = message(random, source, "a.b.c");
    original.init({ encoderProtos: parsed, decoderProtos: parsed });
    const ours = new Protos(parsed);
    const said = `seed ${seed}, case ${n}: ${JSON.stringify(source)} ${JSON.stringify(body)}`;
    // The original refuses to write an empty message: nothing, then.
    const expected = Object.keys(body).length === 0 ? Buffer.alloc(0) : (original.encode("a.b.c", body) ?? Buffer.alloc(0));
    const written = ours.encode("a.b.c", body);
    assert.equal(Buffer.from(written).toString("hex"), expected.toString("hex"), said);
    const read = ours.decode("a.b.c", expected);
    assert.deepEqual(pruned(read), pruned(original.decode("a.b.c", Buffer.from(written))), said);
  }
});

test("numbers beyond 32 bits, negative ones and text of any plane come back as they were", () => {
  const ours = new Protos(
    original.parse({ r: { "required sInt32 s": 1, "required uInt32 u": 2, "required string t": 3, "required double d": 16 } }),
  );
  for (const s of [0, -1, 1, 2 ** 31, -(2 ** 31), 2 ** 52 - 1, -(2 ** 52) + 1]) {
    const body = { s, u: Math.abs(s), t: "a ü 大 😀 \0", d: -0.1 };
    assert.deepEqual(ours.decode("r", ours.encode("r", body)), body);
  }
});

test("a field that is missing or does not fit is named", () => {
  const { client } = protos();
  const ours = new Protos(client);
  const refuses = (route: string, body: unknown, words: RegExp) =>
    assert.throws(() => ours.encode(route, body), (error) => error instanceof BodyError && words.test(error.message), String(words));
  refuses("chat.chatHandler.send", { content: "hi", from: "me" }, /^chat\.chatHandler\.send\.target is missing$/);
  refuses("chat.chatHandler.send", "hi", /expected an object/);
  refuses("chat.chatHandler.score", { name: 7 }, /score\.name: expected text/);
  refuses("chat.chatHandler.score", { name: "", items: {} }, /score\.items: expected an array/);
  refuses("chat.chatHandler.score", { name: "", items: [{ id: 1 }, { id: -1 }] }, /score\.items\[1\]\.id: -1 is below 0/);
  refuses("chat.chatHandler.score", { name: "", items: [{ id: true }] }, /id: expected a number/);
  refuses("chat.chatHandler.score", { name: "", items: [{ id: 1, n: 2 ** 53 }] }, /53 bits/);
  refuses("no.such.route", {}, /no protobuf description/);
});

test("null is as good as nothing, and fields without a description are left out", () => {
  const ours = new Protos(protos().client);
  const body = { name: "a", weight: null, items: undefined, more: 1 };
  assert.deepEqual(ours.encode("chat.chatHandler.score", body), new Uint8Array([0x0a, 1, 0x61]));
});

test("a repeated field that is not there is an empty array", () => {
  const ours = new Protos(protos().server);
  assert.deepEqual(ours.decode("chat.chatHandler.score", new Uint8Array([8, 1])), { code: 1, tags: [] });
});

test("bytes that are no message are an error, never a hang and never out of bounds", () => {
  const ours = new Protos(original.parse({ r: { "repeated uInt32 n": 1, "optional string s": 2, "optional M m": 3, "message M": { "optional M2 x": 1 } } }));
  for (const bad of [[8], [0x80], [8, 200, 1], [18, 5, 97], [26, 9], [120, 1], [26, 2, 10, 0], [255, 255, 255, 255, 255, 255, 255, 255, 255]]) {
    assert.throws(() => ours.decode("r", new Uint8Array(bad)), BodyError, String(bad));
  }
  const random = dice(1);
  for (let n = 0; n < 20_000; n++) {
    const bytes = Uint8Array.from({ length: random(24) }, () => random(256));
    try {
      ours.decode("r", bytes);
    } catch (error) {
      assert.ok(error instanceof BodyError, String(error));
    }
  }
});

test("a message inside of itself has an end", () => {
  const ours = new Protos(original.parse({ r: { "optional Node n": 1 }, "message Node": { "optional Node n": 1 } }));
  const nested = (depth: number): object => (depth === 0 ? {} : { n: nested(depth - 1) });
  assert.deepEqual(ours.decode("r", ours.encode("r", nested(60))), nested(60));
  assert.throws(() => ours.encode("r", nested(70)), /deeper than 64/);
});

test("a description that is none is refused", () => {
  for (const bad of [null, 7, { r: 7 }, { r: { f: {} } }, { r: { f: { option: "any", type: "string", tag: 1 } } }]) {
    assert.throws(() => new Protos(bad), BodyError);
  }
});
