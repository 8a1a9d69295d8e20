/**
 * Examines any event stream by watching it: the passive half of the doctor. At most four requests run at the same time.
 */
import type { Evidence } from "../evidence.ts";
import { hopsOf } from "./fingerprint.ts";
import type { Observation } from "./observation.ts";
import type { Profile } from "../profiles.ts";
import { ask, type Target } from "./requests.ts";

export interface StreamOptions {
  /** How long to watch. */
  readonly watchMs: number;
  /** How long to watch for limits of time. */
  readonly longMs: number | undefined;
  /** The origin of a page that is to read it. */
  readonly origin: string | undefined;
  /** How many streams to open at once. */
  readonly streams: number | undefined;
}

/** A finite answer may think for a while before it speaks. */
const LONGEST_ANSWER_MS = 120_000;
const RETURN_MS = 3000;
const SHORT_MS = 3000;

export async function examineStream(
  target: Target,
  profile: Profile,
  options: StreamOptions,
): Promise<Evidence> {
  const { watchMs, longMs, origin, streams } = options;
  const isRefused = ({ head }: Pick<Observation, "head">): boolean =>
    head !== undefined && head.status >= 300;
  // Requests that change or cost something are sent once.
  const once = profile.finite || target.method !== "GET";
  const main = ask(target, profile, {
    forMs: profile.finite ? Math.max(watchMs, LONGEST_ANSWER_MS) : watchMs,
    until: (soFar) => isRefused(soFar) && soFar.messages.length > 0,
  });
  const identity = once
    ? undefined
    : ask(target, profile, { forMs: watchMs, headers: { "accept-encoding": "identity" } });
  const other =
    once || !target.url.startsWith("https:") || target.protocol !== "auto"
      ? undefined
      : ask(target, profile, { forMs: watchMs, protocol: "h1" });
  const long = once || longMs === undefined ? undefined : ask(target, profile, { forMs: longMs });

  const seen = await main;
  const rest = {
    identity: await identity,
    other: await other,
    ...(origin !== undefined && (await examineOrigin(target, profile, origin))),
    resumed: once ? undefined : await examineReturn(target, profile, seen),
    capacity: once || streams === undefined ? undefined : await examineCapacity(target, profile, streams),
    long: await long,
  };
  return { url: target.url, profile, hops: hopsOf(seen), main: seen, ...rest };
}

async function examineOrigin(target: Target, profile: Profile, origin: string): Promise<Partial<Evidence>> {
  const crossOrigin = await ask(target, profile, {
    forMs: SHORT_MS,
    headers: { origin },
    until: ({ head }) => head !== undefined,
  });
  const asked = [
    "last-event-id",
    ...(target.headers["authorization"] === undefined ? [] : ["authorization"]),
  ];
  const preflight = await ask(target, profile, {
    method: "OPTIONS",
    forMs: SHORT_MS,
    headers: {
      origin,
      "access-control-request-method": target.method,
      "access-control-request-headers": asked.join(","),
    },
    until: ({ head }) => head !== undefined,
  });
  return { crossOrigin, preflight };
}

/** Returns with an id from the middle, and sees what comes first. */
async function examineReturn(
  target: Target,
  profile: Profile,
  { messages }: Observation,
): Promise<Evidence["resumed"]> {
  const ids = [...new Set(messages.map(({ id }) => id).filter((id) => id !== ""))];
  if (ids.length < 2) return undefined;
  const at = Math.floor((ids.length - 1) / 2);
  const from = ids[at]!;
  const observation = await ask(target, profile, {
    forMs: RETURN_MS,
    // As fetch sends it: a byte a character.
    headers: { "last-event-id": Buffer.from(from, "utf8").toString("latin1") },
    until: ({ messages }) => messages.some(({ id, event }) => id !== "" || event === "gap"),
  });
  return { from, expected: ids.slice(at + 1), observation };
}

async function examineCapacity(
  target: Target,
  profile: Profile,
  streams: number,
): Promise<Evidence["capacity"]> {
  // All of them stay until the last has its answer.
  const all = await Promise.all(
    Array.from({ length: streams }, () => ask(target, profile, { forMs: RETURN_MS + streams * 10 })),
  );
  return { asked: streams, statuses: all.map(({ head }) => head?.status) };
}
