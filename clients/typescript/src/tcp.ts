//! Raw TCP, for Node: `tcp://host:port`, and `tls://host:port` for a connector with a certificate.
//! A module of its own, so that nothing of Node is in what a browser loads.

import { type Socket, connect } from "node:net";
import { connect as connectTls } from "node:tls";

import type { Transport } from "./transport/transport.js";

/** How long the last bytes may take to leave. */
const CLOSE_TIMEOUT_MS = 1000;

/** Settings of the TCP transport. */
export interface TcpOptions {
  /** Certificates (PEM) to trust with `tls://`, in place of those of the system. */
  readonly ca?: string | Buffer;
}

/** A transport for `tcp://` and `tls://`. */
export function tcp(options: TcpOptions = {}): Transport {
  return (url, events) => {
    const { protocol, hostname, port } = new URL(url);
    if ((protocol !== "tcp:" && protocol !== "tls:") || port === "") {
      throw new TypeError(`${url}: expected tcp://host:port or tls://host:port`);
    }
    const to = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
    const socket: Socket = protocol === "tcp:" ? connect(to) : connectTls({ ...to, ...options, servername: to.host });
    socket.setNoDelay(true);
    let failure = "closed by the server";
    socket.on(protocol === "tcp:" ? "connect" : "secureConnect", () => events.opened());
    socket.on("data", (bytes: Buffer) => events.received(bytes));
    socket.on("error", (error) => {
      failure = error.message;
    });
    socket.on("close", () => events.closed(failure));
    return {
      get bufferedBytes() {
        return socket.writableLength;
      },
      send: (bytes) => {
        if (socket.writable) socket.write(bytes);
      },
      close: () => {
        if (socket.connecting) return void socket.destroy();
        socket.end(() => socket.destroy());
        // Whoever does not read does not keep us.
        setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS).unref();
      },
    };
  };
}
