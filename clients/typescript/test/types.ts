//! What the compiler accepts and what not, with the generated types of the chat example. Compiled, never run.

import type { Messages } from "../../../examples/chat/client/messages.js";
import { ROUTES } from "../../../examples/chat/client/messages.js";
import { WebSocket as WS } from "ws";

import { type AnswerOf, type BodyArgs, Client, type RequestOf, type RouteOf, webSocket } from "../src/index.js";

export async function typed(client: Client<Messages>): Promise<void> {
  await client.request(ROUTES.chat.chatHandler.send, { content: "hi", target: "*" });
  await client.request("chat.chatHandler.send", { content: "hi", target: "*" }, { timeoutMs: 100 });
  const counted: number = (await client.request("connector.entryHandler.counted")).n;
  client.notify("connector.entryHandler.count");
  client.onPush("onChat", ({ msg, seq }) => [msg.length, seq + counted]);
  await client.request("connector.entryHandler.enter", { username: "ann", rid: "lobby" });

  // @ts-expect-error a field is missing
  await client.request("chat.chatHandler.send", { content: "hi" });
  // @ts-expect-error a body is missing
  await client.request("chat.chatHandler.send");
  // @ts-expect-error a field of another type
  client.notify("chat.chatHandler.send", { content: 7, target: "*" });
  // @ts-expect-error no such route
  await client.request("chat.chatHandler.sent", {});
  // @ts-expect-error no such push
  client.onPush("onChatter", () => {});
  // @ts-expect-error no such field in the answer
  void (await client.request("connector.entryHandler.counted")).m;
  // @ts-expect-error no such field in the push
  client.onPush("onChat", ({ message }) => message);
  // @ts-expect-error nothing is answered
  void (await client.request("chat.chatHandler.send", { content: "hi", target: "*" })).code;
}

/** What games write around `request` has its types. */
export function wrapped<R extends RouteOf<Messages>>(client: Client<Messages>, route: R, ...body: BodyArgs<RequestOf<Messages, R>, []>): Promise<AnswerOf<Messages, R>> {
  return client.request(route, ...body);
}

export async function wrappedAs(client: Client<Messages>): Promise<void> {
  const counted: number = (await wrapped(client, "connector.entryHandler.counted")).n;
  // @ts-expect-error a body is missing
  await wrapped(client, "chat.chatHandler.send");
  await wrapped(client, "chat.chatHandler.send", { content: String(counted), target: "*" });
}

export async function untyped(client: Client): Promise<void> {
  const answer: { any: string } = await client.request("any.route.works", { any: 1 });
  await client.request("any.route.works");
  client.notify("any.route.works", [answer.any]);
  client.onPush("onAny", (body: { x: number }) => body.x);
}

/** The platform's class and that of npm's `ws` are both taken as they are. */
export const transports = [webSocket(globalThis.WebSocket), webSocket(WS), webSocket()];
