/**
 * How long the event loop stands still for others while readers return with patterns: over 10,000 topics, in memory and in LMDB.
 *
 *     npm run bench stalls
 *
 * A turn of the loop is measured in CPU time of the server's process, so that other work on the machine does not count.
 */
import { execSync, fork } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { cpus } from "node:os";
import { parseArgs } from "node:util";

const TOPICS = 10_000;
const EACH = 5;

export async function main(args) {
  const { values } = parseArgs({ args, options: { rounds: { type: "string", default: "5" } } });
  execSync("npm run build --silent --workspace tidings", { stdio: ["ignore", "ignore", "inherit"] });
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0].model}; medians of ${values.rounds} rounds\n`,
  );
  console.log("| longest turn of the loop, ms of CPU (of time) | memory | LMDB |\n|---|--:|--:|");
  const logs = [await measure("memory", Number(values.rounds)), await measure("lmdb", Number(values.rounds))];
  for (const name of Object.keys(logs[0])) {
    const cells = logs.map((log) => `${log[name].cpu.toFixed(1)} (${log[name].ms.toFixed(1)})`);
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
}

async function measure(kind, rounds) {
  const server = fork(new URL("server.mjs", import.meta.url), [kind, TOPICS, EACH], {
    execArgv: ["--expose-gc"],
  });
  const tell = async (message) => {
    if (message !== undefined) server.send(message);
    return (await once(server, "message"))[0];
  };
  const place = await tell();
  const results = {};
  for (let round = 0; round < rounds; round += 1) {
    const record = (name, { longestMs, longestCpuMs }) => {
      results[name] ??= { cpu: [], ms: [] };
      results[name].cpu.push(longestCpuMs);
      results[name].ms.push(longestMs);
    };
    // A round publishes to some topics only, and after some rounds the readers of the others would have nothing to wait for.
    if (round > 0) await tell("fill");
    const settle = () => new Promise((resolve) => setTimeout(resolve, 300));
    for (const [name, queries, publishes] of scenarios(round)) {
      const { head } = await tell("begin");
      // Behind everything that was discarded; a single reader stands before it, and so asks what was lost.
      const cursor = `${place.epoch}.${queries.length > 1 ? head - TOPICS * (EACH - 1) : 1}`;
      const readers = await Promise.all(
        queries.map((query) => open(place.port, query, cursor, queries.length > 1)),
      );
      await settle();
      record(name, await tell("end"));
      if (publishes) {
        await tell("begin");
        await tell("publish");
        await settle();
        record(`… then one publish to 1,000 topics (${name})`, await tell("end"));
      }
      for (const reader of readers) reader.destroy();
      // That they leave is not what the next ones cost.
      await settle();
    }
  }
  server.disconnect();
  await once(server, "exit");
  for (const result of Object.values(results)) {
    result.cpu = median(result.cpu);
    result.ms = median(result.ms);
  }
  return results;
}

/**
 * Every round has patterns of its own, or all that is made for them would be there already.
 * @returns {Generator<[name: string, queries: string[], publishes?: boolean]>}
 */
function* scenarios(round) {
  const many = (query) => Array.from({ length: 100 }, (_, i) => query(i * 97));
  yield ["100 readers by name", many((i) => `topic=shop/${i}/price`)];
  yield [
    "100 readers, one narrow pattern each",
    many((i) => `pattern=shop/${i}/${"price".slice(0, round % 5)}*`),
  ];
  yield ["100 readers, one broad pattern each", many((i) => `pattern=:shop/${i}/:r${round}`)];
  yield ["100 readers, the same pattern", many(() => `pattern=shop/:n/:r${round}`)];
  yield ["1 request by name", ["topic=shop/1/price"], true];
  for (const [name, patterns] of worst(round)) {
    const query = patterns.map((pattern) => `pattern=${encodeURIComponent(pattern)}`).join("&");
    yield [`1 request: ${name}`, [query], true];
  }
}

/**
 * As much as the limits allow: 100 patterns, 256 wildcards together, and what fits into a request's head of 16 kB.
 * @returns {Generator<[name: string, patterns: string[]]>}
 */
function* worst(round) {
  const list = (length, pattern) => Array.from({ length }, (_, i) => pattern(i));
  yield [
    "100 patterns that match nothing",
    list(100, (i) => `:a/*${i}x${round}*`.slice(i % 3 === 0 ? 0 : 3)),
  ];
  yield ["85 patterns of 3 wildcards", list(85, (i) => `*${i % 10}*/p*${i}${round}`)];
  yield ["16 patterns of 16 wildcards", list(16, (i) => `*0*1*2*3*4*5*6*7*8*9*/*p*r*i*c*e${i}${round}`)];
  yield [
    "100 patterns of 100 characters",
    list(100, (i) => `*${`shop/${round}/${i}`.padEnd(100, "shop/1")}`),
  ];
}

/** Resolves with the connection when the reader has its messages; a worst request has nothing to get. */
function open(port, query, cursor, awaits) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path: `/?${query}`, agent: false });
    asked.setHeader("last-event-id", cursor);
    asked.on("error", reject);
    asked.on("response", (response) => {
      response.on("error", () => undefined);
      if (response.statusCode !== 200) reject(new Error(`Status ${response.statusCode} for ${query}`));
      if (!awaits) resolve(asked);
      response.on("data", (chunk) => chunk.includes("price") && resolve(asked));
    });
    asked.end();
  });
}

function median(values) {
  return values.toSorted((one, other) => one - other)[values.length >>> 1];
}
