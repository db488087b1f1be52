//! One connection: requests and their failures, pushes, heartbeats, limits, kick. With a clock and a server that a test plays.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  BodyError,
  BusyError,
  Client,
  type ClientOptions,
  ClosedError,
  ConnectError,
  FailedError,
  RefusedError,
  TimeoutError,
  memoryStore,
} from "../../src/index.js";
import { fromUtf8 } from "../../src/protocol/bytes.js";
import { PackageKind } from "../../src/protocol/package.js";
import { FakeClock, settled } from "../clock.js";
import { FakeServer } from "../server.js";
import { protos } from "../wire.js";

function play(options: Partial<ClientOptions> = {}) {
  const server = new FakeServer();
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const client = new Client({
    url: "ws://test",
    transport: server.transport,
    clock,
    reconnect: false,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { server, clock, client, errors };
}

/** What a promise fails with. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => assert.fail(`it did not fail: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

test("answers find their requests whatever their order", async () => {
  const { server, client } = play();
  await client.connect();
  const [first, second] = [client.request("a.b.c", { n: 1 }), client.request("a.b.d")];
  await settled();
  assert.deepEqual(
    server.last.said.map(({ id, route, body }) => [id, route, fromUtf8(body)]),
    [
      [1, "a.b.c", '{"n":1}'],
      [2, "a.b.d", "{}"],
    ],
  );
  server.last.answer(2, { two: true });
  server.last.answer(1, { one: true });
  assert.deepEqual(await Promise.all([first, second]), [{ one: true }, { two: true }]);
});

test("the handshake says who the client is, and routes and bodies are as it agreed", async () => {
  const { server, client } = play({ user: { token: "t" }, client: { type: "game", version: "7" } });
  const { client: written, server: read } = protos();
  const dict = { "chat.chatHandler.send": 6, onChat: 14 };
  server.reply = { code: 200, sys: { dict, dictVersion: "d", useDict: true, protos: { client: written, server: read, version: "p" }, useProto: true } };
  await client.connect();
  assert.deepEqual(server.last.handshakes, [{ sys: { type: "game", version: "7" }, user: { token: "t" } }]);
  assert.equal(server.last.acks, 1);
  client.notify("chat.chatHandler.send", { content: "hi all", from: "alice", target: "*" });
  assert.deepEqual(server.last.said, [
    { id: undefined, route: 6, body: new Uint8Array(Buffer.from("0a06686920616c6c1205616c6963651a012a", "hex")) },
  ]);
  const heard: unknown[] = [];
  client.onPush("onChat", (said) => heard.push(said));
  server.last.raw(new Uint8Array(Buffer.from("0400001707000e0a06686920616c6c1205616c6963651a012a2001", "hex")));
  // A server may fall back to JSON: nothing that begins with a brace is protobuf.
  server.last.push("onChat", { code: 500 });
  await settled();
  assert.deepEqual(heard, [{ msg: "hi all", from: "alice", target: "*", seq: 1 }, { code: 500 }]);
});

test("what was agreed is kept and named in the next handshake, by another client too", async () => {
  const store = memoryStore();
  const one = play({ store });
  one.server.reply = { code: 200, sys: { dict: { onChat: 1 }, dictVersion: "d", useDict: true } };
  await one.client.connect();
  const two = play({ store });
  two.server.reply = { code: 200, sys: { useDict: true } };
  await two.client.connect();
  assert.deepEqual(two.server.last.handshakes[0]?.sys.dictVersion, "d");
  const heard: unknown[] = [];
  two.client.onAnyPush(({ route }) => heard.push(route));
  two.server.last.raw(new Uint8Array([4, 0, 0, 5, 7, 0, 1, 0x7b, 0x7d]));
  await settled();
  assert.deepEqual(heard, ["onChat"]);
});

test("a store that fails or holds something else does no harm", async () => {
  const failing = () => {
    throw new Error("forbidden");
  };
  for (const store of [{ get: failing, set: failing }, { get: () => "[7]", set: failing }, { get: () => '{"dict":{"a":"b"}}', set: failing }]) {
    const { server, client } = play({ store });
    await client.connect();
    assert.deepEqual(Object.keys(server.last.handshakes[0]?.sys ?? {}), ["type", "version"]);
  }
});

test("a request that is not answered fails after its time, and a late answer is nobody's", async () => {
  const { server, clock, client } = play();
  server.reply = { code: 200, sys: {} };
  await client.connect();
  const slow = failure(client.request("a.b.c"));
  const hasty = failure(client.request("a.b.d", {}, { timeoutMs: 50 }));
  await clock.pass(50);
  const error = await hasty;
  assert.ok(error instanceof TimeoutError && error.route === "a.b.d" && error.afterMs === 50);
  server.last.answer(2, { late: true });
  await clock.pass(9_949);
  assert.equal(clock.alarms, 1);
  await clock.pass(1);
  assert.ok((await slow) instanceof TimeoutError);
  assert.equal(clock.alarms, 0);
});

test("a request can be given up by its signal", async () => {
  const { clock, server, client } = play();
  server.reply = { code: 200, sys: {} };
  await client.connect();
  const control = new AbortController();
  const given = failure(client.request("a.b.c", {}, { signal: control.signal }));
  control.abort(new Error("no longer wanted"));
  assert.equal(String(await given), "Error: no longer wanted");
  assert.equal(String(await failure(client.request("a.b.c", {}, { signal: control.signal }))), "Error: no longer wanted");
  assert.equal(clock.alarms, 0);
});

test("an answer with a code other than 200 is an error with code and answer, or what the game calls one", async () => {
  const { server, client } = play({ isFailure: (code) => code !== 200 && code !== 1003 });
  await client.connect();
  const answers = [1, 2, 3, 4].map(() => client.request("a.b.c"));
  const failures = [failure(answers[0] as Promise<unknown>), failure(answers[2] as Promise<unknown>)];
  await settled();
  server.last.answer(1, { code: 500, msg: "no such room" });
  server.last.answer(2, { code: 1003 });
  server.last.answer(3, {}, 0x24);
  server.last.answer(4, { code: 200 });
  const [refused, unrun] = await Promise.all(failures);
  assert.ok(refused instanceof FailedError && unrun instanceof FailedError);
  assert.equal(refused.message, "a.b.c failed with code 500: no such room");
  assert.deepEqual([refused.code, refused.answer, unrun.code], [500, { code: 500, msg: "no such room" }, 500]);
  assert.deepEqual([await answers[1], await answers[3]], [{ code: 1003 }, { code: 200 }]);
  const other = play();
  await other.client.connect();
  const poor = failure(other.client.request("a.b.c"));
  await settled();
  other.server.last.answer(1, { code: 1003 });
  assert.equal(((await poor) as FailedError).code, 1003);
});

test("pushes come in order; a listener that throws or leaves does not keep them from others", async () => {
  const { server, client, errors } = play();
  const heard: string[] = [];
  client.onPush("onAdd", () => {
    throw new Error("clumsy");
  });
  const leave = client.onPush("onAdd", (n) => heard.push(`first ${n}`));
  client.onPush("onAdd", (n) => heard.push(`second ${n}`));
  client.onAnyPush(({ route, body }) => heard.push(`any ${route} ${body}`));
  await client.connect();
  server.last.push("onAdd", 1);
  await settled();
  leave();
  server.last.push("onAdd", 2);
  server.last.push("onOther", 3);
  await settled();
  assert.deepEqual(heard, ["first 1", "second 1", "any onAdd 1", "second 2", "any onAdd 2", "any onOther 3"]);
  assert.deepEqual(errors.map(String), ["Error: clumsy", "Error: clumsy"]);
});

test("a push that can't be read is reported, an answer that can't fails its request; both stay connected", async () => {
  const { server, client, errors } = play();
  await client.connect();
  server.last.raw(new Uint8Array([4, 0, 0, 4, 6, 1, 0x61, 0x7b]));
  const answer = failure(client.request("a.b.c"));
  await settled();
  server.last.raw(new Uint8Array([4, 0, 0, 3, 4, 1, 0x7b]));
  assert.ok((await answer) instanceof BodyError);
  assert.ok(errors.length === 1 && errors[0] instanceof BodyError);
  assert.equal(client.state, "open");
});

test("a body that is no JSON is not sent", async () => {
  const { server, client } = play();
  await client.connect();
  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const body of [circle, 1n, () => 1]) {
    assert.ok((await failure(client.request("a.b.c", body))) instanceof BodyError);
    assert.throws(() => client.notify("a.b.c", body), BodyError);
  }
  assert.equal(server.last.said.length, 0);
});

test("too many requests or too many bytes are refused, and the rest goes on", async () => {
  const { server, client } = play({ pendingRequestsMax: 2, bufferedBytesMax: 100 });
  await client.connect();
  const [first] = [client.request("a.b.c"), client.request("a.b.c")];
  const third = await failure(client.request("a.b.c"));
  assert.ok(third instanceof BusyError && third.limit === "pendingRequestsMax" && third.value === 2);
  server.last.answer(1, {});
  await first;
  server.last.bufferedBytes = 80;
  const heavy = await failure(client.request("a.b.c", { text: "0123456789012345678901234567890" }));
  assert.ok(heavy instanceof BusyError && heavy.limit === "bufferedBytesMax");
  assert.throws(() => client.notify("a.b.c", { text: "0123456789012345678901234567890" }), BusyError);
  server.last.bufferedBytes = 0;
  const again = client.request("a.b.c");
  await settled();
  // The request that was refused has used the id 3 and left no trace in the table.
  server.last.answer(4, { ok: 1 });
  assert.deepEqual(await again, { ok: 1 });
});

test("a kick is told with its reason, fails what waits and closes", async () => {
  const { server, client } = play();
  const kicks: unknown[] = [];
  client.on("kick", (kick) => kicks.push(kick));
  await client.connect();
  const waiting = failure(client.request("a.b.c"));
  server.last.kick("bye");
  const error = await waiting;
  assert.ok(error instanceof ClosedError);
  assert.deepEqual(error.reason, { kind: "kicked", reason: "bye", reconnect: false });
  assert.deepEqual([kicks, client.state, server.last.left], [[{ reason: "bye", reconnect: false }], "closed", true]);
  assert.equal(String(await failure(client.request("a.b.c"))), "ClosedError: kicked: bye");
});

test("a refused handshake, a dead address, a silent server and garbage are told apart", async () => {
  const tried = async (change: (server: FakeServer) => void) => {
    const { server, clock, client } = play();
    change(server);
    const failed = failure(client.connect());
    await clock.pass(5000);
    assert.equal(client.state, "closed");
    assert.equal(clock.alarms, 0);
    return failed;
  };
  const refused = await tried((server) => (server.reply = { code: 501 }));
  assert.ok(refused instanceof RefusedError && refused.code === 501);
  const dead = await tried((server) => (server.down = true));
  assert.ok(dead instanceof ConnectError && /connection refused/.test(dead.message));
  const silent = await tried((server) => (server.silent = true));
  assert.ok(silent instanceof ConnectError && /no handshake within 5000 ms/.test(silent.message));
  const garbage = await tried((server) => (server.reply = [] as never));
  assert.ok(garbage instanceof RefusedError && garbage.code === 0);
});

test("the client beats once an interval, measures the ping, and goes when the server is silent for two", async () => {
  const { server, clock, client } = play();
  const states: unknown[] = [];
  client.on("state", ({ state, reason }) => states.push(reason === undefined ? state : { state, reason }));
  const pings: number[] = [];
  client.on("ping", (ms) => pings.push(ms));
  await client.connect();
  await clock.pass(9_000);
  assert.equal(server.last.beats, 3);
  server.last.beating = false;
  const ping = client.ping();
  assert.equal(server.last.beats, 4);
  await clock.pass(40);
  server.last.give(PackageKind.Heartbeat);
  assert.equal(await ping, 40);
  assert.equal(client.pingMs, 40);
  assert.deepEqual(pings, [0, 0, 0, 0, 40]);
  const unanswered = failure(client.ping());
  await clock.pass(5_999);
  assert.equal(client.state, "open");
  await clock.pass(1);
  assert.deepEqual(states, ["connecting", "open", { state: "closed", reason: { kind: "silent", afterMs: 6000 } }]);
  assert.ok((await unanswered) instanceof ClosedError);
  assert.equal(clock.alarms, 0);
});

test("any word of the server shows that it lives", async () => {
  const { server, clock, client } = play();
  await client.connect();
  await settled();
  server.last.beating = false;
  for (let n = 0; n < 5; n++) {
    await clock.pass(4_000);
    server.last.push("onAdd", n);
  }
  await settled();
  assert.equal(client.state, "open");
});

test("a program that slept gives the server an interval to be heard", async () => {
  const { server, clock, client } = play();
  await client.connect();
  await clock.sleep(60_000);
  assert.equal(client.state, "open");
  assert.equal(server.last.beats, 1);
  server.last.beating = false;
  await clock.sleep(60_000);
  await clock.pass(3_000);
  assert.equal(client.state, "closed");
});

test("without heartbeats of the server there is no ping and no time-out", async () => {
  const { server, clock, client } = play();
  server.reply = { code: 200, sys: {} };
  await client.connect();
  assert.match(String(await failure(client.ping())), /no heartbeats/);
  await clock.pass(1e9);
  assert.equal(client.state, "open");
});

test("a package that is no message ends the connection, in words", async () => {
  for (const [bytes, words] of [
    [[9], /unknown package kind 9/],
    [[4, 0, 0, 1, 0xff], /gzip|flags/],
    [[1, 0, 0, 2, 0x7b, 0x7d], /kind 1 after the handshake/],
    [[4, 0x7f, 0xff, 0xff], /over the limit/],
    [[4, 0, 0, 3, 7, 0, 9], /route code 9 is not in the dictionary/],
  ] as const) {
    const { server, client } = play();
    await client.connect();
    server.last.raw(new Uint8Array(bytes));
    await settled();
    assert.match(String(await failure(client.request("a.b.c"))), words);
  }
});
