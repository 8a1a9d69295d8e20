/**
 * What is run, quick and in full. A step is one visit to one server; the visits of a round go through all servers before
 * the next round begins, so that what the machine does meanwhile falls on all alike.
 */
import { measureFanOut } from "./scenarios/fan-out.mjs";
import { measureHeartbeat, measureIdle } from "./scenarios/idle.mjs";
import { measureMessages } from "./scenarios/linear.mjs";
import { measureOpening, measureReplay } from "./scenarios/opening.mjs";
import { measureStoppedReaders } from "./scenarios/stopped-readers.mjs";

export const ALL_RHYTHMS = ["saturated", "joined", "paced", "overload", "hold"];

const WITHOUT_OVERLOAD = ["saturated", "joined", "paced", "hold"];

/** What each server takes part in. Hono and h3 cannot pay back an overload in any useful time, nor 10,000 streams. */
export const SERVERS = {
  tidings: { title: "Tidings", rhythms: ALL_RHYTHMS, mostStreams: 19_000 },
  "tidings-acceptor": { title: "Tidings, acceptor", rhythms: ALL_RHYTHMS, mostStreams: 19_000 },
  plain: { title: "bare loop (node:http)", rhythms: ALL_RHYTHMS, mostStreams: 19_000 },
  "better-sse": { title: "better-sse", rhythms: ALL_RHYTHMS, mostStreams: 19_000 },
  "fastify-sse": { title: "@fastify/sse", rhythms: ALL_RHYTHMS, mostStreams: 19_000 },
  hono: { title: "Hono", rhythms: WITHOUT_OVERLOAD, mostStreams: 1000 },
  h3: { title: "h3", rhythms: WITHOUT_OVERLOAD, mostStreams: 1000 },
  uws: { title: "uWebSockets.js", rhythms: ALL_RHYTHMS, mostStreams: 19_000 },
  // Its publisher sends one message at a time: what it does in a turn, or under overload, says nothing.
  nchan: { title: "Nchan (nginx)", rhythms: ["saturated", "paced"], mostStreams: 10_000, keepsIds: true },
};

const OURS = ["tidings", "tidings-acceptor"];
const JUDGED = [...OURS, "plain", "better-sse"];

/** @returns The scenarios by name, each a list of steps `{ scenario, name, run(bench) }` in the order in which they are run. */
export function planSteps({ isFull, rounds, servers, scenarios, part }) {
  const windowMs = isFull ? 2000 : 1000;
  const steps = [];
  /** Where a round ends: ratios are taken within one, so that a run can be cut in parts there and nowhere else. */
  const ends = [0];
  const among = (names) => servers.filter((name) => names.includes(name));
  const each = (scenario, count, names, measure) => {
    if (scenarios !== undefined && !scenarios.includes(scenario)) return;
    for (let round = 1; round <= (rounds ?? count); round++) {
      const visits = names.map((name) => ({ scenario, name, run: (bench) => measure(bench, name, round) }));
      steps.push(...visits);
      if (visits.length > 0) ends.push(steps.length);
    }
  };
  const fanOut = (streams, rhythms) => (bench, name, round) => {
    const own = SERVERS[name].rhythms.filter((rhythm) => rhythms.includes(rhythm));
    return measureFanOut(bench, name, streams, round, { rhythms: own, windowMs });
  };
  const holding = (streams) => servers.filter((name) => SERVERS[name].mostStreams >= streams);
  const compared = among([...JUDGED, "uws"]);
  const context = servers.filter((name) => !compared.includes(name));

  const overloaded = isFull ? servers : [...OURS, "plain"];
  each("fan-out", isFull ? 5 : 3, compared, (bench, name, round) =>
    fanOut(1000, overloaded.includes(name) ? ALL_RHYTHMS : WITHOUT_OVERLOAD)(bench, name, round),
  );
  each("fan-out", isFull ? 3 : 1, context, fanOut(1000, isFull ? ALL_RHYTHMS : WITHOUT_OVERLOAD));
  if (isFull) {
    each("fan-out", 3, servers, fanOut(100, ["saturated", "joined", "paced", "hold"]));
    each("fan-out", 3, holding(10_000), fanOut(10_000, ["saturated", "paced", "hold"]));
    each("fan-out", 2, holding(19_000), fanOut(19_000, ["paced", "hold"]));
    for (const streams of [100, 300, 1000, 3000, 10_000, 19_000]) {
      each("linear", 1, among(["tidings", "plain", "better-sse"]), fanOut(streams, ["paced"]));
    }
  } else {
    each("fan-out", 2, among([...OURS, "plain"]), fanOut(10_000, ["paced", "hold"]));
  }

  for (const streams of isFull ? [1000, 3000, 10_000, 19_000] : [10_000]) {
    const names =
      streams < 10_000
        ? among(["tidings", "plain", "better-sse"])
        : isFull
          ? holding(streams)
          : among(JUDGED);
    // Of one round, what opening costs is known to a tenth.
    each("idle", isFull ? 2 : 3, names, (bench, name, round) => measureIdle(bench, name, streams, round));
  }
  const beating = isFull ? 19_000 : 5000;
  each("heartbeat", isFull ? 2 : 1, isFull ? holding(beating) : among(JUDGED), (bench, name, round) =>
    measureHeartbeat(bench, name, beating, round, { beats: isFull ? 3 : 2 }),
  );
  // Three, whose middle one counts: one that something else on the machine disturbed does not.
  each("opening", 3, isFull ? servers : among(JUDGED), (bench, name, round) =>
    measureOpening(bench, name, round, { windowMs }),
  );
  const replaying = isFull ? servers.filter((name) => !SERVERS[name].keepsIds) : among(JUDGED);
  each("replay", 3, replaying, (bench, name, round) => measureReplay(bench, name, round, { windowMs }));
  // Of one round, a millisecond more or less decides over the others' latency.
  each("stopped-readers", isFull ? 2 : 3, among(["tidings"]), (bench, name, round) =>
    measureStoppedReaders(bench, name, round, { stopped: 1000, messages: isFull ? 1_000_000 : 300_000 }),
  );
  if (isFull) {
    each("linear", 1, among(["tidings"]), (bench, name, round) =>
      measureMessages(bench, name, [1000, 10_000, 100_000, 1_000_000], round),
    );
    each("linear", 1, among(["plain", "better-sse"]), (bench, name, round) =>
      measureMessages(bench, name, [1000, 10_000, 100_000], round),
    );
  }
  if (part === undefined) return steps;
  const cutAt = (share) => ends.findLast((end) => end <= steps.length * share);
  return steps.slice(cutAt((part.number - 1) / part.of), cutAt(part.number / part.of));
}
