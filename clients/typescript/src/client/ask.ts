//! One question to a server that is not stayed with: which connector shall I use?

import { Client } from "./client.js";
import type { AnswerOf, AnyMessages, BodyArgs, MessageTypes, RequestOf, RouteOf } from "./messages.js";
import type { ClientOptions } from "./options.js";

/**
 * Connects, asks, closes. Made for the gate:
 *
 * ```ts
 * const client = new Client({
 *   url: async () => {
 *     const { host, port } = await ask({ url: "ws://127.0.0.1:3014" }, "gate.gateHandler.queryEntry", { uid });
 *     return `ws://${host}:${port}`;
 *   },
 * });
 * ```
 */
export async function ask<M extends MessageTypes = AnyMessages, R extends RouteOf<M> = RouteOf<M>>(
  options: Omit<ClientOptions<M>, "reconnect">,
  route: R,
  ...args: BodyArgs<RequestOf<M, R>, []>
): Promise<AnswerOf<M, R>> {
  const client = new Client<M>({ ...options, reconnect: false });
  try {
    await client.connect();
    return await client.request(route, ...(args as BodyArgs<RequestOf<M, R>, []>));
  } finally {
    client.close();
  }
}
