/**
 * How streams end: by limits of time on the way, by a server that dies, by a reader that leaves.
 */
import { fixesFor } from "./fixes.ts";
import type { Runs } from "../evidence.ts";
import type { Hop } from "../examine/fingerprint.ts";
import type { Check, Found } from "../finding.ts";
import type { Observation } from "../examine/observation.ts";
import { isStream, time } from "./look.ts";

/** Whose default each limit of silence is, in seconds. */
const IDLE_LIMITS: readonly (readonly [least: number, most: number, whose: string])[] = [
  [29, 32, "Next.js rewrites, CloudFront, API Gateway (edge)"],
  [49, 52, "HAProxy as Debian ships it"],
  [59, 63, "nginx, Varnish, ALB"],
  [98, 125, "Cloudflare"],
  [295, 310, "Envoy, Apache, API Gateway, or Node's own fetch"],
];
/** Whose limit on the whole response each is. */
const TOTAL_LIMITS: readonly (readonly [least: number, most: number, whose: string])[] = [
  [14.5, 16, "Envoy's route timeout"],
  [28.5, 31, "API Gateway, GCP's load balancer"],
  [59, 62, "Netlify functions"],
  [295, 305, "Vercel functions"],
];
const LONGEST_HEARTBEAT_MS = 25_000;
/** The endpoint's program "tick" takes 6 s, or longer on a busy machine. */
const TICK_MS = 5950;

function whoseOf(limits: typeof IDLE_LIMITS, ms: number): string {
  const whose = limits.find(([least, most]) => ms / 1000 >= least && ms / 1000 <= most)?.[2];
  return whose === undefined ? "" : `, the default of ${whose}`;
}

function lastByteMs({ chunks, headAtMs }: Observation): number {
  return chunks.at(-1)?.atMs ?? headAtMs;
}

/** The longest time without a byte. */
function longestSilence(observation: Observation): number {
  const times = [observation.headAtMs, ...observation.chunks.map(({ atMs }) => atMs), observation.endedAtMs];
  return Math.max(...times.slice(1).map((atMs, at) => atMs - times[at]!));
}

/** The time of silence after which it was cut. */
function idleCut(observation: Observation | undefined, isSilent: boolean): number | undefined {
  if (observation === undefined || observation.head?.status !== 200 || observation.ending === "open")
    return undefined;
  const silentMs = observation.endedAtMs - lastByteMs(observation);
  // Of an application's stream, shorter silence says nothing. The endpoint is silent by intent, and ends with a message.
  return silentMs < (isSilent ? 500 : 4000) ? undefined : silentMs;
}

/** Both of the endpoint's long runs were over before their program was, at the same age. */
function cutRuns({ tick, tickIdentity }: Runs, hops: readonly Hop[]): Found | undefined {
  const ages = [tick, tickIdentity].map((run) => {
    return run.head?.status !== 200 || run.ending === "open" || run.messages.length === 0
      ? undefined
      : run.endedAtMs - run.connectedAtMs;
  });
  const [one, two] = ages;
  if (one === undefined || two === undefined || one > TICK_MS || Math.abs(one - two) > 1500) return undefined;
  return {
    seen: `${tick.ending === "cut" ? "cut" : "ended"} at ${time(one)} though bytes came, twice${whoseOf(TOTAL_LIMITS, one)}`,
    sure: "certain",
    fix: fixesFor("duration", hops),
  };
}

