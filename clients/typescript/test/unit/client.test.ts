//! The client over several connections: entering, reconnecting, giving up, closing in the middle of anything.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, type ClientOptions, ClosedError, RefusedError, ask } from "../../src/index.js";
import { delayMs } from "../../src/client/backoff.js";
import { FakeClock, settled } from "../clock.js";
import { FakeServer } from "../server.js";

function play(options: Partial<ClientOptions> = {}) {
  const server = new FakeServer();
  const clock = new FakeClock();
  const client = new Client({
    url: "ws://test",
    transport: server.transport,
    clock,
    random: () => 1,
    onError: (error) => assert.fail(String(error)),
    ...options,
  });
  const states: string[] = [];
  client.on("state", ({ state, attempt, delayMs: delay }) => states.push(attempt === undefined ? state : `${state} ${attempt} in ${delay}`));
  return { server, clock, client, states };
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => assert.fail("it did not fail"), (error: unknown) => error);
}

test("waits double, have a limit, and differ by chance", () => {
  const backoff = { firstMs: 100, maxMs: 1000, attemptsMax: 9 };
  assert.deepEqual([1, 2, 3, 4, 5, 50].map((n) => delayMs(backoff, n, 1)), [100, 200, 400, 800, 1000, 1000]);
  assert.equal(delayMs(backoff, 3, 0), 200);
});

test("a lost connection is made again, and the client enters before it is open", async () => {
  const entered: unknown[] = [];
  const { server, clock, client, states } = play({
    enter: async (link, context) => {
      entered.push([context, await link.request("connector.entryHandler.enter", { name: "ann" })]);
    },
  });
  server.reply = { code: 200, sys: {}, user: { hello: 1 } };
  const connecting = client.connect();
  await settled();
  assert.equal(client.state, "connecting");
  assert.ok((await failure(client.request("a.b.c"))) instanceof ClosedError, "only the link can ask before it is open");
  server.last.answer(1, { first: true });
  await connecting;
  const heard: unknown[] = [];
  client.onPush("onChat", (said) => heard.push(said));
  const again: unknown[] = [];
  client.on("reconnected", (event) => again.push(event));

  const waiting = failure(client.request("a.b.c"));
  server.last.lose();
  assert.deepEqual(((await waiting) as ClosedError).reason, { kind: "lost", message: "reset" });
  await clock.pass(500);
  assert.deepEqual([server.connections.length, client.state], [2, "reconnecting"]);
  server.last.answer(1, { second: true });
  await settled();
  assert.deepEqual(entered, [
    [{ attempt: 0, user: { hello: 1 } }, { first: true }],
    [{ attempt: 1, user: { hello: 1 } }, { second: true }],
  ]);
  assert.deepEqual(again, [{ attempts: 1 }]);
  assert.deepEqual(states, ["connecting", "open", "reconnecting 1 in 500", "open"]);
  server.last.push("onChat", "still listening");
  await settled();
  assert.deepEqual(heard, ["still listening"]);
});

test("attempts that fail are made less and less often, and each asks where to connect", async () => {
  const asked: number[] = [];
  const { server, clock, client, states } = play({
    url: (attempt) => {
      asked.push(attempt);
      return `ws://test/${attempt}`;
    },
    reconnect: { firstMs: 100, maxMs: 300, attemptsMax: 4 },
  });
  await client.connect();
  server.down = true;
  server.last.lose();
  await clock.pass(100 + 200 + 300 + 300);
  assert.deepEqual(asked, [0, 1, 2, 3, 4]);
  assert.equal(server.last.url, "ws://test/4");
  assert.deepEqual(states.slice(2), [1, 2, 3, 4].map((n) => `reconnecting ${n} in ${[100, 200, 300, 300][n - 1]}`).concat("closed"));
  const error = (await failure(client.request("a.b.c"))) as ClosedError;
  assert.equal(error.reason.kind, "gaveUp");
  assert.match(error.message, /gave up after 4 attempts .* connection refused/);
  assert.equal(clock.alarms, 0);
  server.down = false;
  await client.connect();
  assert.equal(client.state, "open");
});

