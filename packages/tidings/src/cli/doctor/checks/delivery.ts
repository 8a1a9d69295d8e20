/**
 * How messages are delivered: live, held, in blocks, late by a constant time, or with their tails cut off.
 */
import { beganAtMs, type Delivery, deliveryOf, median, quantumOf, type Timed, timed } from "./arrivals.ts";
import type { Evidence } from "../evidence.ts";
import { fixesFor } from "./fixes.ts";
import type { Check } from "../finding.ts";
import type { Observation } from "../examine/observation.ts";
import { compressionStall } from "./caching.ts";
import { header, isStream, time } from "./look.ts";

interface Watched {
  readonly observation: Observation;
  readonly delivery: Delivery | undefined;
  readonly small: readonly Timed[];
}

/** The run to judge: uncompressed, since what only compression holds back is `Z01`. */
function watched(evidence: Evidence): Watched {
  const { runs, main, identity } = evidence;
  const stalled = compressionStall(evidence) !== undefined;
  const observation = runs?.tickIdentity ?? (stalled && identity !== undefined ? identity : main);
  const all = timed(observation);
  // Of the endpoint's program, the regular part.
  const small = runs === undefined ? all : all.slice(0, -2);
  return {
    observation,
    small,
    delivery: deliveryOf(small, runs === undefined ? undefined : baseOf(evidence)),
  };
}

function baseOf({ runs }: Evidence): number | undefined {
  return runs === undefined ? undefined : beganAtMs(runs.tickIdentity, runs.wayMs);
}

