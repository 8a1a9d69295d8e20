/**
 * How long the event loop stands still for others while readers return with patterns: over 10,000 topics, in memory and in LMDB.
 *
 *     npm run bench stalls [-- --rounds 9] [--gate]
 *
 * A turn of the loop is measured in CPU time of the server's process, so that other work on the machine does not count. Both logs take
 * turns in each round. 100 readers that return with a pattern may make a turn twice as long as that of 100 that return by name, in the
 * median of the rounds. With `--gate`, the exit code is 1 if it is longer than that by a quarter: the rest is noise.
 */
import { execSync, fork } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { cpus } from "node:os";
import { parseArgs } from "node:util";

const TOPICS = 10_000;
const EACH = 5;
/** What patterns may cost others, by name = 1; and the share of it that the gate lets through, as that of the hub's benchmark. */
const MOST_RATIO = 2;
const GATE_SHARE = 0.8;
const BY_NAME = "100 readers by name";
const LOGS = ["memory", "lmdb"];

export async function main(args) {
  const { values } = parseArgs({
    args,
    options: { rounds: { type: "string", default: "9" }, gate: { type: "boolean" } },
  });
  const rounds = Number(values.rounds);
  execSync("npm run build --silent --workspace tidings", { stdio: ["ignore", "ignore", "inherit"] });
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0].model}; medians of ${rounds} rounds\n`,
  );
  const logs = await Promise.all(LOGS.map((kind) => start(kind)));
  for (let round = 0; round < rounds; round += 1) for (const log of logs) await visit(log, round);
  for (const log of logs) {
    log.server.disconnect();
    await once(log.server, "exit");
  }
  report(logs);
  if (values.gate) judge(logs);
}

function report(logs) {
  const row = (what, cell) => console.log(`| ${what} | ${logs.map(cell).join(" | ")} |`);
  row("longest turn of the loop, ms of CPU (of time)", ({ kind }) => kind);
  console.log("|---|--:|--:|");
  for (const name of Object.keys(logs[0].results)) {
    row(name, ({ results }) => {
      const { cpu, ms } = results[name];
      return `${median(cpu).toFixed(1)} (${median(ms).toFixed(1)})`;
    });
  }
  console.log("");
  row("longest turn in CPU, by name = 1, median (quartiles) of the rounds", ({ kind }) => kind);
  console.log("|---|--:|--:|");
  for (const name of patternsOf(logs[0])) {
    row(name, (log) => {
      const sorted = ratios(log, name).toSorted((one, other) => one - other);
      const at = (share) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(1);
      return `${median(sorted).toFixed(2)} (${at(0.25)} to ${at(0.75)})`;
    });
  }
}

function judge(logs) {
  const failed = logs.flatMap((log) =>
    patternsOf(log)
      .filter((name) => !(median(ratios(log, name)) <= MOST_RATIO / GATE_SHARE))
      .map((name) => `${name} (${log.kind})`),
  );
  const most = MOST_RATIO / GATE_SHARE;
  console.log(
    failed.length === 0
      ? `\nGate: passed, each at most ${most} × by name`
      : `\nGate: above ${most} × by name: ${failed.join("; ")}`,
  );
  if (failed.length > 0) process.exitCode = 1;
}

/** Those that are compared with readers by name: as many, of the same log, in the same round. */
function patternsOf({ results }) {
  return Object.keys(results).filter((name) => name.startsWith("100 readers") && name !== BY_NAME);
}

function ratios({ results }, name) {
  return results[name].cpu.map((cpu, round) => cpu / results[BY_NAME].cpu[round]);
}

async function start(kind) {
  const server = fork(new URL("server.mjs", import.meta.url), [kind, TOPICS, EACH], {
    execArgv: ["--expose-gc"],
  });
  const [place] = await once(server, "message");
  return { kind, server, place, results: {} };
}

/** One round of one log. */
async function visit({ server, place, results }, round) {
  const tell = async (message) => {
    server.send(message);
    return (await once(server, "message"))[0];
  };
  const record = (name, { longestMs, longestCpuMs }) => {
    results[name] ??= { cpu: [], ms: [] };
    results[name].cpu.push(longestCpuMs);
    results[name].ms.push(longestMs);
  };
  // A round publishes to some topics only, and after some rounds the readers of the others would have nothing to wait for.
  if (round > 0) await tell("fill");
  const settle = () => new Promise((resolve) => setTimeout(resolve, 300));
  // Whoever comes first finds a loop that has just published, or just started: each is first in turn.
  const [many, single] = [[...returning(round)], [...asking(round)]];
  for (const [name, queries, publishes] of [...rotate(many, round), ...single]) {
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

function rotate(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/**
 * Every round has patterns of its own, or all that is made for them would be there already.
 * @returns {Generator<[name: string, queries: string[]]>}
 */
function* returning(round) {
  const many = (query) => Array.from({ length: 100 }, (_, i) => query(i * 97));
  yield [BY_NAME, many((i) => `topic=shop/${i}/price`)];
  yield [
    "100 readers, one narrow pattern each",
    many((i) => `pattern=shop/${i}/${"price".slice(0, round % 5)}*`),
  ];
  yield ["100 readers, one broad pattern each", many((i) => `pattern=:shop/${i}/:r${round}`)];
  yield ["100 readers, the same pattern", many(() => `pattern=shop/:n/:r${round}`)];
}

/** @returns {Generator<[name: string, queries: string[], publishes: boolean]>} */
function* asking(round) {
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
