/**
 * Asks the application whether a subscription may be, and until when.
 * This module is browser compatible.
 */
import type { Deadlines, HubStream } from "../streams/hub-stream.ts";
import type { HubStreams } from "../streams/hub-streams.ts";
import type { Refusal } from "../request/refusal.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

export interface Grant {
  /** Milliseconds from now after which the stream is to end. */
  readonly expiresInMs: number;
  /** Milliseconds from now after which to ask again. */
  readonly recheckInMs: number;
}

export const UNLIMITED: Grant = { expiresInMs: Infinity, recheckInMs: Infinity };

/** @param first - False when the stream is open and asked about again. */
export async function authorize(
  options: Pick<SubscribeOptions, "authorize" | "topics" | "subscriber">,
  first: boolean,
): Promise<Grant | Refusal> {
  if (options.authorize === undefined) return UNLIMITED;
  const { topics, subscriber } = options;
  const answer = await options.authorize({ topics, subscriber, first });
  if (answer === true) return UNLIMITED;
  if (answer === false)
    return { code: "forbidden", status: 403, detail: "These topics are not yours to read" };
  if (typeof answer !== "object" || answer === null) {
    throw new TypeError(
      `Cannot subscribe: authorize gave ${String(answer)}, expected true, false or an object`,
    );
  }
  if (answer.refuse !== undefined) {
    const { refuse: status, headers = {}, detail = "" } = answer;
    return { code: status === 401 ? "unauthorized" : "forbidden", status, detail, headers };
  }
  const { expiresAtMs = Infinity, recheckMs = Infinity } = answer;
  if (!(recheckMs > 0) || Number.isNaN(expiresAtMs)) {
    throw new RangeError(
      `Cannot subscribe: authorize gave recheckMs ${recheckMs} and expiresAtMs ${expiresAtMs}, expected numbers above 0`,
    );
  }
  const expiresInMs = expiresAtMs - Date.now();
  if (expiresInMs <= 0) {
    return { code: "unauthorized", status: 401, detail: "The authorization has expired" };
  }
  return { expiresInMs, recheckInMs: recheckMs };
}

/** Ends a stream that is open when its authorization does, and has it authorized again when it is time. */
export function keepAuthorized(
  stream: HubStream,
  streams: HubStreams,
  options: SubscribeOptions,
  first: Grant,
  now: () => number,
  onError: (error: unknown) => void,
): void {
  const lifetimeEndsAtMs = stream.deadlines?.endsAtMs ?? Infinity;
  const deadlines: Deadlines = {
    endsAtMs: lifetimeEndsAtMs,
    endsAs: "lifetime",
    recheckAtMs: Infinity,
    recheck: undefined,
  };
  stream.deadlines = deadlines;
  const take = ({ expiresInMs, recheckInMs }: Grant): void => {
    const expiresAtMs = now() + expiresInMs;
    deadlines.endsAtMs = Math.min(lifetimeEndsAtMs, expiresAtMs);
    deadlines.endsAs = expiresAtMs < lifetimeEndsAtMs ? "expired" : "lifetime";
    deadlines.recheckAtMs = now() + recheckInMs;
  };
  take(first);
  deadlines.recheck = () => {
    authorize(options, false).then(
      (grant) => {
        if ("code" in grant) return streams.end(stream, "revoked");
        take(grant);
        streams.reschedule(stream);
      },
      (error: unknown) => {
        onError(error);
        streams.end(stream, "revoked");
      },
    );
  };
}
