/**
 * The requests that the doctor makes: as a browser would, and with one thing changed at a time.
 */
import type { RequestInput } from "../../arguments/request-options.ts";
import type { Protocol } from "../../http/dial.ts";
import type { Observation } from "./observation.ts";
import { probe, type ProbeRequest } from "./probe.ts";
import type { Profile } from "../profiles.ts";

export interface Target extends RequestInput {
  readonly protocol: Protocol;
  readonly signal: AbortSignal;
}

export interface Change {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocol?: Protocol;
  readonly forMs: number;
  readonly until?: ProbeRequest["until"];
  readonly pause?: boolean;
}

/** What browsers accept; a stream that is plain for `curl` may be compressed for them. */
const COMPRESSED = "gzip, deflate, br";

export function ask(target: Target, profile: Profile, change: Change): Promise<Observation> {
  const { body = profile.body } = target;
  const method = change.method ?? (target.method === "GET" ? (profile.method ?? "GET") : target.method);
  const hasBody = method !== "GET" && method !== "OPTIONS" && body !== undefined;
  const { until, pause } = change;
  return probe({
    url: change.url ?? target.url,
    method,
    headers: {
      accept: profile.accept ?? "text/event-stream",
      "accept-encoding": COMPRESSED,
      "cache-control": "no-cache",
      "user-agent": "tidings-doctor",
      ...(hasBody && { "content-type": "application/json" }),
      ...target.headers,
      ...change.headers,
    },
    body: hasBody ? body : undefined,
    protocol: change.protocol ?? target.protocol,
    insecure: target.insecure,
    forMs: change.forMs,
    signal: target.signal,
    ...(until && { until }),
    ...(pause !== undefined && { pause }),
  });
}
