//! The scenarios in Node, over WebSocket and raw TCP, on a cluster that somebody started: `POMELO_CLUSTER` says where it is,
//! `{"gate":3014,"connectors":[{"port":3050,"pid":4711}],"protobuf":false}`.

import { test } from "node:test";

import { WebSocket } from "ws";

import { webSocket } from "../../src/index.js";
import { tcp } from "../../src/tcp.js";
import { SCENARIOS, type Stage } from "./scenarios.js";

const cluster = JSON.parse(process.env.POMELO_CLUSTER ?? "null") as {
  gate: number;
  connectors: { port: number; pid: number }[];
  protobuf: boolean;
} | null;
if (cluster === null) throw new Error("POMELO_CLUSTER does not say where the cluster is");

const stage: Omit<Stage, "transport" | "scheme"> = {
  gate: cluster.gate,
  protobuf: cluster.protobuf,
  kill: async (port) => {
    const found = cluster.connectors.find((connector) => connector.port === port);
    if (found === undefined) throw new Error(`no connector at ${port}`);
    process.kill(found.pid, "SIGKILL");
  },
};
const last = SCENARIOS.at(-1);

for (const { name, run } of SCENARIOS) {
  // There are two connectors: one can be killed.
  if (name !== last?.name) test(`tcp: ${name}`, () => run({ ...stage, scheme: "tcp", transport: tcp() }));
  test(`ws: ${name}`, () => run({ ...stage, scheme: "ws", transport: webSocket(WebSocket) }));
}