test("a server that lets everybody in and drops them at once is not asked faster and faster", async () => {
  const { server, clock, client, states } = play({ reconnect: { firstMs: 100, maxMs: 1000, attemptsMax: 9 } });
  await client.connect();
  for (const wait of [100, 200, 400]) {
    server.last.lose();
    await clock.pass(wait);
    assert.equal(client.state, "open");
  }
  await clock.pass(1000);
  server.last.lose();
  await settled();
  assert.deepEqual(states.filter((state) => state.startsWith("re")), [
    "reconnecting 1 in 100",
    "reconnecting 2 in 200",
    "reconnecting 3 in 400",
    "reconnecting 1 in 100",
  ]);
});

test("after a kick or a refusal it stays away, unless it is told otherwise", async () => {
  const kicked = play();
  await kicked.client.connect();
  kicked.server.last.kick("bye");
  await settled();
  assert.equal(kicked.client.state, "closed");

  const refused = play();
  await refused.client.connect();
  refused.server.reply = { code: 500 };
  refused.server.last.lose();
  await refused.clock.pass(500);
  assert.equal(refused.client.state, "closed");
  assert.deepEqual(((await failure(refused.client.request("a.b.c"))) as ClosedError).reason, { kind: "refused", code: 500 });

  const told = play({ reconnect: { when: (reason) => reason.kind === "kicked" && reason.reason === "elsewhere" } });
  await told.client.connect();
  told.server.last.kick("elsewhere");
  await told.clock.pass(500);
  assert.equal(told.client.state, "open");
});

test("a server that goes down asks its clients to come back elsewhere", async () => {
  const { server, clock, client } = play();
  const kicks: unknown[] = [];
  client.on("kick", (kick) => kicks.push(kick));
  await client.connect();
  server.last.kick("server is going down", { reconnect: true });
  await clock.pass(500);
  assert.deepEqual([client.state, server.connections.length], ["open", 2]);
  assert.deepEqual(kicks, [{ reason: "server is going down", reconnect: true }]);
});

test("a gate without a dictionary does not make the client forget that of the connectors", async () => {
  const { server, client } = play();
  server.reply = { code: 200, sys: { dict: { onChat: 1 }, dictVersion: "d", useDict: true } };
  await client.connect();
  client.close();
  server.reply = { code: 200, sys: {} };
  await client.connect();
  client.close();
  await client.connect();
  assert.equal(server.last.handshakes[0]?.sys.dictVersion, "d");
});

test("entering that fails closes the connection: at first for good, later for another attempt", async () => {
  let working = false;
  const { server, clock, client } = play({
    enter: () => {
      if (!working) throw new Error("wrong password");
    },
  });
  assert.equal(String(await failure(client.connect())), "Error: wrong password");
  assert.deepEqual([client.state, server.last.left], ["closed", true]);
  working = true;
  await client.connect();
  working = false;
  server.last.lose();
  await clock.pass(500);
  assert.deepEqual([client.state, server.connections.length, server.last.left], ["reconnecting", 3, true]);
  working = true;
  await clock.pass(1000);
  assert.equal(client.state, "open");
});

test("a connection that is lost while entering is an attempt that failed", async () => {
  const { server, clock, client } = play({ enter: (link) => link.request("a.b.enter") });
  const connecting = failure(client.connect());
  await settled();
  server.last.lose("power cut");
  assert.equal(String(await connecting), "ClosedError: connection lost: power cut");
  assert.equal(clock.alarms, 0);
  const quiet = play({ enter: () => settled() });
  const swallowed = failure(quiet.client.connect());
  for (let n = 0; n < 9; n++) await Promise.resolve();
  quiet.server.last.kick("not you");
  assert.equal(String(await swallowed), "ClosedError: kicked: not you");
});

test("a connection that is lost while the client enters is told at once, whatever entering waits for", async () => {
  const { server, clock, client } = play({ enter: () => new Promise(() => {}) });
  const connecting = failure(client.connect());
  await settled();
  server.last.lose("power cut");
  assert.equal(String(await connecting), "ClosedError: connection lost: power cut");
  assert.deepEqual([client.state, clock.alarms], ["closed", 0]);

  let patient = true;
  const again = play({ enter: () => (patient ? undefined : new Promise(() => {})) });
  await again.client.connect();
  patient = false;
  again.server.last.lose();
  await again.clock.pass(500);
  again.server.last.lose("power cut");
  await settled();
  assert.equal(again.states.at(-1), "reconnecting 2 in 1000");
});