export const endings: readonly Check[] = [
  {
    id: "T01",
    title: "A silent stream is cut",
    severity: "error",
    find({ main, long, runs, hops, profile }) {
      const source = runs?.silence ?? long ?? main;
      const cutMs = idleCut(source, runs?.silence !== undefined);
      if (cutMs === undefined || (runs?.silence === undefined && source.ending !== "cut" && profile.finite))
        return undefined;
      // The endpoint is silent by intent; a stream of an application's may have heartbeats that are fast enough.
      const severity = runs?.silence === undefined || cutMs < 2 * 15_000 ? "error" : "warning";
      return {
        severity,
        seen: `${source.ending === "cut" ? "cut" : "ended"} after ${time(cutMs)} of silence${whoseOf(IDLE_LIMITS, cutMs)}`,
        sure: "certain",
        fix: fixesFor("timeout", hops),
      };
    },
  },
  {
    id: "T02",
    title: "Streams are cut at a fixed age",
    severity: "error",
    find({ main, identity, long, hops, runs, profile }) {
      const source = long ?? main;
      if (runs !== undefined) return cutRuns(runs, hops);
      if (
        profile.finite ||
        !isStream(source) ||
        source.ending !== "cut" ||
        idleCut(source, false) !== undefined
      )
        return undefined;
      const age = source.endedAtMs - source.headAtMs;
      const otherAge = identity?.ending === "cut" ? identity.endedAtMs - identity.headAtMs : undefined;
      const same = otherAge !== undefined && Math.abs(otherAge - age) < Math.max(300, age * 0.1);
      return {
        seen: `cut at ${time(age)} though bytes came${same ? ", twice" : ""}${whoseOf(TOTAL_LIMITS, age)}`,
        sure: same ? "certain" : "likely",
        fix: fixesFor("duration", hops),
      };
    },
  },
  {
    id: "T03",
    title: "There is no heartbeat",
    severity: "warning",
    find({ main, long, runs, profile }) {
      const source = long ?? main;
      if (runs !== undefined || profile.finite || !isStream(source)) return undefined;
      const silentMs = longestSilence(source);
      if (silentMs < LONGEST_HEARTBEAT_MS) return undefined;
      return {
        seen: `${time(silentMs)} without a byte`,
        sure: "certain",
        fix: [
          "Send a comment every 15 s: proxies cut silent streams after 30 to 60 s, and a server notices that a client left only when it writes",
        ],
      };
    },
  },
  {
    id: "T05",
    title: "Clients in Node lose the stream after 5 minutes",
    severity: "warning",
    find({ long, profile }) {
      if (long === undefined || profile.finite || longestSilence(long) < 300_000) return undefined;
      return {
        seen: `${time(longestSilence(long))} without a byte`,
        sure: "certain",
        fix: ["Send a heartbeat every 15 s: Node's fetch ends a body after 300 s of silence"],
      };
    },
  },
  {
    id: "X01",
    title: "The server does not notice when a client leaves",
    severity: "warning",
    find({ runs, hops }) {
      if (runs?.noticedMs === undefined) return undefined;
      const { noticedMs, noticedByWriting, heartbeatMs } = runs;
      if (noticedMs !== null && !noticedByWriting) return undefined;
      const seen =
        noticedMs === null
          ? `not within ${time(heartbeatMs * 8)}, though it wrote 8 heartbeats`
          : `${time(noticedMs)} later, at heartbeat ${Math.ceil(noticedMs / heartbeatMs)}`;
      return {
        severity: noticedMs === null ? "error" : "warning",
        seen,
        sure: "certain",
        fix: [
          ...fixesFor("abort", hops),
          "With heartbeats, the server keeps the streams of clients that left for two or three intervals",
        ],
      };
    },
  },
  {
    id: "X02",
    title: "A crashed server looks like one that finished",
    severity: "warning",
    find({ runs, hops }) {
      if (runs === undefined || runs.crash.head?.status !== 200 || runs.crash.ending !== "end")
        return undefined;
      return {
        seen: "the connection to the server broke, and the response ended normally",
        sure: "certain",
        fix: [
          ...fixesFor("http11", hops),
          'End finite streams with an event of their own: until: "done" in connect(), [DONE] and the like',
        ],
      };
    },
  },
  {
    id: "X03",
    title: "A crashed server is not noticed",
    severity: "error",
    find({ runs, hops }) {
      if (
        runs === undefined ||
        runs.crash.head?.status !== 200 ||
        runs.crash.ending !== "open" ||
        runs.crash.messages.length === 0
      )
        return undefined;
      return {
        seen: "the connection to the server broke, and the response stayed open",
        sure: "certain",
        fix: fixesFor("devproxy", hops),
      };
    },
  },
  {
    id: "X04",
    title: "A slow client does not slow the server down",
    severity: "info",
    find({ runs }) {
      if (runs?.floodBytes === undefined || runs.floodBytes < 20 * 2 ** 20) return undefined;
      return {
        seen: `${Math.round(runs.floodBytes / 2 ** 20)} MiB were accepted for a client that read nothing`,
        sure: "certain",
        fix: ["A proxy stores them: turn its response buffering off, or limit how much you send"],
      };
    },
  },
  {
    id: "L01",
    title: "The number of streams is limited",
    severity: "warning",
    find({ capacity }) {
      if (capacity === undefined) return undefined;
      const { asked, statuses } = capacity;
      const refused = statuses.filter((status) => status !== 200);
      if (refused.length === 0) return undefined;
      const counts = new Map<string, number>();
      for (const status of refused) {
        const name = status === undefined ? "without an answer" : `with ${status}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      const hangs = refused.includes(undefined);
      return {
        seen: `of ${asked}, ${[...counts].map(([name, count]) => `${count} ${name}`).join(", ")}`,
        sure: "certain",
        fix: hangs
          ? [
              "Raise the limit on threads or HTTP/2 streams: Apache MaxRequestWorkers, nginx http2_max_concurrent_streams",
            ]
          : [
              "Raise the limit on connections: nginx worker_connections (a stream takes two), limit_conn, or the server's own limit",
            ],
      };
    },
  },
];
