//! Both transports over real sockets, to a server of a few lines.

import assert from "node:assert/strict";
import { type AddressInfo, type Server, createServer } from "node:net";
import { test } from "node:test";

import { WebSocketServer, WebSocket } from "ws";

import { Client, ClosedError, ConnectError, RefusedError, type Transport, webSocket } from "../../src/index.js";
import { toUtf8 } from "../../src/protocol/bytes.js";
import { PackageDecoder, PackageKind, encodePackage } from "../../src/protocol/package.js";
import { tcp } from "../../src/tcp.js";

/** What the server answers to the handshake; it beats once, and answers a request of id 1. */
interface Play {
  readonly reply: unknown;
}

interface Peer {
  send(bytes: Uint8Array): void;
}

function served({ reply }: Play, peer: Peer): (bytes: Uint8Array) => void {
  const decoder = new PackageDecoder(1 << 16);
  return (bytes) => {
    for (const { kind } of decoder.feed(bytes)) {
      if (kind === PackageKind.Handshake) peer.send(encodePackage(PackageKind.Handshake, toUtf8(JSON.stringify(reply))));
      if (kind === PackageKind.HandshakeAck) peer.send(encodePackage(PackageKind.Heartbeat));
      if (kind === PackageKind.Data) peer.send(encodePackage(PackageKind.Data, new Uint8Array([4, 1, ...toUtf8('{"ok":1}')])));
    }
  };
}

interface Place {
  readonly url: string;
  readonly transport: Transport;
  readonly end: () => void;
}

async function overWebSocket(play: Play): Promise<Place> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((done) => server.once("listening", done));
  server.on("connection", (socket) => {
    const take = served(play, { send: (bytes) => socket.send(bytes) });
    socket.on("message", (data) => take(data as Buffer));
  });
  const end = () => {
    for (const client of server.clients) client.terminate();
    server.close();
  };
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, transport: webSocket(WebSocket), end };
}

async function overTcp(play: Play): Promise<Place> {
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const take = served(play, { send: (bytes) => socket.write(bytes) });
    socket.on("data", take);
    socket.on("error", () => {});
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  const end = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, transport: tcp(), end };
}

for (const [name, listen] of [["websocket", overWebSocket], ["tcp", overTcp]] as const) {
  test(`${name}: asks, is answered, and leaves when the server falls silent`, async () => {
    const place = await listen({ reply: { code: 200, sys: { heartbeat: 0.1 } } });
    const client = new Client({ ...place, reconnect: false });
    const closed = new Promise((done) => client.on("state", ({ state, reason }) => state === "closed" && done(reason)));
    await client.connect();
    assert.deepEqual(await client.request("a.b.c"), { ok: 1 });
    assert.deepEqual(await closed, { kind: "silent", afterMs: 200 });
    place.end();
  });

  test(`${name}: a refusal has its code`, async () => {
    const place = await listen({ reply: { code: 501 } });
    const error = await new Client({ ...place }).connect().catch((e: unknown) => e);
    assert.ok(error instanceof RefusedError && error.code === 501);
    place.end();
  });

  test(`${name}: a server that goes away is a connection that is lost, one that is not there can't be connected to`, async () => {
    const place = await listen({ reply: { code: 200, sys: {} } });
    const client = new Client({ ...place, reconnect: false });
    await client.connect();
    const asked = client.request("a.b.c").then(() => client.request("a.b.c"));
    setImmediate(place.end);
    const error = await asked.catch((e: unknown) => e);
    assert.ok(error instanceof ClosedError && error.reason.kind === "lost", String(error));
    await assert.rejects(client.connect(), ConnectError);
  });
}

test("an address that is none is an error in words", async () => {
  for (const [url, transport] of [["tcp://nowhere", tcp()], ["http://x:1", tcp()], ["nonsense", webSocket(WebSocket)]] as const) {
    await assert.rejects(new Client({ url, transport }).connect(), ConnectError);
  }
});
