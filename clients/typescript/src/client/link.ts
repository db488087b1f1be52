//! One connection to a server, from dialling to its end: handshake, heartbeats, requests, pushes. It never comes back:
//! connecting again is the client's business.

import {
  BodyError,
  BusyError,
  ClosedError,
  type CloseReason,
  ConnectError,
  FailedError,
  ProtocolError,
  RefusedError,
  messageOf,
} from "../errors.js";
import { fromUtf8, toUtf8 } from "../protocol/bytes.js";
import { type Agreed, type Known, handshakeReply, handshakeRequest } from "../protocol/handshake.js";
import { decodeMessage, encodeMessage } from "../protocol/message.js";
import { type Package, PackageDecoder, PackageKind, encodePackage } from "../protocol/package.js";
import type { Protos } from "../protocol/protobuf.js";
import type { Wire } from "../transport/transport.js";
import type { Timer } from "./clock.js";
import { Heartbeat } from "./heartbeat.js";
import type { AnswerOf, AnyMessages, BodyArgs, MessageTypes, RequestOf, RouteOf } from "./messages.js";
import type { RequestOptions, Settings } from "./options.js";
import { type Answer, Pending } from "./pending.js";

/** No protobuf body begins with it: it would be a tag with wire type 3, which the dialect never writes. */
const OPENING_BRACE = 0x7b;

/** What a link tells. */
export interface LinkEvents {
  pushed(route: string, body: unknown): void;
  ping(ms: number): void;
  /** Called once, after the handshake was done. */
  closed(reason: CloseReason): void;
}

/** Who waits for the handshake. */
interface Opening {
  readonly done: (agreed: Agreed) => void;
  readonly failed: (error: unknown) => void;
}

/** A connection whose handshake is done. */
export class Link<M extends MessageTypes = AnyMessages> {
  readonly #settings: Settings<M>;
  readonly #events: LinkEvents;
  readonly #decoder: PackageDecoder;
  readonly #pending: Pending;
  #wire: Wire | undefined;
  #agreed: Agreed | undefined;
  #heartbeat: Heartbeat | undefined;
  #timer: Timer;
  #opening: Opening | undefined;
  #closed: CloseReason | undefined;
  #pings: { done: (ms: number) => void; failed: (error: unknown) => void }[] = [];

  private constructor(settings: Settings<M>, events: LinkEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#decoder = new PackageDecoder(settings.packageBytesMax);
    this.#pending = new Pending(settings.pendingRequestsMax, settings.clock);
  }

