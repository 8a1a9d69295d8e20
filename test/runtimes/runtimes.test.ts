/**
 * The suite of all servers, over servers on every runtime, with the package as built.
 */
import { describeServer, type ServerTraits } from "../servers/contract.ts";
import { type RuntimeName, startServer } from "./runtimes.ts";

const servers: readonly [name: string, RuntimeName, server: string, traits?: ServerTraits][] = [
  ["Node 22", "node22", "node"],
  ["Node 24", "node24", "node"],
  ["Node 26", "node26", "node"],
  ["Node 26 with HTTP/2", "node26", "node", { version: 2 }],
  ["Bun", "bun", "bun"],
  ["Bun's node:http", "bun", "node"],
  ["Deno", "deno", "deno"],
  ["Deno's node:http", "deno", "node"],
  ["workerd", "workerd", "worker", { isolatesRequests: true }],
];

for (const [name, runtime, server, traits] of servers) {
  describeServer(name, () => startServer(runtime, server, traits?.version === 2 ? ["http2"] : []), traits);
}
