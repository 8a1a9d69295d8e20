/**
 * A rolling restart: servers behind nginx, over one log in Redis, are restarted one after another while messages are published
 * and subscribers read. What a deployment does, with real processes.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { redisLog } from "tidings/log/redis";
import { createHub } from "tidings/server";
import { freePort } from "../../../test/support/free-port.mjs";
import { CLIENTS, now, startRedis } from "../engines.mjs";

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
/** In one process of the benchmark. */
const READERS_PER_PROCESS = 1_000;

/**
 * @param {{ servers?: number, readers: number, topics: number, perSecond: number, drain: object, settleMs?: number, say?: (line: string) => void }} options
 * - `settleMs`: between one restart and the next.
 * @returns What was lost, doubled and told, and for each restart its times and when readers came back, in milliseconds since the first began.
 */
export function rollingRestart(options) {
  const { settleMs = 0, say = () => {} } = options;
  return inWorld(options, async ({ servers, allBack, start, finish }) => {
    const beganMs = now();
    const restarts = [];
    for (const [i, server] of servers.entries()) {
      const from = now() - beganMs;
      server.kill("SIGTERM");
      await once(server, "exit");
      const drained = now() - beganMs;
      servers[i] = await start(i);
      const restarted = now() - beganMs;
      // Everyone is back before the next one goes, as a deployment waits for.
      const returns = (await allBack()).returns.map((ms) => ms - beganMs);
      await new Promise((resolve) => setTimeout(resolve, settleMs));
      restarts.push({ from, drained, restarted, returns });
      say(`server ${i + 1} was restarted: ${returns.length} readers came back`);
    }
    return { ...(await finish()), restarts };
  });
}

/** One server is killed, and stays away. @returns What was lost, and when streams broke and readers came back, in milliseconds since then. */
export function crashOne(options) {
  return inWorld(options, async ({ servers, allBack, finish }) => {
    const beganMs = now();
    await kill(servers[0]);
    const { returns, losses } = await allBack();
    const since = (times) => times.map((ms) => ms - beganMs);
    return { ...(await finish()), returns: since(returns), losses: since(losses) };
  });
}

/** Redis, servers, nginx, readers and a publisher. */
async function inWorld({ servers: count = 3, readers, topics: topicCount, perSecond, drain, say }, body) {
  const topics = Array.from({ length: topicCount }, (_, n) => `topic-${n}`);
  const cleanups = [];
  try {
    const redis = await startRedis();
    cleanups.push(() => redis.stop());
    const [front, ...rest] = await Promise.all(Array.from({ length: count + 1 }, () => freePort()));
    const start = (i) => startProcess("server.mjs", { port: rest[i], redis: redis.port, drain });
    const servers = await Promise.all(rest.map((_, i) => start(i)));
    cleanups.push(() => Promise.all(servers.map(kill)));
    const nginx = await startNginx(front, rest);
    cleanups.push(() => nginx.stop());

    const url = `http://127.0.0.1:${front}/events`;
    const share = Math.min(READERS_PER_PROCESS, readers);
    const groups = await Promise.all(
      Array.from({ length: Math.ceil(readers / share) }, () =>
        startProcess("readers.mjs", { url, readers: share, topics, rampMs: share * 3 }),
      ),
    );
    cleanups.push(() => Promise.all(groups.map(kill)));
    say?.(`${readers} readers at ${count} servers`);
    const ask = () => askAll(groups);
    const publisher = await startPublisher(redis.port, topics, perSecond);
    cleanups.push(() => publisher.stop());
    await until(() => publisher.perTopic() > 0);

    return await body({
      servers,
      start,
      allBack: async () => {
        const [returns, losses] = [[], []];
        let report;
        do {
          await new Promise((resolve) => setTimeout(resolve, 100));
          report = await ask();
          returns.push(...report.returns);
          losses.push(...report.losses);
        } while (report.open < readers || returns.length === 0);
        return { returns, losses };
      },
      finish: async () => {
        const published = await publisher.finish();
        let report = await ask();
        // The last of each topic comes last.
        while (report.least < published.perTopic) report = await ask();
        const { lost, doubled, gaps, failed, delivered } = report;
        return { lost, doubled, gaps, failed, delivered, published: published.messages };
      },
    });
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

async function askAll(groups) {
  const parts = await Promise.all(groups.map(answer));
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
  const counts = ["lost", "doubled", "gaps", "failed", "open", "delivered"].map((key) => [key, sum(key)]);
  return {
    ...Object.fromEntries(counts),
    least: Math.min(...parts.map(({ least }) => least)),
    returns: parts.flatMap(({ returns }) => returns),
    losses: parts.flatMap(({ losses }) => losses),
  };
}

/** Numbers the messages of each topic, and repeats what was not accepted, as a publisher has to. */
async function startPublisher(port, topics, perSecond) {
  const client = await CLIENTS["node-redis"](port);
  const hub = createHub({ log: redisLog(client), retention: { messages: 100_000 } });
  let n = 0;
  const pending = new Set();
  const publish = () => {
    const publishing = hub.publish(topics[n % topics.length], {
      event: "n",
      data: `${Math.floor(n / topics.length)}`,
    });
    n += 1;
    pending.add(publishing);
    void publishing.then(() => pending.delete(publishing));
  };
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) * perSecond) / 1_000;
    while (n < due) publish();
  }, 10);
  return {
    perTopic: () => Math.floor(n / topics.length),
    finish: async () => {
      clearInterval(timer);
      while (n % topics.length !== 0) publish();
      await Promise.all(pending);
      return { messages: n, perTopic: n / topics.length };
    },
    stop: async () => {
      clearInterval(timer);
      await hub.drain({ overMs: 0, graceMs: 1 });
      client.destroy();
    },
  };
}

/** deploy/nginx, with an upstream in place of its one server. */
async function startNginx(port, servers) {
  const folder = mkdtempSync(join(tmpdir(), "tidings-rolling-"));
  const site = readFileSync(here("../../../deploy/nginx/tidings.conf"), "utf8")
    .replace("listen 80;", `listen 127.0.0.1:${port} backlog=4096;`)
    .replace("proxy_pass http://127.0.0.1:3001;", "proxy_pass http://servers;");
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, "nginx.conf"),
    `${process.getuid() === 0 ? "user root;" : ""}
    daemon off; worker_processes 1; worker_rlimit_nofile 16384; pid ${folder}/nginx.pid; error_log stderr crit;
    events { worker_connections 8192; }
    http { access_log off; ${paths.join(" ")}
      upstream servers { least_conn; ${servers.map((one) => `server 127.0.0.1:${one} max_fails=0;`).join(" ")} }
      proxy_next_upstream error timeout http_503;
      ${site} }`,
  );
  const child = spawn("nginx", ["-p", folder, "-c", "nginx.conf", "-e", "stderr"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  await until(() =>
    fetch(`http://127.0.0.1:${port}/elsewhere`).then(
      () => true,
      () => false,
    ),
  );
  return {
    stop: async () => {
      // SIGKILL would leave its worker behind.
      const over = once(child, "exit");
      child.kill("SIGTERM");
      await over;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startProcess(file, options) {
  const child = fork(here(file), [JSON.stringify(options)]);
  await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => {
      throw new Error(`${file} ended with ${code}`);
    }),
  ]);
  return child;
}

async function answer(child) {
  const answered = once(child, "message");
  child.send("report");
  return (await answered)[0];
}

async function kill(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, "exit");
  child.kill("SIGKILL");
  await over;
}

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}
