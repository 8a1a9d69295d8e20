/**
 * What every server under test has in common: it obeys the benchmark over the process channel, publishes in one of the
 * measured rhythms, and accounts for its own CPU. A server file gives it `publish` and the port; all else is here.
 *
 * A measured run is closed in itself: it starts with everything delivered and ends when the generator has confirmed
 * (over the credit connection) that every stream has every message. So deliveries are exactly messages times streams,
 * and the CPU in between is all of theirs and nobody else's.
 */
import { createServer } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { FIRST_SEQUENCE, createMessage, nowUs } from "./message.mjs";

/** Milliseconds between heartbeats, 0 for none. */
export const heartbeatMs = Number(process.env.BENCH_HEARTBEAT_MS ?? 0);
/** Messages that a server keeps for those who come with a last event ID, 0 for none. */
export const keptMessages = Number(process.env.BENCH_KEPT_MESSAGES ?? 0);
/** How long a run waits for the last confirmation before it gives up and says so. */
const SETTLE_MS = 30_000;

let seq = FIRST_SEQUENCE;
let confirmed = FIRST_SEQUENCE;
let onCredit = () => {};

/**
 * @param {{ port: number,
 *   publish: (message: { seq: number, at: number }, id: string) => unknown,
 *   pid?: number,
 *   cpuUs?: () => number }} server `publish` may return (a promise of) the `id` that the message got, if not the one given;
 *   `pid` and `cpuUs` are those of the process that serves, when it is not this one.
 */
export async function drive({ port, publish, pid = process.pid, cpuUs = ownCpuUs }) {
  const publishNext = (at) => {
    seq++;
    return publish(createMessage(seq, at), String(seq));
  };

  const rhythms = {
    /** One turn of the event loop after the other, each with `perTurn` messages, `credit` turns ahead of the slowest. */
    saturate({ ms, perTurn, credit }) {
      return run((started, done) => {
        const until = started + ms * 1000;
        const turn = () => {
          if (nowUs() >= until) return done();
          if (seq - confirmed + perTurn > credit * perTurn) {
            onCredit = () => {
              onCredit = () => {};
              setImmediate(turn);
            };
            return;
          }
          const at = nowUs();
          for (let count = 0; count < perTurn; count++) publishNext(at);
          setImmediate(turn);
        };
        setImmediate(turn);
      });
    },

    /** Message by message at its time, whoever keeps up; stamped with the time it was due. */
    pace({ ms, perSecond }) {
      return run((started, done) => {
        const wanted = Math.round((ms / 1000) * perSecond);
        let sent = 0;
        const next = () => {
          const now = nowUs();
          for (; sent < wanted; sent++) {
            const due = started + (sent * 1e6) / perSecond;
            if (due > now) return setTimeout(next, (due - now) / 1000);
            publishNext(Math.floor(due));
          }
          done();
        };
        next();
      });
    },

    /** For each of `publishes` messages, the longest turn of the event loop until every stream had it. */
    async hold({ publishes }) {
      const native = monitorEventLoopDelay({ resolution: 1 });
      native.enable();
      const silentMs = [];
      const holdMs = [];
      const holdCpuMs = [];
      for (let count = 0; count < publishes; count++) {
        const silence = probeTurns();
        await delay(20);
        silentMs.push(silence().ms);
        const publishing = probeTurns();
        publishNext(nowUs());
        const wasAt = seq;
        while (confirmed < wasAt) {
          if (!(await credited())) throw new Error("the message did not reach every stream");
        }
        const { ms, cpuMs } = publishing();
        holdMs.push(ms);
        holdCpuMs.push(cpuMs);
      }
      native.disable();
      return {
        holdMs,
        holdCpuMs,
        silentMs,
        nativeP99Ms: native.percentile(99) / 1e6,
        nativeMaxMs: native.max / 1e6,
      };
    },
  };

  async function run(rhythm) {
    const first = seq;
    const started = nowUs();
    const cpu = cpuUs();
    await new Promise((resolve) => rhythm(started, resolve));
    const publishedUs = nowUs() - started;
    const confirmedThen = confirmed;
    while (confirmed < seq) if (!(await credited())) break;
    return {
      messages: seq - first,
      confirmedInTime: confirmedThen - first,
      confirmed: confirmed - first,
      publishSeconds: publishedUs / 1e6,
      seconds: (nowUs() - started) / 1e6,
      cpuUs: cpuUs() - cpu,
      seq,
    };
  }

  const orders = {
    ...rhythms,
    cpu: () => ({ cpuUs: cpuUs(), atUs: nowUs() }),
    /** Publishes without waiting for anybody; answers with the first of them. */
    async fill({ count }) {
      const first = seq + 1;
      const published = await publishNext(nowUs());
      for (let sent = 1; sent < count; sent++) await publishNext(nowUs());
      return { first, firstId: published?.id ?? String(first) };
    },
    /** Publishes `count` messages in closed loop, `credit` ahead of the slowest stream that reads. */
    async pour({ count, credit }) {
      const wanted = seq + count;
      return run(async (_started, done) => {
        while (seq < wanted) {
          while (seq - confirmed >= credit) await credited();
          const at = nowUs();
          for (let sent = 0; sent < 10 && seq < wanted; sent++) publishNext(at);
          await new Promise(setImmediate);
        }
        done();
      });
    },
    async collect() {
      for (let count = 0; count < 4; count++) {
        globalThis.gc();
        await delay(50);
      }
      const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
      return { heapUsed, external, arrayBuffers, rss };
    },
  };

  const credit = createServer((socket) => {
    let rest = "";
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      if (lines.length === 0) return;
      confirmed = Number(lines.at(-1));
      onCredit();
    });
    socket.on("error", () => {});
  });
  await new Promise((resolve) => credit.listen(0, "127.0.0.1", resolve));

  const obey = async ({ order, ...options }) => {
    try {
      process.send({ answer: await orders[order](options) });
    } catch (error) {
      process.send({ error: String(error?.stack ?? error) });
    }
  };
  process.on("message", (message) => void obey(message));
  process.on("disconnect", () => process.exit(0));
  process.send({ answer: { port, pid, creditPort: credit.address().port } });
}

function ownCpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Resolves to true at the next confirmation, to false when none comes. */
function credited() {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(false), SETTLE_MS);
    const settle = (came) => {
      clearTimeout(timer);
      onCredit = () => {};
      resolve(came);
    };
    onCredit = () => settle(true);
  });
}

/**
 * Watches the turns of the event loop; the function it returns stops that and says how long the longest took, on the clock
 * and in CPU of the process. What other processes took of the core is in the first alone.
 */
function probeTurns() {
  let longest = 0;
  let longestCpuUs = 0;
  let last = performance.now();
  let lastCpuUs = ownCpuUs();
  let isOver = false;
  const look = () => {
    const now = performance.now();
    const nowCpuUs = ownCpuUs();
    longest = Math.max(longest, now - last);
    longestCpuUs = Math.max(longestCpuUs, nowCpuUs - lastCpuUs);
    last = now;
    lastCpuUs = nowCpuUs;
  };
  const turn = () => {
    look();
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    isOver = true;
    look();
    return { ms: longest, cpuMs: longestCpuUs / 1000 };
  };
}

function delay(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
