/** One server with its streams open, from start to stop; and a measured run on it, with the generator's verdict. */
import { startServer } from "./server-process.mjs";

const FIRST_SEQUENCE = 1_000_000_000;
/** Streams that are being opened at a time. */
const OPENING_SLOTS = 64;
/** Heartbeats that do not fall into a measurement, but with everything set up that they need. */
const SELDOM_MS = 120_000;
/** From this share of its core on, the generator may be what limits a run. */
const GENERATOR_BUSY = 0.92;

/**
 * @param {{ load: object, heartbeatMs?: number, keptMessages?: number, nodeOptions?: string[] }} options
 * @returns The answer of `use`, which gets the open session.
 */
export async function withServer(name, options, use) {
  const { load, heartbeatMs = SELDOM_MS, keptMessages = 0, nodeOptions = [] } = options;
  const server = await startServer(name, {
    nodeOptions,
    env: { BENCH_HEARTBEAT_MS: String(heartbeatMs), BENCH_KEPT_MESSAGES: String(keptMessages) },
  });
  let streams = 0;
  try {
    await load.ask(`base ${FIRST_SEQUENCE}`);
    await load.ask(`target ${server.port} /events`);
    await load.ask(`credit ${server.creditPort}`);
    return await use({
      server,
      load,
      async open(count, receiveBuffer = 0) {
        const answer = await load.ask(`open ${count} ${OPENING_SLOTS} ${receiveBuffer}`);
        if (answer.refused > 0) throw new Error(`${name} refused ${answer.refused} of ${count} streams`);
        streams += count;
        return answer;
      },
      /** Runs one rhythm of servers/driver.mjs; throws when a stream did not get every message once and in order. */
      async run(order, rhythm) {
        await load.ask("mark");
        const run = await server.ask(order, rhythm);
        const heard = await load.ask("report");
        const deliveries = run.messages * streams;
        if (run.confirmed === run.messages) checkComplete(name, order, heard, deliveries);
        return {
          ...run,
          ...heard,
          isComplete: run.confirmed === run.messages,
          cpuUsPerDelivery: run.cpuUs / (run.confirmed * streams),
          deliveriesPerSecond: (run.confirmed * streams) / run.seconds,
          shareInTime: run.confirmedInTime / run.messages,
          p50Ms: heard.p50Us / 1000,
          p99Ms: heard.p99Us / 1000,
          isGeneratorBusy: heard.cpuSeconds / heard.seconds > GENERATOR_BUSY ? 1 : 0,
        };
      },
    });
  } finally {
    await load.ask("close");
    await load.ask("credit 0");
    await server.stop();
  }
}

function checkComplete(name, order, heard, deliveries) {
  const { lost, doubled, broken, closed } = heard;
  if (heard.deliveries === deliveries && lost + doubled + broken + closed === 0) return;
  throw new Error(
    `${name} did not deliver (${order}): ${heard.deliveries} of ${deliveries} deliveries, ${lost} lost, ${doubled} doubled or out of order, ${broken} broken, ${closed} streams closed`,
  );
}
