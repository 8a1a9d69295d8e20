/** A network that is gone for 30 seconds. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, it } from "vitest";
import { natsProgram, onEachNats } from "./nats-server.ts";
import { openNetwork } from "./network.ts";
import { expectNothingLostWithoutNetwork } from "./network-outage.ts";

const WRITER = fileURLToPath(new URL("members/nats-writer.mjs", import.meta.url));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

onEachNats(() => {
  it("natsLog() settles everything while its network is gone, and goes on without a seam when it is back", async () => {
    const network = await openNetwork();
    cleanups.push(() => network.close());
    const folder = mkdtempSync(join(tmpdir(), "tidings-nats-"));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const options = ["-a", network.address, "-p", "4222", "-js", "-sd", folder, "-l", join(folder, "log")];
    const server = network.far(natsProgram(), ...options);
    cleanups.push(async () => {
      const over = once(server, "exit");
      server.kill("SIGKILL");
      await over;
    });
    await expectNothingLostWithoutNetwork(network, [WRITER, `${network.address}:4222`]);
  }, 120_000);
});
