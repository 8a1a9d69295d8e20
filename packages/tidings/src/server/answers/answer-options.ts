/**
 * What an application can say of its answers and of one request for an answer, checked: names, limits, and what the head of a response is made of.
 */
import type { Dialect } from "../../dialects/dialect.ts";
import { tidings } from "../../dialects/tidings.ts";
import { checkSignal } from "../../guard/check-signal.ts";
import { checkOptionNames } from "../../guard/option-names.ts";
import { show } from "../../guard/show.ts";
import { checkCompression } from "../compression/compression-options.ts";
import type { StreamOptions } from "../one-stream/open-stream.ts";
import { resolveLimits } from "../one-stream/stream-limits.ts";
import { checkMethods } from "../request/methods.ts";
import { responseHead } from "../out/response-head.ts";
import { type AnswerLimits, checkAnswerLimits } from "./answer-limits.ts";
import type { AnswerRequestOptions, AnswersOptions, AnswerStreamOptions, StartOptions } from "./answers.ts";

export type GivenOptions = AnswersOptions & { readonly dialect?: Dialect<never> | undefined };
export type RequestOptions = AnswerRequestOptions & StartOptions & { readonly dialect?: Dialect<never> };

export const OWN: Dialect<never> = tidings();

const STREAM_OPTIONS: Record<keyof AnswerStreamOptions, true> = {
  headers: true,
  retryMs: true,
  methods: true,
  compression: true,
  heartbeatMs: true,
  stallMs: true,
};

const ANSWERS_OPTIONS: Record<keyof GivenOptions, true> = {
  ...STREAM_OPTIONS,
  dialect: true,
  log: true,
  leaseMs: true,
  joinMs: true,
  keepMs: true,
  messages: true,
  bytes: true,
  abandonMs: true,
  answers: true,
  totalBytes: true,
  answersPerSubscriber: true,
  streamsPerSubscriber: true,
  streams: true,
  events: true,
  checkEvents: true,
  authorize: true,
  timeoutMs: true,
  describeError: true,
  onError: true,
};

const REQUEST_OPTIONS: Record<keyof RequestOptions, true> = {
  ...STREAM_OPTIONS,
  dialect: true,
  subscriber: true,
  authorize: true,
  restart: true,
};

const ANSWERS_NAMES = { known: Object.keys(ANSWERS_OPTIONS) };
const REQUEST_NAMES = { known: Object.keys(REQUEST_OPTIONS) };
const READ_NAMES = { known: ["after", "signal"] };
const START_NAMES = { known: ["subscriber", "restart"] };

export interface CheckedAnswersOptions {
  readonly limits: AnswerLimits;
  readonly leaseMs: number;
  readonly joinMs: number;
  /** Infinity for none. */
  readonly timeoutMs: number;
}

/**
 * @throws {RangeError} If a limit is not a number above 0.
 * @throws {TypeError} If there is no such option, or one makes no sense.
 */
export function checkAnswersOptions(options: GivenOptions): CheckedAnswersOptions {
  checkOptionNames("create answers", options, ANSWERS_NAMES);
  const limits = checkAnswerLimits(options);
  checkCompression("keep answers", options.compression);
  resolveLimits(options);
  checkMethods("keep answers", options.methods);
  responseHead(headOf(options, options.dialect ?? OWN));
  const { leaseMs = 10_000, joinMs = 100, timeoutMs = 30_000 } = options;
  checkNumber("leaseMs", leaseMs, 1);
  checkNumber("joinMs", joinMs, 0);
  if (timeoutMs !== false) checkNumber("timeoutMs", timeoutMs, 1);
  return { limits, leaseMs, joinMs, timeoutMs: timeoutMs === false ? Infinity : timeoutMs };
}

/** @throws {TypeError} If `options` is no object, or there is no such option. */
export function checkRequestOptions(options: RequestOptions): void {
  checkNames("answer", options, REQUEST_NAMES);
}

/** @throws {TypeError} If `options` is no object, or there is no such option. */
export function checkStartOptions(options: Pick<StartOptions, "subscriber" | "restart">): void {
  checkNames("start answer", options, START_NAMES);
}

/** @throws {TypeError} If `options` is no object, there is no such option, or one makes no sense. */
export function checkReadOptions(options: { readonly after?: unknown; readonly signal?: unknown }): void {
  checkNames("read answer", options, READ_NAMES);
  const { after, signal } = options;
  checkSignal("read answer", signal);
  if (after === undefined || typeof after === "string") return;
  throw new TypeError(`Cannot read answer: after is ${show(after)}, expected the id of a message`);
}

/** What the response to a request is made of. */
export function headOf(
  { headers, methods, retryMs, compression, heartbeatMs, stallMs }: AnswerStreamOptions,
  dialect: Dialect<never>,
): StreamOptions & { headers: Record<string, string> } {
  return {
    headers: { ...dialect.headers, ...headers },
    ...(methods !== undefined && { methods }),
    ...(retryMs !== undefined && { retryMs }),
    ...(compression !== undefined && { compression }),
    ...(heartbeatMs !== undefined && { heartbeatMs }),
    ...(stallMs !== undefined && { stallMs }),
  };
}

function checkNames(action: string, options: unknown, names: { readonly known: readonly string[] }): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${action}: options is ${show(options)}, expected an object`);
  }
  checkOptionNames(action, options, names);
}

function checkNumber(name: string, value: unknown, least: number): void {
  if (typeof value === "number" && value >= least) return;
  throw new RangeError(`Cannot keep answers: ${name} is ${show(value)}, expected a number, ${least} or more`);
}
