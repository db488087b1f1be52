//! Recorded conversations of the original with its clients, as units of the protocol.

import { readFileSync } from "node:fs";

import { fromUtf8 } from "../src/protocol/bytes.js";
import { type Package, PackageDecoder, PackageKind } from "../src/protocol/package.js";

const WIRE = new URL("../../../../../../crates/pomelo-protocol/tests/wire/", import.meta.url);

/** Bytes of one side, in the order in which it said them. */
export interface Unit {
  readonly from: "client" | "server";
  readonly bytes: Uint8Array;
  /** Pomelo's packages in it. */
  readonly packages: readonly Package[];
}

/** A recorded conversation over WebSocket or TCP; what is not Pomelo (the upgrade, close frames) is left out. */
export function conversation(file: string): Unit[] {
  const lines = readFileSync(new URL(file, WIRE), "utf8").trim().split("\n");
  const units = lines.map((line) => JSON.parse(line) as { dir: string; hex: string; is: { ws?: string; payload?: string; http?: string } });
  return units
    .filter(({ is }) => is.http === undefined && (is.ws === undefined || is.ws === "binary"))
    .map(({ dir, hex, is }) => {
      const bytes = new Uint8Array(Buffer.from(is.payload ?? hex, "hex"));
      const packages = [...new PackageDecoder(1 << 20).feed(bytes)];
      return { from: dir === "c2s" ? ("client" as const) : ("server" as const), bytes, packages };
    });
}

/** The description of protobuf bodies in the handshake of one of them. */
export function protos(): { client: unknown; server: unknown; version: string } {
  const replies = conversation("client-ws-alice.jsonl").filter(({ from }) => from === "server");
  const reply = replies.flatMap(({ packages }) => packages).find(({ kind }) => kind === PackageKind.Handshake);
  return (JSON.parse(fromUtf8(reply?.body ?? new Uint8Array())) as { sys: { protos: ReturnType<typeof protos> } }).sys.protos;
}
