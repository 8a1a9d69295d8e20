/**
 * Asks the application whether a subscription may be, and until when.
 * This module is browser compatible.
 */
import { checkHeader } from "../out/check-header.ts";
import { isThenable } from "../../guard/foreign.ts";
import { show } from "../../guard/show.ts";
import type { AskState, Deadlines, HubStream, StreamAgreement } from "../streams/hub-stream.ts";
import type { HubStreams } from "../streams/hub-streams.ts";
import type { Refusal } from "../request/refusal.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";
import { withTimeLimit } from "../time/time-limit.ts";
import type { TopicSelector } from "../topics/topic-selection.ts";

/** Until when the answer holds, in milliseconds of the hub's monotonic clock. */
export interface Grant {
  /** When the stream is to end. */
  readonly expiresAt: number;
  /** When to ask again. */
  readonly recheckAt: number;
}

export const UNLIMITED: Grant = { expiresAt: Infinity, recheckAt: Infinity };

export const EXPIRED: Refusal = {
  code: "unauthorized",
  status: 401,
  detail: "The authorization has expired",
};

/** What asking takes from the hub. */
export interface Asking {
  readonly now: () => number;
  readonly timeoutMs: number;
}

export interface AgreementOptions {
  readonly asked: Pick<SubscribeOptions, "authorize" | "topics" | "subscriber">;
  readonly stateOf: (names: readonly string[]) => AskState | undefined;
  readonly streams: Pick<HubStreams, "end" | "reschedule">;
  readonly asking: Asking;
  readonly onError: (error: unknown) => void;
}

/**
 * Asks once. Rejects with whatever the application's function did wrong.
 * @param first - False when the stream is open and checked again.
 */
export async function authorize(
  options: Pick<SubscribeOptions, "authorize" | "topics" | "subscriber">,
  first: boolean,
  signal: AbortSignal,
  { now, timeoutMs }: Asking,
): Promise<Grant | Refusal> {
  if (options.authorize === undefined) return UNLIMITED;
  const { topics, subscriber } = options;
  const answer: unknown = options.authorize({ topics, subscriber, first, signal });
  const settled = isThenable(answer)
    ? await withTimeLimit(answer, timeoutMs, "subscribe", "authorize", signal)
    : answer;
  return readAuthorization(settled, now());
}

/** The properties that `authorize` may return: for a hub, and for code that calls it only once. */
const OF_A_STREAM = ["refuse", "headers", "detail", "expiresAtMs", "recheckMs"];
const OF_A_REQUEST = ["refuse", "headers", "detail"];

/**
 * Checks what `authorize` returned: only the documented values allow a stream. An object with other properties, such as
 * `{ allowed: false }` or a user's record, is a mistake.
 * @param once - Nothing is asked again or expires: what says so would be ignored.
 * @param nowMs - Of the hub's monotonic clock: an answer counts from when it was given.
 * @throws {TypeError} If it is no {@link Authorization}.
 * @throws {RangeError} If a number in it is none.
 */