  /** Dials and does the handshake. @internal */
  static async open<M extends MessageTypes>(
    url: string,
    known: Known,
    settings: Settings<M>,
    events: LinkEvents,
    signal: AbortSignal,
  ): Promise<{ link: Link<M>; agreed: Agreed }> {
    signal.throwIfAborted();
    const link = new Link(settings, events);
    const abort = () => link.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      const agreed = await link.#open(url, known);
      return { link, agreed };
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Why it ended, once it has. */
  get closed(): CloseReason | undefined {
    return this.#closed;
  }

  /**
   * Asks, and waits for the answer. Fails with a `FailedError` if the server says so, a `TimeoutError`, a `ClosedError`, a
   * `BusyError`, or a `BodyError` if the body can't be written or the answer not be read.
   */
  async request<R extends RouteOf<M>>(
    route: R,
    ...[body, options]: BodyArgs<RequestOf<M, R>, [options?: RequestOptions]>
  ): Promise<AnswerOf<M, R>> {
    const agreed = this.#ready();
    const bytes = encodeBody(agreed.outgoing, route, body);
    const timeoutMs = options?.timeoutMs ?? this.#settings.requestTimeoutMs;
    const { id, answer } = this.#pending.begin(route, { timeoutMs, signal: options?.signal });
    try {
      this.#data(encodeMessage({ kind: "request", id, route: agreed.shorten(route), body: bytes }));
    } catch (error) {
      this.#pending.abandon(id);
      throw error;
    }
    return this.#read(agreed.incoming, await answer) as AnswerOf<M, R>;
  }

  /** Tells, without an answer. Throws a `ClosedError`, `BusyError` or `BodyError` if it can't be sent. */
  notify<R extends RouteOf<M>>(route: R, ...[body]: BodyArgs<RequestOf<M, R>, []>): void {
    const agreed = this.#ready();
    const bytes = encodeBody(agreed.outgoing, route, body);
    this.#data(encodeMessage({ kind: "notify", route: agreed.shorten(route), body: bytes }));
  }

  /** Beats, and waits for the answer: how long it took, in milliseconds. */
  ping(): Promise<number> {
    this.#ready();
    if (this.#heartbeat === undefined) return Promise.reject(new ProtocolError("the server has no heartbeats"));
    const ping = new Promise<number>((done, failed) => this.#pings.push({ done, failed }));
    if (this.#pings.length === 1) this.#beat(this.#heartbeat);
    return ping;
  }

  /** Sends what waits and closes. */
  close(): void {
    this.#end({ kind: "local" });
  }

  #open(url: string, known: Known): Promise<Agreed> {
    return new Promise<Agreed>((done, failed) => {
      this.#opening = { done, failed };
      const { clock, connectTimeoutMs, transport } = this.#settings;
      const late = new ConnectError(url, `no handshake within ${connectTimeoutMs} ms`);
      this.#timer = clock.after(connectTimeoutMs, () => this.#end({ kind: "lost", message: late.message }, late));
      const lost = (message: string) => this.#end({ kind: "lost", message }, new ConnectError(url, message));
      try {
        this.#wire = transport(url, {
          opened: () => this.#hello(known),
          received: (bytes) => this.#received(bytes, known),
          closed: lost,
        });
      } catch (error) {
        lost(messageOf(error));
      }
    });
  }

  #hello(known: Known): void {
    const { client, user } = this.#settings;
    try {
      this.#send(PackageKind.Handshake, handshakeRequest({ client, user: user() }, known));
    } catch (error) {
      this.#end({ kind: "local" }, error);
    }
  }

  #received(bytes: Uint8Array, known: Known): void {
    if (this.#closed !== undefined) return;
    this.#heartbeat?.heard(this.#settings.clock.now());
    try {
      for (const received of this.#decoder.feed(bytes)) {
        this.#package(received, known);
        if (this.#closed !== undefined) return;
      }
    } catch (error) {
      if (error instanceof RefusedError) return this.#end({ kind: "refused", code: error.code }, error);
      this.#end({ kind: "protocol", message: messageOf(error) }, error);
    }
  }

  #package({ kind, body }: Package, known: Known): void {
    if (this.#agreed === undefined) {
      if (kind !== PackageKind.Handshake) throw new ProtocolError(`package of kind ${kind} before the handshake`);
      return this.#shaken(handshakeReply(body, known));
    }
    switch (kind) {
      case PackageKind.Data:
        return this.#message(this.#agreed, body);
      case PackageKind.Heartbeat:
        return this.#beaten();
      case PackageKind.Kick:
        return this.#end({ kind: "kicked", ...readKick(body) });
      default:
        throw new ProtocolError(`package of kind ${kind} after the handshake`);
    }
  }

  #shaken(agreed: Agreed): void {
    const { clock } = this.#settings;
    this.#agreed = agreed;
    clock.cancel(this.#timer);
    this.#send(PackageKind.HandshakeAck);
    if (agreed.heartbeatMs > 0) {
      this.#heartbeat = new Heartbeat(agreed.heartbeatMs, clock.now());
      this.#watch(this.#heartbeat);
    }
    this.#opening?.done(agreed);
    this.#opening = undefined;
  }

