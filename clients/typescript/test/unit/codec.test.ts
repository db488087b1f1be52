//! Packages, messages and the handshake: what the original said, byte for byte, and what must be refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ProtocolError, RefusedError } from "../../src/errors.js";
import { fromUtf8, toUtf8 } from "../../src/protocol/bytes.js";
import { type Agreed, type Known, handshakeReply, handshakeRequest } from "../../src/protocol/handshake.js";
import { decodeMessage, encodeMessage } from "../../src/protocol/message.js";
import { PackageDecoder, PackageKind, encodePackage } from "../../src/protocol/package.js";
import { type Unit, conversation, protos } from "../wire.js";

const NOTHING: Known = {};

function agreedIn(units: readonly Unit[]): Agreed {
  const reply = units.find(({ from, packages }) => from === "server" && packages[0]?.kind === PackageKind.Handshake);
  assert.ok(reply?.packages[0]);
  return handshakeReply(reply.packages[0].body, NOTHING);
}

/** What a message of a client says, read by hand: this package only reads what servers send. */
function readOutgoing(bytes: Uint8Array): { id?: number; route: string | number; body: Uint8Array } {
  const flags = bytes[0] ?? 0;
  let at = 1;
  let id = 0;
  if (flags >> 1 === 0) {
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[at++] ?? 0;
      id += (byte & 127) << shift;
      more = byte > 127;
    }
  }
  let route: string | number;
  if (flags & 1) {
    route = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    at += 2;
  } else {
    const length = bytes[at] ?? 0;
    route = fromUtf8(bytes.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  const body = bytes.subarray(at);
  return flags >> 1 === 0 ? { id, route, body } : { route, body };
}

for (const file of ["client-ws-alice.jsonl", "client-tcp-bob.jsonl", "client-tcp-two-in-one-write.jsonl"]) {
  test(`what a client said in ${file} is written the same, byte for byte`, () => {
    const units = conversation(file);
    const agreed = agreedIn(units);
    let messages = 0;
    for (const { from, bytes, packages } of units) {
      const again = packages.map(({ kind, body }) => {
        if (from === "server" || kind !== PackageKind.Data) return encodePackage(kind, body);
        messages++;
        const { id, route, body: said } = readOutgoing(body);
        const name = agreed.resolve(route);
        // The recorded client also writes names of routes that have a code.
        if (typeof route === "number") assert.equal(agreed.shorten(name), route);
        const written = agreed.outgoing.has(name)
          ? agreed.outgoing.encode(name, agreed.outgoing.decode(name, said))
          : toUtf8(JSON.stringify(JSON.parse(fromUtf8(said))));
        return encodePackage(
          kind,
          id === undefined
            ? encodeMessage({ kind: "notify", route, body: written })
            : encodeMessage({ kind: "request", id, route, body: written }),
        );
      });
      assert.deepEqual(Buffer.concat(again), Buffer.from(bytes));
    }
    assert.ok(messages > 0);
  });
}

test("what the server said to alice is understood", () => {
  const units = conversation("client-ws-alice.jsonl");
  const agreed = agreedIn(units);
  const heard = units
    .filter(({ from }) => from === "server")
    .flatMap(({ packages }) => packages)
    .filter(({ kind }) => kind === PackageKind.Data)
    .map(({ body }) => {
      const message = decodeMessage(body);
      const route = message.kind === "push" ? agreed.resolve(message.route) : `#${message.id}`;
      const said = agreed.incoming.has(route)
        ? agreed.incoming.decode(route, message.body)
        : (JSON.parse(fromUtf8(message.body)) as unknown);
      return [route, said];
    });
  assert.deepEqual(heard[0], ["#1", { code: 200, msg: "hello" }]);
  const pushes = heard.filter(([route]) => !String(route).startsWith("#"));
  assert.deepEqual(pushes.slice(0, 3), [
    ["onChat", { msg: "hi all", from: "alice", target: "*", seq: 1 }],
    ["onAdd", { user: "bob" }],
    ["onChat", { msg: "大家好", from: "alice", target: "*", seq: 2 }],
  ]);
  assert.ok(heard.some(([route]) => route === "#300"), "an id of two bytes");
  assert.equal(agreed.heartbeatMs, 3000);
  assert.deepEqual(agreed.known.protoVersion, protos().version);
});

test("a client that has dictionary and description says their versions and goes on with them", () => {
  const known = agreedIn(conversation("client-ws-alice.jsonl")).known;
  const said = JSON.parse(fromUtf8(handshakeRequest({ client: { type: "t", version: "1" }, user: {} }, known))) as unknown;
  const versions = { dictVersion: known.dictVersion, protoVersion: known.protoVersion };
  assert.deepEqual(said, { sys: { type: "t", version: "1", ...versions }, user: {} });
  const reply = conversation("client-ws-handshake-cached.jsonl").find(({ from }) => from === "server")?.packages[0];
  assert.ok(reply);
  assert.ok(!fromUtf8(reply.body).includes("onChat"), "the recorded reply leaves both out");
  const agreed = handshakeReply(reply.body, known);
  assert.equal(agreed.resolve(agreed.shorten("onChat")), "onChat");
  assert.equal(typeof agreed.shorten("onChat"), "number");
  assert.ok(agreed.incoming.has("onChat"));
  assert.deepEqual(agreed.known, known);
});

test("a refused handshake is an error with its code", () => {
  const reply = conversation("client-ws-handshake-no-sys.jsonl").find(({ from }) => from === "server")?.packages[0];
  assert.ok(reply);
  assert.throws(() => handshakeReply(reply.body, NOTHING), (error) => error instanceof RefusedError && error.code === 500);
  assert.throws(() => handshakeReply(toUtf8('{"code":501}'), NOTHING), /refused the handshake with code 501/);
});

test("handshake replies that are none are errors of the protocol", () => {
  for (const bad of ["", "[", "7", "null", '{"code":200,"sys":{"dict":{"a":"b"}}}']) {
    assert.throws(() => handshakeReply(toUtf8(bad), NOTHING), ProtocolError, bad);
  }
});

test("packages come out whole whatever the chunks are", () => {
  const all = conversation("client-tcp-bob.jsonl").filter(({ from }) => from === "server");
  const stream = Buffer.concat(all.map(({ bytes }) => bytes));
  const expected = all.flatMap(({ packages }) => packages.map(({ kind, body }) => [kind, Buffer.from(body).toString("hex")]));
  for (const size of [1, 2, 3, 5, 17, 1000, stream.length]) {
    const decoder = new PackageDecoder(1 << 20);
    const found: unknown[] = [];
    for (let at = 0; at < stream.length; at += size) {
      for (const { kind, body } of decoder.feed(stream.subarray(at, at + size))) {
        found.push([kind, Buffer.from(body).toString("hex")]);
      }
    }
    assert.deepEqual(found, expected);
    assert.equal(decoder.bufferedBytes, 0);
  }
});

test("a wrong kind is refused at its first byte, a long body before it arrives", () => {
  assert.throws(() => [...new PackageDecoder(16).feed(new Uint8Array([9]))], /unknown package kind 9/);
  assert.throws(() => [...new PackageDecoder(16).feed(new Uint8Array([4, 0, 0, 17]))], /17 bytes is over the limit of 16/);
  assert.throws(() => encodePackage(PackageKind.Data, new Uint8Array(0x100_0000)), ProtocolError);
});

test("messages that are cut short or that no server sends are refused", () => {
  for (const bad of [[], [4], [4, 0x80], [6], [6, 5, 97], [7, 0], [0, 1], [2], [8], [0x14, 1], [4, 255, 255, 255, 255, 127]]) {
    assert.throws(() => decodeMessage(new Uint8Array(bad)), ProtocolError, String(bad));
  }
});

test("a route of more than 255 bytes or none does not fit a message", () => {
  const body = new Uint8Array(0);
  assert.throws(() => encodeMessage({ kind: "notify", route: "ü".repeat(128), body }), /256 bytes/);
  assert.throws(() => encodeMessage({ kind: "notify", route: "", body }), ProtocolError);
  encodeMessage({ kind: "notify", route: "ü".repeat(127), body });
});

test("an error of the framework is marked by its bit", () => {
  const message = decodeMessage(new Uint8Array([0x24, 7, 0x7b, 0x7d]));
  assert.deepEqual(message, { kind: "response", id: 7, error: true, body: new Uint8Array([0x7b, 0x7d]) });
});

test("a text begins as it was written, also with a byte order mark", () => {
  for (const text of ["\ufeffhello", "\ufeff", "hello\ufeff"]) assert.equal(fromUtf8(toUtf8(text)), text);
});
