/** A network that is gone for 30 seconds. */
import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { type Network, openNetwork } from "../support/network.ts";
import { expectNothingLostWithoutNetwork } from "../support/network-outage.ts";
import { Cleanups } from "../support/opened-log.ts";
import { pathOf } from "./server.ts";

const WRITER = fileURLToPath(new URL("writer.mjs", import.meta.url));

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** Postgres refuses to run as root, which is what everybody is in these namespaces: in one more, it is somebody else. */
function startProgram({ far }: Network, program: string, ...options: string[]): ChildProcess {
  const child = far("unshare", "--user", "--map-user=1000", "--map-group=1000", pathOf(program), ...options);
  child.stdout!.resume();
  return child;
}

async function startPostgres(network: Network): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tidings-postgres-"));
  cleanups.add(folder, (one) => rmSync(one, { recursive: true, force: true }));
  const options = ["-D", folder, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  const [code] = await once(startProgram(network, "initdb", ...options), "exit");
  expect(code).toBe(0);
  appendFileSync(join(folder, "pg_hba.conf"), "host all all 10.77.0.0/24 trust\n");
  appendFileSync(
    join(folder, "postgresql.conf"),
    `listen_addresses = '${network.address}'\nunix_socket_directories = ''\nlog_min_messages = panic\n`,
  );
  const server = startProgram(network, "postgres", "-D", folder);
  cleanups.add(server, async (one) => {
    const over = once(one, "exit");
    one.kill("SIGQUIT");
    await over;
  });
}

it("postgresLog() settles everything while its network is gone, and goes on without a seam when it is back", async () => {
  const network = await openNetwork();
  cleanups.add(network, (one) => one.close());
  await startPostgres(network);
  await expectNothingLostWithoutNetwork(
    network,
    [WRITER, "pg", network.address],
    [WRITER, "postgres", network.address],
  );
}, 120_000);
