/** A network that is gone for 30 seconds. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, it } from "vitest";
import { natsProgram, onEachNats } from "./server.ts";
import { openNetwork } from "../support/network.ts";
import { expectNothingLostWithoutNetwork } from "../support/network-outage.ts";
import { Cleanups } from "../support/opened-log.ts";

const WRITER = fileURLToPath(new URL("writer.mjs", import.meta.url));

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

onEachNats(() => {
  it("natsLog() settles everything while its network is gone, and goes on without a seam when it is back", async () => {
    const network = await openNetwork();
    cleanups.add(network, (one) => one.close());
    const folder = mkdtempSync(join(tmpdir(), "tidings-nats-"));
    cleanups.add(folder, (one) => rmSync(one, { recursive: true, force: true }));
    const options = ["-a", network.address, "-p", "4222", "-js", "-sd", folder, "-l", join(folder, "log")];
    const server = network.far(natsProgram(), ...options);
    cleanups.add(server, async (one) => {
      const over = once(one, "exit");
      one.kill("SIGKILL");
      await over;
    });
    await expectNothingLostWithoutNetwork(network, [WRITER, `${network.address}:4222`]);
  }, 120_000);
});
