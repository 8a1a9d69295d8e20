/** NATS: appends against a bare publish with acknowledgement, and delivery to another process against a bare ordered consumer. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { natsLog } from "tidings/log/nats";
import { freePort } from "../../test/support/free-port.mjs";
import {
  connectToNats,
  draftOf,
  jetstream,
  jetstreamManager,
  now,
  paced,
  percentile,
  RETENTION,
  stamped,
  startMember,
} from "./engines.mjs";

const MESSAGES = 10_000;
const AT_ONCE = 500;
const BARE = { name: "bare", subjects: ["bare"], max_msgs: RETENTION.messages };

export async function measureNats(print) {
  const server = await startNats();
  const { connection } = server;
  await (await jetstreamManager(connection)).streams.add(BARE);
  const log = natsLog(connection);
  await log.open({ retention: RETENTION, onTail() {} });
  await measureAppends(print, connection, log);
  await measureDelivery(print, server, log);
  await log.close();
  await server.stop();
}

async function measureAppends(print, connection, log) {
  const client = jetstream(connection);
  const { body } = draftOf("a");
  const steps = {
    bare: () => client.publish("bare", body),
    ours: () => log.append([draftOf(`topic/${Math.floor(Math.random() * 100)}`)]),
  };
  const rates = { bare: [], ours: [] };
  // Turn about, as the machine is not the same from one second to the next.
  for (let round = 0; round < 5; round += 1) {
    for (const [key, step] of Object.entries(steps)) {
      const startedMs = performance.now();
      for (let n = 0; n < MESSAGES; n += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, step));
      if (round > 0) rates[key].push((MESSAGES * 1_000) / (performance.now() - startedMs));
    }
  }
  const delays = { bare: [], ours: [] };
  for (let n = 0; n < 2_000; n += 1) {
    for (const [key, step] of Object.entries(steps)) {
      const startedMs = now();
      await step();
      delays[key].push(now() - startedMs);
    }
  }
  print("appends in NATS, one server, in a file", {
    "publish a second, 500 under way": Math.round(percentile(rates.bare, 0.5)),
    "append a second, 500 under way": Math.round(percentile(rates.ours, 0.5)),
    ratio: percentile(rates.ours, 0.5) / percentile(rates.bare, 0.5),
    "publish p50 ms, one by one": percentile(delays.bare, 0.5),
    "append p50 ms, one by one": percentile(delays.ours, 0.5),
  });
}

async function measureDelivery(print, { port, connection }, log) {
  const client = jetstream(connection);
  const run = async (kind, step) => {
    const member = await startMember({ kind, port, topics: ["a"] });
    await paced(1_000, 1, step);
    await member.ask("reset");
    await paced(1_000, 6, step);
    const report = await member.ask("reset");
    await member.stop();
    return report;
  };
  const bare = await run("nats-bare", () => void client.publish("bare", stamped("a").body));
  const ours = await run("nats", () => void log.append([stamped("a")]));
  print("delivery to another process over NATS at 1,000 a second", {
    "publish, ordered consumer p50 ms": bare.p50,
    "p99 ms": bare.p99,
    "natsLog p50 ms": ours.p50,
    "natsLog p99 ms": ours.p99,
    "p99 ratio": ours.p99 / bare.p99,
  });
}

/** A server on a free port, with JetStream in files. */
export async function startNats() {
  const folder = mkdtempSync(join(tmpdir(), "tidings-bench-nats-"));
  const port = await freePort();
  const child = spawn("nats-server", ["-a", "127.0.0.1", "-p", `${port}`, "-js", "-sd", folder], {
    stdio: "ignore",
  });
  const connection = await connectToNats(port);
  return {
    port,
    connection,
    stop: async () => {
      await connection.close();
      const over = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await over;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
