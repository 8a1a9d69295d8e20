/** A network that is gone for 30 seconds. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, it } from "vitest";
import { openNetwork } from "../support/network.ts";
import { expectNothingLostWithoutNetwork } from "../support/network-outage.ts";
import { Cleanups } from "../support/opened-log.ts";
import { CLIENTS } from "./clients.ts";

const WRITER = fileURLToPath(new URL("writer.mjs", import.meta.url));

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

it("redisLog() settles everything while its network is gone, and goes on without a seam when it is back", async () => {
  const network = await openNetwork();
  cleanups.add(network, (one) => one.close());
  const folder = mkdtempSync(join(tmpdir(), "tidings-redis-"));
  cleanups.add(folder, (one) => rmSync(one, { recursive: true, force: true }));
  const options = ["--bind", network.address, "--port", "6379", "--dir", folder, "--save", ""];
  const server = network.far("redis-server", ...options, "--protected-mode", "no", "--daemonize", "no");
  server.stdout!.resume();
  cleanups.add(server, async (one) => {
    const over = once(one, "exit");
    one.kill("SIGKILL");
    await over;
  });
  const programs = Object.keys(CLIENTS).map((name) => [WRITER, name, network.address] as const);
  await expectNothingLostWithoutNetwork(network, ...programs);
}, 120_000);
