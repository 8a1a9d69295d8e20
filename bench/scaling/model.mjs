/** The simulation: what the nodes and Redis do, and when subscribers come back. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import * as given from "./assumptions.mjs";

/** The client's own code, from its source: dist has nothing by that name. */
const { outputFiles } = await build({
  entryPoints: [
    fileURLToPath(new URL("../../packages/tidings/src/client/core/reconnect.ts", import.meta.url)),
  ],
  bundle: true,
  format: "esm",
  write: false,
});
const { delayMs } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
);

/** How many nodes have at least one of the subscribers of a topic, when each is at a random node: what one message costs the log. */
export function followersOf(subscribersPerTopic, nodes) {
  return nodes * (1 - (1 - 1 / nodes) ** subscribersPerTopic);
}

/** Steady state: the shares of a core, and bytes. */
export function steady({ topics, perSecond, appendUs }, nodes, subscribers = given.SUBSCRIBERS) {
  const perTopic = subscribers / topics;
  const copies = perSecond * followersOf(perTopic, nodes);
  const deliveries = (perSecond * perTopic) / nodes;
  const heartbeats = subscribers / nodes / (given.HEARTBEAT_MS / 1_000);
  return {
    streams: subscribers / nodes,
    memoryBytes: (subscribers / nodes) * (given.STREAM_BYTES + given.SOCKET_BYTES),
    redisShare: (perSecond * appendUs + copies * given.FOLLOWER_US) / 1e6,
    redisBytes: copies * given.ENTRY_BYTES,
    deliveries,
    nodeShare: (deliveries * given.DELIVERY_US + heartbeats * given.HEARTBEAT_US) / 1e6,
  };
}

/**
 * What presence costs besides: of each node what changed at it, for all others, and an event for each topic whose members changed.
 */
export function presence(
  nodes,
  { members, memberBytes, perTopic, stayMs, coalesceMs, appendUs } = given.PRESENCE,
) {
  const changes = (2 * members) / (stayMs / 1_000);
  const records = Math.min(changes, nodes * (1_000 / coalesceMs));
  const copies = records * nodes + changes * followersOf(perTopic, nodes);
  return {
    changes,
    copies,
    redisShare: ((records + changes) * appendUs + copies * given.FOLLOWER_US) / 1e6,
    memoryBytes: members * memberBytes,
  };
}

/**
 * When subscribers whose stream broke at `lostMs` are back. Each waits as the client does, goes to a random node, and there
 * waits for its turn.
 * @param {{ lostMs: ArrayLike<number>, waitMs?: (n: number) => number, nodes: number, openUs?: number, random?: () => number }} options
 * - `waitMs`: of each. Default: a stream that broke, without the server's word.
 * @returns {Float64Array} When each is back, sorted.
 */
export function comeBack({
  lostMs,
  waitMs,
  nodes,
  openUs = given.OPEN_US / given.USABLE,
  random = Math.random,
}) {
  const wait = waitMs ?? (() => delayMs(given.CLIENT.baseMs, 1, random(), given.CLIENT.capMs));
  const attempts = Float64Array.from(lostMs, (ms, n) => ms + wait(n)).sort();
  const freeMs = new Float64Array(nodes);
  return attempts
    .map((atMs) => {
      const node = Math.floor(random() * nodes);
      freeMs[node] = Math.max(freeMs[node], atMs) + openUs / 1_000;
      return freeMs[node];
    })
    .sort();
}

/** A node whose process dies: its peers hear of it at once. */
export function crash(nodes, subscribers = given.SUBSCRIBERS, random = Math.random) {
  return comeBack({ lostMs: new Float64Array(subscribers / nodes), nodes: nodes - 1, random });
}

/**
 * A machine that vanishes: no one hears of it. Each client waits for three heartbeats that do not come, from the last one that did.
 */
export function vanish(nodes, subscribers = given.SUBSCRIBERS, random = Math.random) {
  const lostMs = Float64Array.from(
    { length: subscribers / nodes },
    () => given.HEARTBEAT_MS * 3 - random() * given.HEARTBEAT_MS,
  );
  return comeBack({ lostMs, nodes: nodes - 1, random });
}

/**
 * A drain: streams end evenly over `overMs`, each with a reconnection time that is as evenly spread, from which the client departs
 * by a fifth at most.
 */
export function drainReturns(streams, { overMs, retryMs: [least, most] }, nodes, random = Math.random) {
  const lostMs = Float64Array.from({ length: streams }, (_, n) => (overMs * n) / streams);
  const told = (n) => least + (most - least) * ((n * 0.618_033_988_749_894_9) % 1);
  const waitMs = (n) => delayMs(Math.max(given.CLIENT.baseMs, told(n)), 0, random(), given.CLIENT.capMs);
  return comeBack({ lostMs, waitMs, nodes, random });
}

/**
 * A deployment of all nodes, one after another. Those who leave go to the nodes with the fewest streams.
 * @param startMs - From the end of a drain until its node takes streams again, and the next one begins.
 */
export function deploy(nodes, drain, startMs, subscribers = given.SUBSCRIBERS, random = Math.random) {
  const counts = Array.from({ length: nodes }, () => subscribers / nodes);
  const returns = [];
  let atMs = 0;
  let mostAtOne = 0;
  for (let node = 0; node < nodes; node += 1) {
    const leaving = Math.round(counts[node]);
    counts[node] = 0;
    // At first all are equal; then the one that was restarted has room for all.
    const takers = fill(counts, leaving, node);
    for (const ms of drainReturns(leaving, drain, takers, random)) returns.push(atMs + ms);
    mostAtOne = Math.max(mostAtOne, leaving / takers);
    atMs += drain.overMs + startMs;
  }
  return { returns, totalMs: atMs, mostAtOne };
}

/** Fills up the emptiest, but for one. @returns How many took some. */
function fill(counts, streams, except) {
  const others = [...counts.keys()].filter((node) => node !== except);
  others.sort((one, other) => counts[one] - counts[other]);
  let left = streams;
  for (let filled = 1; ; filled += 1) {
    const next = filled < others.length ? counts[others[filled]] : Infinity;
    const now = counts[others[0]];
    const step = Math.min(Math.max(0, next - now) * filled, left);
    for (const node of others.slice(0, filled)) counts[node] += step / filled;
    left -= step;
    // Streams are whole, and these numbers are not.
    if (left < 1) return filled;
  }
}
