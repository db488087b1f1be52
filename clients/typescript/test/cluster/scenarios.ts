//! What a client does on a real cluster of the chat example, in Node and in browsers alike: nothing of either is used here.

import type { Messages } from "../../../../examples/chat/client/messages.js";
import {
  Client,
  type ClientOptions,
  ClosedError,
  FailedError,
  type Link,
  type Store,
  type Transport,
  ask,
  memoryStore,
} from "../../src/index.js";

/** The cluster, and what the platform gives. */
export interface Stage {
  /** Client port of the gate. */
  readonly gate: number;
  /** `ws` or `tcp`. */
  readonly scheme: string;
  readonly transport?: Transport;
  /** Whether the servers have definitions of protobuf messages. */
  readonly protobuf: boolean;
  /** Kills the connector with this client port. */
  readonly kill: (port: number) => Promise<unknown>;
}

/** One thing that must work. */
export interface Scenario {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<void>;
}

/** A client and where it is connected. */
interface Player {
  readonly client: Client<Messages>;
  /** Client port of its connector. */
  port: number;
}

/** How long to wait for what must come. What takes longer is a hang. */
const PATIENCE_MS = 20_000;

let names = 0;

/** A name nobody has; its length chooses the connector. */
function freshName(length: number): string {
  return `${names++}`.padStart(length, "p");
}

/** A client that finds its connector by way of the gate, and enters a room whenever it is connected. */
function player(stage: Stage, name: string, rid: string, options: Partial<ClientOptions<Messages>> = {}): Player {
  const { transport, scheme, gate } = stage;
  const carried = transport === undefined ? {} : { transport };
  const found: Player = {
    port: 0,
    client: new Client<Messages>({
      ...carried,
      url: async () => {
        const at = await ask<Messages, "gate.gateHandler.queryEntry">(
          { url: `${scheme}://127.0.0.1:${gate}`, ...carried },
          "gate.gateHandler.queryEntry",
          { uid: name },
        );
        found.port = at.port ?? 0;
        return `${scheme}://${at.host}:${at.port}`;
      },
      enter: (link: Link<Messages>) => link.request("connector.entryHandler.enter", { username: name, rid }),
      reconnect: { firstMs: 50, maxMs: 500, attemptsMax: 100 },
      ...options,
    }),
  };
  return found;
}

