/**
 * Asks the application whether a subscription may be, and until when.
 * This module is browser compatible.
 */
import { checkHeader } from "../out/check-header.ts";
import { show } from "../../guard/show.ts";
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
  return readAuthorization(await options.authorize({ topics, subscriber, first }));
}

/**
 * Checks what `authorize` gave: it may be anything, and only what says yes is a yes.
 * @throws {TypeError} If it is no {@link Authorization}.
 * @throws {RangeError} If a number in it is none.
 */
export function readAuthorization(answer: unknown): Grant | Refusal {
  if (answer === true) return UNLIMITED;
  if (answer === false)
    return { code: "forbidden", status: 403, detail: "These topics are not yours to read" };
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    throw new TypeError(
      `Cannot authorize: authorize gave ${show(answer)}, expected true, false or an object such as { refuse: 401 }`,
    );
  }
  const { refuse: status, ...given } = answer as { refuse?: unknown } & Record<string, unknown>;
  if (status !== undefined) return readRefusal(status, given);
  const { expiresAtMs = Infinity, recheckMs = Infinity } = given;
  if (typeof recheckMs !== "number" || !(recheckMs > 0)) {
    throw new RangeError(
      `Cannot authorize: authorize gave recheckMs ${show(recheckMs)}, expected a number above 0`,
    );
  }
  if (typeof expiresAtMs !== "number" || Number.isNaN(expiresAtMs)) {
    throw new RangeError(
      `Cannot authorize: authorize gave expiresAtMs ${show(expiresAtMs)}, expected milliseconds since 1970`,
    );
  }
  const expiresInMs = expiresAtMs - Date.now();
  if (expiresInMs <= 0) {
    return { code: "unauthorized", status: 401, detail: "The authorization has expired" };
  }
  return { expiresInMs, recheckInMs: recheckMs };
}

function readRefusal(status: unknown, { headers = {}, detail = "" }: Record<string, unknown>): Refusal {
  if (status !== 401 && status !== 403) {
    throw new RangeError(`Cannot authorize: authorize gave refuse ${show(status)}, expected 401 or 403`);
  }
  if (typeof detail !== "string") {
    throw new TypeError(`Cannot authorize: authorize gave detail ${show(detail)}, expected text`);
  }
  if (typeof headers !== "object" || headers === null) {
    throw new TypeError(`Cannot authorize: authorize gave headers ${show(headers)}, expected an object`);
  }
  for (const [name, value] of Object.entries(headers as Record<string, unknown>)) {
    if (typeof value !== "string") {
      throw new TypeError(
        `Cannot authorize: authorize gave the header ${name} with ${show(value)}, expected text`,
      );
    }
    checkHeader(name, value);
  }
  return {
    code: status === 401 ? "unauthorized" : "forbidden",
    status,
    detail,
    headers: headers as Record<string, string>,
  };
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
