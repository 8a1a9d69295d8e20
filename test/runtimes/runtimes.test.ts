/**
 * The suite of all servers, over servers on every runtime, with the package as built.
 */
import { describeServer } from "../servers/contract.ts";
import { type RuntimeName, startServer } from "./runtimes.ts";

const servers: readonly [name: string, RuntimeName, server: string, version?: 1 | 2][] = [
  ["Node 22", "node22", "node"],
  ["Node 24", "node24", "node"],
  ["Node 26", "node26", "node"],
  ["Node 26 with HTTP/2", "node26", "node", 2],
  ["Bun", "bun", "bun"],
  ["Bun's node:http", "bun", "node"],
  ["Deno", "deno", "deno"],
  ["Deno's node:http", "deno", "node"],
  ["workerd", "workerd", "worker"],
];

for (const [name, runtime, server, version = 1] of servers) {
  describeServer(name, () => startServer(runtime, server, version === 2 ? ["http2"] : []), { version });
}
