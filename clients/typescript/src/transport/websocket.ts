//! WebSocket, as browsers and Node from 22 on have it; elsewhere a class like it is given, such as that of npm's `ws`.

import type { Transport } from "./transport.js";

/** The part of a WebSocket that is used here. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  send(data: never): void;
  close(code?: number): void;
}

/** Its class. */
export type WebSocketClass = new (url: string) => WebSocketLike;

/** A transport for `ws://` and `wss://`. Without a class it is the one of the platform. */
export function webSocket(implementation?: WebSocketClass): Transport {
  return (url, events) => {
    const Socket = implementation ?? platformClass();
    const socket = new Socket(url);
    socket.binaryType = "arraybuffer";
    let failure = "";
    socket.onopen = () => events.opened();
    socket.onmessage = ({ data }: { data: unknown }) => {
      // A text message is nothing a Pomelo server sends; as bytes it is refused like any other garbage.
      events.received(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array([0]));
    };
    socket.onerror = (event: { message?: unknown }) => {
      // Browsers don't say more than that it failed.
      failure = typeof event.message === "string" && event.message !== "" ? event.message : "the network failed";
    };
    socket.onclose = ({ code, reason }: { code: number; reason?: string }) => {
      events.closed(failure || reason || `closed with code ${code}`);
    };
    return {
      get bufferedBytes() {
        return socket.bufferedAmount;
      },
      send: (bytes) => socket.send(bytes as never),
      close: () => socket.close(),
    };
  };
}

function platformClass(): WebSocketClass {
  const found: unknown = Reflect.get(globalThis, "WebSocket");
  if (typeof found !== "function") {
    throw new TypeError("this platform has no WebSocket: give one, as in webSocket(WS) with npm's ws");
  }
  return found as WebSocketClass;
}
