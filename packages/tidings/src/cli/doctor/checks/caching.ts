/**
 * Caches, which give one reader's stream to another, and compression, which holds events back.
 */
import { deliveryOf, runOf, timed } from "./arrivals.ts";
import type { Evidence } from "../evidence.ts";
import { fixesFor } from "./fixes.ts";
import type { Check } from "../finding.ts";
import type { Observation } from "../examine/observation.ts";
import { header, isStream, time } from "./look.ts";

/** How a cache says that it answered itself. */
const HIT: readonly (readonly [name: string, value: RegExp])[] = [
  ["x-cache", /\bhit\b/i],
  ["cf-cache-status", /^(HIT|STALE|REVALIDATED)$/i],
  ["x-cache-status", /^HIT$/i],
  ["cache-status", /;\s*hit\b/i],
];

function servedByCache(observation: Observation): string | undefined {
  const age = header(observation, "age");
  // A cache that waited for the whole response counts that, too.
  const ownMs = observation.headAtMs - observation.connectedAtMs + 1000;
  if (age !== undefined && Number(age) > 0 && Number(age) * 1000 > ownMs) return `Age: ${age}`;
  for (const [name, value] of HIT) {
    const text = header(observation, name);
    if (text !== undefined && value.test(text)) return `${name}: ${text}`;
  }
  return undefined;
}

export const caching: readonly Check[] = [
  {
    id: "K01",
    title: "Caches may store the stream and serve it to other users",
    severity: "error",
    find({ main }) {
      if (!isStream(main) || main.method !== "GET") return undefined;
      const value = (header(main, "cache-control") ?? "").toLowerCase();
      const lasting = /(?:^|[\s,])(?:s-maxage|max-age)\s*=\s*"?(?!0\b)\d/.test(value);
      if (!lasting && /(?:^|[\s,])(?:no-cache|no-store|private)\b/.test(value)) return undefined;
      return {
        seen: value === "" ? "no Cache-Control" : `Cache-Control: ${value}`,
        sure: "certain",
        fix: ["Send Cache-Control: no-cache, no-transform; use no-store for private data"],
      };
    },
  },
  {
    id: "K02",
    title: "A cache replays a stream to other users",
    severity: "error",
    find({ main, runs, hops }) {
      const hit = servedByCache(main) ?? (runs && servedByCache(runs.twice[2]));
      const [one, two, three] = (runs?.twice ?? []).map(runOf);
      // Of two at the same time, a cache keeps the one that it got last.
      const same = three !== undefined && (three === one || three === two);
      if (hit === undefined && !same) return undefined;
      return {
        seen: same
          ? `a later request got the events of an earlier one${hit === undefined ? "" : ` (${hit})`}`
          : hit!,
        sure: same ? "certain" : "likely",
        fix: [
          ...fixesFor("cache", hops),
          "Users may have received other users' events: treat this as a data leak",
        ],
      };
    },
  },
  {
    id: "K03",
    title: "Two clients share one stream",
    severity: "error",
    find({ runs, hops }) {
      const [one, two] = runs?.twice ?? [];
      if (one === undefined || two === undefined || runOf(one) === undefined || runOf(one) !== runOf(two))
        return undefined;
      return {
        seen: "a second request got the events of the first",
        sure: "certain",
        fix: [
          ...fixesFor("cache", hops),
          "Users may have received other users' events: treat this as a data leak",
        ],
      };
    },
  },
  {
    id: "Z01",
    title: "Compression holds events back",
    severity: "error",
    find(evidence) {
      const stalled = compressionStall(evidence);
      return stalled === undefined ? undefined : { ...stalled, fix: fixesFor("compress", evidence.hops) };
    },
  },
  {
    id: "Z02",
    title: "The stream is compressed and live",
    severity: "info",
    find(evidence) {
      const { main } = evidence;
      const encoding = header(main, "content-encoding");
      if (
        !isStream(main) ||
        encoding === undefined ||
        !KNOWN.test(encoding) ||
        main.undecodable ||
        compressionStall(evidence) !== undefined
      )
        return undefined;
      if (main.messages.length === 0) return undefined;
      return {
        seen: `Content-Encoding: ${encoding}`,
        sure: "certain",
        fix: ["Nothing to fix: compression costs CPU time and saves traffic"],
      };
    },
  },
  {
    id: "Z03",
    title: "Cache-Control has no no-transform",
    severity: "info",
    find({ main }) {
      if (!isStream(main) || /no-transform/i.test(header(main, "cache-control") ?? "")) return undefined;
      return {
        seen: "Cache-Control without no-transform",
        sure: "certain",
        fix: [
          "Add no-transform to Cache-Control: compression middleware and several proxies then leave the stream alone",
        ],
      };
    },
  },
  {
    id: "Z04",
    title: "The content encoding is wrong",
    severity: "warning",
    find({ main, identity }) {
      const encoding = header(main, "content-encoding") ?? header(identity, "content-encoding");
      const undecodable = main.undecodable || identity?.undecodable === true;
      if (encoding === undefined || (KNOWN.test(encoding) && !undecodable)) return undefined;
      return {
        seen: `Content-Encoding: ${encoding}${undecodable ? ", and the body is something else: browsers refuse it" : ", which does not exist"}`,
        sure: "certain",
        fix: ["Remove it, and send Cache-Control: no-transform instead"],
      };
    },
  },
];

const KNOWN = /^\s*(gzip|x-gzip|deflate|br|zstd|identity)\s*$/i;

/** Whether the compressed stream stalls where the other is live. */
export function compressionStall({
  main,
  identity,
  runs,
}: Evidence): { seen: string; sure: "certain" | "likely" } | undefined {
  const encoding = header(main, "content-encoding");
  if (encoding === undefined || main.undecodable) return undefined;
  if (runs !== undefined) {
    const [packed, plain] = [deliveryOf(timed(runs.tick)), deliveryOf(timed(runs.tickIdentity))];
    if (plain === undefined || plain.held || plain.blocks) return undefined;
    const behind = runs.tick.messages.length < runs.tickIdentity.messages.length / 2;
    const worse =
      packed === undefined
        ? behind
        : packed.held || packed.blocks || packed.largestLagMs > 400 + 2 * plain.largestLagMs;
    if (!worse) return undefined;
    const lag = packed === undefined ? "for good" : `for up to ${time(packed.largestLagMs)}`;
    return {
      seen: `with ${encoding}, events were held ${lag}; uncompressed they came at once`,
      sure: "certain",
    };
  }
  if (identity === undefined || !isStream(identity)) return undefined;
  // The same messages on both, or nothing on one: what was sent at the same time should come at the same time.
  const plainAt = new Map(
    identity.messages.map(({ id, data, atMs }) => [`${id}\n${data}`, identity.startedAtMs + atMs]),
  );
  const late = main.messages.flatMap(({ id, data, atMs }) => {
    const other = plainAt.get(`${id}\n${data}`);
    return other === undefined ? [] : [main.startedAtMs + atMs - other];
  });
  const largest = Math.max(0, ...late);
  if (largest > 800)
    return {
      seen: `with ${encoding}, messages arrived up to ${time(largest)} later than uncompressed`,
      sure: "likely",
    };
  if (main.chunks.length <= 1 && identity.messages.length >= 3 && main.messages.length === 0) {
    return {
      seen: `with ${encoding}, nothing arrived; uncompressed, ${identity.messages.length} messages did`,
      sure: "likely",
    };
  }
  return undefined;
}