export const delivery: readonly Check[] = [
  {
    id: "B01",
    title: "Events are held back and arrive together",
    severity: "error",
    find(evidence) {
      const { delivery, observation, small } = watched(evidence);
      if (delivery?.held === true) {
        return {
          seen: `${delivery.count} events, sent over ${time(small.at(-1)!.sentMs - small[0]!.sentMs)}, arrived together${quantumText(observation)}`,
          sure: "certain",
          fix: fixesFor("buffering", evidence.hops),
        };
      }
      const { runs } = evidence;
      const empty =
        runs &&
        [runs.tickIdentity, runs.tick].find(
          ({ head, messages, error }) =>
            messages.length === 0 &&
            (head === undefined ? error === undefined : head.status === 200) &&
            header(runs.tick, "content-encoding") === undefined,
        );
      if (empty === undefined) return undefined;
      return {
        seen: `nothing arrived within ${time(empty.endedAtMs)}`,
        sure: "likely",
        fix: fixesFor("buffering", evidence.hops),
      };
    },
  },
  {
    id: "B02",
    title: "Events arrive in blocks",
    severity: "error",
    find(evidence) {
      const { delivery, observation } = watched(evidence);
      if (delivery !== undefined) {
        if (!delivery.blocks || delivery.periodMs !== undefined) return undefined;
        return {
          seen: `${delivery.count} events in ${delivery.groups} blocks, up to ${time(delivery.largestLagMs)} late${quantumText(observation)}`,
          sure: "certain",
          fix: fixesFor("buffering", evidence.hops),
        };
      }
      // Of a stream that carries no times: several whole pages, each of which cuts a message.
      const quantum = quantumOf(observation);
      const cuts = observation.chunks.filter(({ midMessage }) => midMessage).length;
      if (quantum === undefined || cuts < 3 || observation.chunks.length > 400) return undefined;
      return {
        seen: `bytes arrive in whole pages of ${quantum}`,
        sure: "likely",
        fix: fixesFor("buffering", evidence.hops),
      };
    },
  },
  {
    id: "B03",
    title: "The end of large events waits for the next byte",
    severity: "error",
    find(evidence) {
      const { delivery, observation } = watched(evidence);
      if (evidence.runs !== undefined) {
        if (delivery === undefined || delivery.held || delivery.blocks) return undefined;
        const all = timed(observation);
        const big = all.at(-2);
        if (big === undefined || big.message.data.length < 4096) return undefined;
        const late = big.atMs - big.sentMs - (baseOf(evidence) ?? 0) - delivery.medianLagMs;
        if (late < 800) return undefined;
        return {
          seen: `an event of ${big.message.data.length} B arrived ${time(late)} late, small ones at once`,
          sure: "certain",
          fix: fixesFor("buffering", evidence.hops),
        };
      }
      const { chunks, messages } = observation;
      if (messages.length === 0) return undefined;
      // Whole pages stop in the middle of messages too, and are B02.
      if (quantumOf(observation) !== undefined) return undefined;
      const waits = chunks.flatMap(({ midMessage, atMs }, at) => {
        const next = chunks[at + 1];
        return midMessage && next !== undefined && next.atMs - atMs > 400 ? [next.atMs - atMs] : [];
      });
      if (waits.length < 2 || delivery?.held === true || delivery?.blocks === true) return undefined;
      return {
        seen: `${waits.length} messages stopped halfway, for ${time(median(waits))}`,
        sure: "likely",
        fix: fixesFor("buffering", evidence.hops),
      };
    },
  },
  {
    id: "B04",
    title: "Every event is late by the same amount",
    severity: "warning",
    find(evidence) {
      const { delivery, observation } = watched(evidence);
      const { runs, other } = evidence;
      const fix = fixesFor("nodelay", evidence.hops);
      if (runs !== undefined) {
        if (delivery === undefined || !isCork(delivery)) return undefined;
        // Fast events then come in clumps; where they do not, this machine was slow to begin.
        const tokens = deliveryOf(timed(runs.tokens));
        if (tokens !== undefined && tokens.groups > tokens.count * 0.6) return undefined;
        return {
          seen: `+${time(delivery.leastLagMs)} on each event (HTTP/${observation.head!.httpVersion})`,
          sure: "likely",
          fix,
        };
      }
      if (other === undefined || !isStream(other)) return undefined;
      const [one, two] = [timed(observation), timed(other)].map((all) =>
        median(all.map(({ sentMs, atMs }) => atMs - sentMs)),
      );
      const startedApart = other.startedAtMs - observation.startedAtMs;
      const difference = Math.abs(one! - two! - startedApart);
      if (timed(observation).length < 5 || timed(other).length < 5 || difference < 120 || difference > 300)
        return undefined;
      return {
        seen: `${time(difference)} between HTTP/${observation.head!.httpVersion} and HTTP/${other.head!.httpVersion}`,
        sure: "likely",
        fix,
      };
    },
  },
  {
    id: "B05",
    title: "Each event arrives with the next one",
    severity: "error",
    find(evidence) {
      const { delivery } = watched(evidence);
      if (evidence.runs === undefined || delivery === undefined || delivery.held || delivery.blocks)
        return undefined;
      const { leastLagMs, medianLagMs, intervalMs } = delivery;
      if (leastLagMs < intervalMs * 0.75 || medianLagMs > intervalMs * 1.6) return undefined;
      return {
        seen: `each event arrived ${time(medianLagMs)} late: one interval`,
        sure: "certain",
        fix: [
          "Something flushes one write late: usually a compressor that is not flushed after each event",
          ...fixesFor("compress", evidence.hops),
        ],
      };
    },
  },
  {
    id: "B06",
    title: "Events are flushed at fixed intervals",
    severity: "warning",
    find(evidence) {
      const { delivery } = watched(evidence);
      const tokens = evidence.runs === undefined ? undefined : deliveryOf(timed(evidence.runs.tokens));
      // HAProxy's delay has the same look with fast events.
      if (delivery === undefined || (evidence.runs !== undefined && isCork(delivery))) return undefined;
      const periodMs = delivery.periodMs ?? (delivery.held || delivery.blocks ? undefined : tokens?.periodMs);
      if (periodMs === undefined) return undefined;
      return {
        seen: `they arrived every ${time(periodMs)}, several at a time`,
        sure: "likely",
        fix: [
          "A proxy flushes on a timer. Send Content-Type: text/event-stream, which most proxies flush at once, or change its flush interval (Traefik: responseForwarding.flushInterval)",
        ],
      };
    },
  },
  {
    id: "T04",
    title: "Heartbeats arrive in clumps",
    severity: "error",
    find({ main, long, runs, hops }) {
      if (runs !== undefined) return undefined;
      const comments = (long ?? main).comments.filter(({ atMs }) => atMs > (long ?? main).headAtMs + 200);
      const clumps = comments.filter(({ atMs }, at) => at > 0 && atMs - comments[at - 1]!.atMs < 50).length;
      if (clumps < 2) return undefined;
      return {
        seen: `${comments.length} comments, ${clumps} of them together with the previous one`,
        sure: "likely",
        fix: fixesFor("buffering", hops),
      };
    },
  },
];

function isCork({ held, blocks, leastLagMs, intervalMs }: Delivery): boolean {
  return !held && !blocks && leastLagMs > 120 && leastLagMs < 300 && leastLagMs < intervalMs * 0.75;
}

function quantumText(observation: Observation): string {
  const quantum = quantumOf(observation);
  return quantum === undefined ? "" : `, in pages of ${quantum} B${quantum === 4096 ? " (nginx)" : ""}`;
}