export function readAuthorization(answer: unknown, nowMs: number, once = false): Grant | Refusal {
  if (answer === true) return UNLIMITED;
  if (answer === false) return { code: "forbidden", status: 403, detail: "You may not read these topics" };
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    throw new TypeError(
      `Cannot authorize: authorize returned ${show(answer)}, expected true, false or an object such as { refuse: 401 }`,
    );
  }
  const known = once ? OF_A_REQUEST : OF_A_STREAM;
  const names = Object.keys(answer);
  // An Error that was returned, or a Response with status 401, has no names that could be unknown.
  if (names.length === 0 && !isPlain(answer)) {
    throw new TypeError(
      `Cannot authorize: authorize gave ${Object.prototype.toString.call(answer)}, expected true, false, or an object with ${known.join(", ")}`,
    );
  }
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot authorize: authorize returned an object with ${show(unknown)}, expected true, false, or an object with ${known.join(", ")}`,
    );
  }
  const { refuse: status, ...given } = answer as { refuse?: unknown } & Record<string, unknown>;
  if (status !== undefined) return readRefusal(status, given);
  if (once || given.headers !== undefined || given.detail !== undefined) {
    throw new TypeError(
      `Cannot authorize: authorize returned ${show(answer)} without refuse, expected true, false, or an object such as { refuse: 401 }`,
    );
  }
  const { expiresAtMs = Infinity, recheckMs = Infinity } = given;
  if (typeof recheckMs !== "number" || !(recheckMs > 0)) {
    throw new RangeError(
      `Cannot authorize: authorize returned recheckMs ${show(recheckMs)}, expected a number above 0`,
    );
  }
  if (typeof expiresAtMs !== "number" || Number.isNaN(expiresAtMs)) {
    throw new RangeError(
      `Cannot authorize: authorize returned expiresAtMs ${show(expiresAtMs)}, expected milliseconds since 1970`,
    );
  }
  if (expiresAtMs >= 1e9 && expiresAtMs < 1e11) {
    throw new RangeError(
      `Cannot authorize: authorize returned expiresAtMs ${expiresAtMs}, a time in seconds, expected milliseconds since 1970: for a JWT, exp * 1000`,
    );
  }
  const expiresInMs = expiresAtMs - Date.now();
  if (expiresInMs <= 0) return EXPIRED;
  return { expiresAt: nowMs + expiresInMs, recheckAt: nowMs + recheckMs };
}

/** Written as `{ … }`, in whichever realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function readRefusal(status: unknown, { headers = {}, detail = "" }: Record<string, unknown>): Refusal {
  if (status !== 401 && status !== 403) {
    throw new RangeError(`Cannot authorize: authorize returned refuse ${show(status)}, expected 401 or 403`);
  }
  if (typeof detail !== "string") {
    throw new TypeError(`Cannot authorize: authorize returned detail ${show(detail)}, expected text`);
  }
  if (typeof headers !== "object" || headers === null) {
    throw new TypeError(`Cannot authorize: authorize returned headers ${show(headers)}, expected an object`);
  }
  for (const [name, value] of Object.entries(headers as Record<string, unknown>)) {
    if (typeof value !== "string") {
      throw new TypeError(
        `Cannot authorize: authorize returned the header ${name} with ${show(value)}, expected text`,
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

/** What is asked for a stream that is open: its authorization ends, has to be renewed, or other topics are wanted. */
export class Agreement implements StreamAgreement {
  readonly #options: AgreementOptions;
  #topics: readonly TopicSelector[];
  #stream: HubStream | undefined;
  #lifetimeEndsAtMs = Infinity;

  constructor(options: AgreementOptions) {
    this.#options = options;
    this.#topics = options.asked.topics;
  }

  /** Ends the stream when its authorization does, and has it authorized again when it is time. */
  keep(stream: HubStream, first: Grant): void {
    this.#stream = stream;
    this.#lifetimeEndsAtMs = stream.deadlines?.endsAtMs ?? Infinity;
    if (first !== UNLIMITED) this.#take(stream, first);
  }

  async allows(topics: readonly TopicSelector[], signal: AbortSignal): Promise<boolean> {
    const { asked, asking, streams } = this.#options;
    if (asked.authorize === undefined) return true;
    const grant = await authorize({ ...asked, topics }, false, signal, asking);
    if ("code" in grant) return false;
    const stream = this.#stream!;
    if (stream.end !== undefined) return true;
    this.#take(stream, grant);
    streams.reschedule(stream);
    return true;
  }

  agreed(topics: readonly TopicSelector[]): void {
    this.#topics = topics;
  }

  stateOf(names: readonly string[]): AskState | undefined {
    return this.#options.stateOf(names);
  }

  #take(stream: HubStream, { expiresAt, recheckAt }: Grant): void {
    const ends = this.#lifetimeEndsAtMs;
    const deadlines: Deadlines = stream.deadlines ?? {
      endsAtMs: ends,
      endsAs: "lifetime",
      recheckAtMs: Infinity,
      recheck: undefined,
    };
    deadlines.endsAtMs = Math.min(ends, expiresAt);
    deadlines.endsAs = expiresAt < ends ? "expired" : "lifetime";
    deadlines.recheckAtMs = recheckAt;
    deadlines.recheck = () => this.#recheck(stream);
    stream.deadlines = deadlines;
  }

  #recheck(stream: HubStream): void {
    const { asked, asking, streams, onError } = this.#options;
    const controller = new AbortController();
    authorize({ ...asked, topics: this.#topics }, false, controller.signal, asking).then(
      (grant) => {
        if ("code" in grant) return streams.end(stream, "revoked");
        this.#take(stream, grant);
        streams.reschedule(stream);
      },
      (error: unknown) => {
        // Silence means no, as an error does.
        controller.abort(error);
        onError(error);
        streams.end(stream, "revoked");
      },
    );
  }
}