/** Connects; a cluster that just came up needs a moment until all know each other. */
async function join(stage: Stage, name: string, rid: string, options: Partial<ClientOptions<Messages>> = {}): Promise<Player> {
  const found = player(stage, name, rid, options);
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await found.client.connect();
      return found;
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

/** The promise, or an error that says what did not come. */
async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: unknown;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new Error(`${what}: not within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer as Parameters<typeof clearTimeout>[0]);
  }
}

function same(found: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, found ${a}`);
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`it did not fail: ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

/** Every scenario; the last one kills a connector. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "requests are answered by the connector and by a backend, notifies arrive",
    run: async (stage) => {
      const { client } = await join(stage, freshName(6), "lobby-requests");
      same(await client.request("connector.entryHandler.echo", { msg: "你好 — ü 😀" }), { code: 200, msg: "你好 — ü 😀" }, "echo");
      same(await client.request("chat.chatHandler.echo", { msg: [1, { two: null }] }), { code: 200, msg: [1, { two: null }] }, "echo of a backend");
      const scored = await client.request("chat.chatHandler.score", { name: "ann", items: [{ n: 3 }, { n: -5 }, {}] });
      same([scored.delta, scored.ratio, scored.tags], [-2, 0.5, ["a", "b", "ann"]], "score");
      const before = await client.request("connector.entryHandler.counted");
      for (let n = 0; n < 3; n++) client.notify("connector.entryHandler.count");
      const after = await client.request("connector.entryHandler.counted");
      same(after.n - before.n, 3, "notifies");
      if ((await client.ping()) < 0) throw new Error("ping");
      client.close();
    },
  },
  {
    name: "what fails is an error with the code of the answer, and the connection goes on",
    run: async (stage) => {
      const { client } = await join(stage, freshName(6), "lobby-failures");
      for (const route of ["connector.entryHandler.fail", "no.such.route"]) {
        const error = await failure((client as unknown as Client).request(route, {}));
        if (!(error instanceof FailedError)) throw error;
        same([error.code, error.route], [500, route], "failure");
      }
      same(await client.request("connector.entryHandler.echo", { msg: 1 }), { code: 200, msg: 1 }, "echo");
      client.close();
    },
  },
  {
    name: "pushes reach everybody in the room, each once and in order",
    run: async (stage) => {
      const room = "lobby-pushes";
      const [ann, bob] = [await join(stage, freshName(6), room), await join(stage, freshName(7), room)];
      const count = 300;
      const heard = [ann, bob].map(
        ({ client }) =>
          new Promise<number[]>((done) => {
            const all: number[] = [];
            client.onPush("onBench", ({ seq }) => {
              all.push(seq);
              if (all.length === count) done(all);
            });
          }),
      );
      await Promise.all([1, 2, 3].map(() => ann.client.request("chat.chatHandler.bench", { n: count / 3 })));
      const [first, second] = await within("pushes", Promise.all(heard));
      same(second, first, "both hear the same");
      const sorted = [...new Set(first)].sort((a, b) => a - b);
      same(first, sorted, "each once and in order");
      const said = new Promise((done) => bob.client.onPush("onChat", done));
      await ann.client.request("chat.chatHandler.send", { content: "hello", target: "*" });
      const { msg, target } = (await within("onChat", said)) as Messages["pushes"]["onChat"];
      same([msg, target], ["hello", "*"], "onChat");
      ann.client.close();
      bob.client.close();
    },
  },
  {
    name: "a kick is told with its reason, and the client stays away",
    run: async (stage) => {
      const { client } = await join(stage, freshName(6), "lobby-kick");
      const kicked = new Promise((done) => client.on("kick", done));
      const closed = new Promise((done) => client.on("state", ({ state }) => state === "closed" && done(state)));
      await client.request("connector.entryHandler.kickMe", { reason: "bye" });
      same(await within("kick", kicked), { reason: "bye", reconnect: false }, "kick");
      await within("close", closed);
      const error = await failure(client.request("connector.entryHandler.echo", {}));
      if (!(error instanceof ClosedError)) throw error;
      same(error.reason, { kind: "kicked", reason: "bye", reconnect: false }, "reason");
    },
  },
  {
    name: "a client that has dictionary and definitions is not sent them again, and uses them",
    run: async (stage) => {
      const kept = memoryStore();
      const saved: string[] = [];
      const store: Store = {
        get: (key) => kept.get(key),
        set: (key, text) => {
          saved.push(text);
          return kept.set(key, text);
        },
      };
      const first = await join(stage, freshName(6), "lobby-store", { store });
      same(saved.length, 1, "kept once");
      const known = JSON.parse(saved[0] ?? "") as { dict: Record<string, number>; protos?: { server: object } };
      same("onChat" in known.dict, true, "the dictionary has the push");
      same("onChat" in (known.protos?.server ?? {}), stage.protobuf, "the definitions have the push");
      first.client.close();
      const second = await join(stage, freshName(6), "lobby-store", { store });
      same(saved.length, 1, "nothing new");
      const said = new Promise((done) => second.client.onPush("onChat", done));
      await second.client.request("chat.chatHandler.send", { content: "by code", target: "*" });
      await within("a push by code", said);
      second.client.close();
    },
  },
  {
    name: "a client whose connector is killed comes back by another one, enters again and goes on",
    run: async (stage) => {
      const room = "lobby-killed";
      const [ann, bob] = [await join(stage, freshName(6), room), await join(stage, freshName(7), room)];
      if (ann.port === bob.port) throw new Error("the gate gives both the same connector");
      const lost = ann.port;
      const back = new Promise((done) => ann.client.on("reconnected", done));
      await stage.kill(lost);
      await within("the client is connected again", back);
      if (ann.port === lost) throw new Error(`it is connected to ${lost} again, which was killed`);
      const heard = new Promise((done) => ann.client.onPush("onChat", done));
      await bob.client.request("chat.chatHandler.send", { content: "welcome back", target: "*" });
      const { msg } = (await within("onChat after the reconnect", heard)) as Messages["pushes"]["onChat"];
      same(msg, "welcome back", "onChat");
      same(bob.client.state, "open", "the other did not notice");
      ann.client.close();
      bob.client.close();
    },
  },
];