test("entering and the question where to connect do not take for ever", async () => {
  const entering = play({ enter: () => new Promise(() => {}), hookTimeoutMs: 700 });
  const entered = failure(entering.client.connect());
  await entering.clock.pass(700);
  assert.equal(String(await entered), "TimeoutError: no answer to enter within 700 ms");
  assert.deepEqual([entering.client.state, entering.server.last.left, entering.clock.alarms], ["closed", true, 0]);

  let gateAnswers = true;
  const asking = play({ url: () => (gateAnswers ? "ws://test" : new Promise(() => {})) });
  await asking.client.connect();
  gateAnswers = false;
  asking.server.last.lose();
  await asking.clock.pass(500 + 20_000);
  assert.equal(asking.states.at(-1), "reconnecting 2 in 1000");
  gateAnswers = true;
  await asking.clock.pass(1000);
  assert.equal(asking.client.state, "open");
});

test("closing ends the question where to connect, too", async () => {
  const { clock, client } = play({ url: () => new Promise(() => {}) });
  const connecting = failure(client.connect());
  await settled();
  client.close();
  assert.deepEqual(((await connecting) as ClosedError).reason, { kind: "local" });
  assert.deepEqual([client.state, clock.alarms], ["closed", 0]);
});

test("closing ends whatever is under way, and leaves nothing behind", async () => {
  const dialling = play();
  dialling.server.silent = true;
  const connecting = failure(dialling.client.connect());
  await settled();
  dialling.client.close();
  assert.deepEqual(((await connecting) as ClosedError).reason, { kind: "local" });
  assert.equal(dialling.clock.alarms, 0);
  assert.ok(dialling.server.last.left);

  const entering = play({ enter: () => new Promise(() => {}) });
  void failure(entering.client.connect());
  await settled();
  entering.client.close();
  assert.deepEqual([entering.client.state, entering.server.last.left, entering.clock.alarms], ["closed", true, 0]);

  const waiting = play();
  await waiting.client.connect();
  waiting.server.last.lose();
  await waiting.clock.pass(100);
  waiting.client.close();
  await waiting.clock.pass(100_000);
  assert.deepEqual([waiting.client.state, waiting.server.connections.length, waiting.clock.alarms], ["closed", 1, 0]);

  const open = play();
  await open.client.connect();
  const asked = failure(open.client.request("a.b.c"));
  open.client.close();
  open.client.close();
  assert.deepEqual(((await asked) as ClosedError).reason, { kind: "local" });
  assert.deepEqual(open.states, ["connecting", "open", "closed"]);
  assert.equal(open.clock.alarms, 0);
});

test("a listener may close the client at any change of its state", async () => {
  for (const wanted of ["connecting", "open", "reconnecting"]) {
    const { server, clock, client } = play();
    client.on("state", ({ state }) => {
      if (state === wanted) client.close();
    });
    await client.connect().catch(() => {});
    if (wanted === "reconnecting") server.last.lose();
    await clock.pass(100_000);
    assert.deepEqual([wanted, client.state, clock.alarms], [wanted, "closed", 0]);
  }
});

test("connect is for a client that is not connected", async () => {
  const { client } = play();
  await client.connect();
  assert.match(String(await failure(client.connect())), /the client is open/);
});

test("one question to the gate takes one connection", async () => {
  const { server } = play();
  const answer = ask({ url: "ws://gate", transport: server.transport }, "gate.gateHandler.queryEntry", { uid: "ann" });
  await settled();
  await settled();
  server.last.answer(1, { host: "h", port: 1 });
  assert.deepEqual(await answer, { host: "h", port: 1 });
  assert.ok(server.last.left);
  server.reply = { code: 501 };
  assert.ok((await failure(ask({ url: "ws://gate", transport: server.transport }, "a.b.c"))) instanceof RefusedError);
});
