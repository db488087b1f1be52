//! A client for Pomelo game servers. Raw TCP for Node is in `./tcp`.

export { ask } from "./client/ask.js";
export type { Backoff } from "./client/backoff.js";
export { type AnyPush, Client, type ClientEvents, type State, type StateChange } from "./client/client.js";
export type { Clock, Timer } from "./client/clock.js";
export type { Link } from "./client/link.js";
export type {
  AnswerOf,
  AnyMessages,
  BodyArgs,
  MessageTypes,
  PushOf,
  PushedOf,
  RequestOf,
  RouteOf,
} from "./client/messages.js";
export type { ClientOptions, EnterContext, ReconnectOptions, RequestOptions } from "./client/options.js";
export { type Store, memoryStore, webStore } from "./client/storage.js";
export {
  BodyError,
  BusyError,
  ClosedError,
  type CloseReason,
  ConnectError,
  type ErrorKind,
  FailedError,
  PomeloError,
  ProtocolError,
  RefusedError,
  TimeoutError,
  describe,
} from "./errors.js";
export type { Transport, Wire, WireEvents } from "./transport/transport.js";
export { type WebSocketClass, type WebSocketLike, webSocket } from "./transport/websocket.js";