  #message(agreed: Agreed, bytes: Uint8Array): void {
    const message = decodeMessage(bytes);
    if (message.kind === "response") return this.#pending.answered(message.id, message.error, message.body);
    const route = agreed.resolve(message.route);
    let body: unknown;
    try {
      body = decodeBody(agreed.incoming, route, message.body);
    } catch (error) {
      // One push that can't be read is no reason to part.
      return this.#settings.report(error);
    }
    this.#events.pushed(route, body);
  }

  #read(incoming: Protos, { route, error, body }: Answer): unknown {
    const answer = decodeBody(incoming, route, body);
    const code = codeOf(answer);
    if (error || (code !== undefined && this.#settings.isFailure(code))) {
      throw new FailedError(route, code ?? 500, answer);
    }
    return answer;
  }

  /** Looks at the heartbeat when it is due. */
  #watch(heartbeat: Heartbeat): void {
    const { clock } = this.#settings;
    this.#timer = clock.after(Math.max(0, heartbeat.due - clock.now()), () => {
      const tick = heartbeat.tick(clock.now());
      if (tick === "dead") return this.#end({ kind: "silent", afterMs: heartbeat.silenceMaxMs });
      if (tick === "beat") this.#beat(heartbeat);
      if (this.#closed === undefined) this.#watch(heartbeat);
    });
  }

  #beat(heartbeat: Heartbeat): void {
    this.#send(PackageKind.Heartbeat);
    heartbeat.sent(this.#settings.clock.now());
  }

  #beaten(): void {
    const ms = this.#heartbeat?.answered(this.#settings.clock.now());
    if (ms === undefined) return;
    for (const { done } of this.#pings.splice(0)) done(ms);
    this.#events.ping(ms);
  }

  #ready(): Agreed {
    if (this.#closed !== undefined) throw new ClosedError(this.#closed);
    if (this.#agreed === undefined) throw new ClosedError({ kind: "lost", message: "the handshake is not done" });
    return this.#agreed;
  }

  #data(message: Uint8Array): void {
    const { bufferedBytesMax } = this.#settings;
    if ((this.#wire?.bufferedBytes ?? 0) + message.length > bufferedBytesMax) {
      throw new BusyError("bufferedBytesMax", bufferedBytesMax);
    }
    this.#send(PackageKind.Data, message);
  }

  #send(kind: PackageKind, body?: Uint8Array): void {
    this.#wire?.send(encodePackage(kind, body));
  }

  #end(reason: CloseReason, error: unknown = new ClosedError(reason)): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#settings.clock.cancel(this.#timer);
    this.#wire?.close();
    const ended = new ClosedError(reason);
    this.#pending.fail(ended);
    for (const { failed } of this.#pings.splice(0)) failed(ended);
    if (this.#opening === undefined) this.#events.closed(reason);
    else this.#opening.failed(error);
    this.#opening = undefined;
  }
}

function encodeBody(protos: Protos, route: string, body: unknown): Uint8Array {
  const said = body ?? {};
  if (protos.has(route)) return protos.encode(route, said);
  let text: string | undefined;
  try {
    text = JSON.stringify(said);
  } catch (error) {
    throw new BodyError(`${route}: ${messageOf(error)}`);
  }
  if (text === undefined) throw new BodyError(`${route}: the body is no JSON`);
  return toUtf8(text);
}

/** No body is an empty object in protobuf, and nothing at all in JSON. */
function decodeBody(protos: Protos, route: string, body: Uint8Array): unknown {
  if (protos.has(route) && body[0] !== OPENING_BRACE) return protos.decode(route, body);
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(fromUtf8(body));
  } catch (error) {
    throw new BodyError(`${route}: ${messageOf(error)}`);
  }
}

function codeOf(answer: unknown): number | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { code } = answer as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}

function readKick(body: Uint8Array): { reason: string; reconnect: boolean } {
  let kick: { reason?: unknown; reconnect?: unknown } = {};
  try {
    kick = { ...(JSON.parse(fromUtf8(body)) as object) };
  } catch {
    // A kick is one in any words.
  }
  return { reason: typeof kick.reason === "string" ? kick.reason : "", reconnect: kick.reconnect === true };
}
