/**
 * Answers that are produced once and read by everyone who has their id: the tokens of a language model, the progress of a job.
 * An answer goes on when its reader leaves, and a reader that returns, after a reload or on another network, continues where it
 * was. What the application sees of that; create-answers.ts makes them.
 */
import type { Given } from "../../guard/given.ts";
import type { AnswerVerdict, Dialect } from "../../dialects/dialect.ts";
import type { Log } from "../../log/log.ts";
import type { EventMap } from "../../wire/contract.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import type { CompressionOptions } from "../compression/compression-options.ts";
import type { ContractOptions } from "../message/check-data.ts";
import type { StreamOptions } from "../one-stream/open-stream.ts";
import type { StreamLimits } from "../one-stream/stream-limits.ts";
import type { FastifyReply, FetchRequest, NodeRequest, NodeResponse } from "../request/http-types.ts";
import type { Authorization } from "../subscribe/subscribe-options.ts";
import type { AnswerLimits } from "./answer-limits.ts";
import type { Generate } from "./producer.ts";

export interface AnswersOptions<Events extends object = EventMap>
  extends Given<AnswerLimits>, ContractOptions<Events>, AnswerStreamOptions {
  /** Where answers are kept. Processes with the same log share their answers, and notice when one of them dies. Default: the memory of this process. */
  log?: Log | undefined;
  /**
   * With a log: milliseconds after which a producer that did not renew its lease counts as lost, and its answer ends. It renews the
   * lease every third of this time. Default: 10,000.
   */
  leaseMs?: number | undefined;
  /** With a log: messages are appended in groups, at most once in this many milliseconds; the first one immediately. Default: 100. */
  joinMs?: number | undefined;
  /** Decides who may read or start an answer. Called for each request. Default: everyone who knows the id. */
  authorize?: AuthorizeAnswer | undefined;
  /** Milliseconds that `authorize` may take. After that, the request is refused with 503. `false` waits for ever. Default: 30,000. */
  timeoutMs?: number | false | undefined;
  /** Returns the text that clients get for an error of the generator. Default: none, as an error may contain secrets. */
  describeError?: ((error: unknown, id: string) => string | undefined) | undefined;
  /** Receives the errors of generators and of the log, and those of calls with wrong options. Default: `console.error`. */
  onError?: ((error: unknown, id: string) => void) | undefined;
}

/** How an answer is sent to those who read it. */
export interface AnswerStreamOptions
  extends Pick<StreamLimits, "heartbeatMs" | "stallMs">, Pick<StreamOptions, "methods"> {
  /** Additional response headers, also for refusals. Default: none. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** The reconnection time that is sent at the start, in milliseconds. Default: the client's own. */
  retryMs?: number | undefined;
  /** Whether streams are compressed for those who accept gzip. Default: false. */
  compression?: boolean | Omit<CompressionOptions, "perStream"> | undefined;
}

/** The options of one request. Default: those of `createAnswers`. */
export interface AnswerRequestOptions extends AnswerStreamOptions {
  /** The subscriber's name, for the limits per subscriber. Default: none. */
  subscriber?: string | undefined;
  authorize?: AuthorizeAnswer | undefined;
}

export interface StartOptions extends AnswerRequestOptions {
  /**
   * Whether an answer that ended incomplete is produced again, for a request without a cursor. Default: false, so that you do
   * not pay for it twice.
   */
  restart?: boolean | undefined;
}

/** As `authorize` of a subscription. If it rejects, returns anything else, or takes longer than `timeoutMs`, the answer is 503. `expiresAtMs` ends the stream; `recheckMs` has no effect. */
export type AuthorizeAnswer = (asked: {
  readonly id: string;
  readonly request: NodeRequest | FetchRequest;
  /** Whether the request starts the answer when there is none. */
  readonly starts: boolean;
  /** Aborts when the result is no longer needed, because the time is up. */
  readonly signal: AbortSignal;
}) => Authorization | Promise<Authorization>;

export interface AnswerState {
  readonly state: "running" | "complete" | "failed";
  /** Why it is not complete. */
  readonly reason?: string;
  /** The text that clients got with it. */
  readonly message?: string;
  readonly messages: number;
  readonly bytes: number;
  /** The cursor of its newest message, `""` if there is none. */
  readonly cursor: string;
  readonly startedAtMs: number;
  /** Undefined while it runs. */
  readonly endedAtMs: number | undefined;
}

type NodeRequestWithUrl = NodeRequest & { readonly url?: string | undefined };
type FetchRequestWithUrl = FetchRequest & { readonly url?: string | undefined };

/** @typeParam Item - What generators yield: messages of our own dialect, or what the chosen one takes. */
export interface Answers<Item> {
  /**
   * Responds with the messages of the answer `id`, from the request's `Last-Event-ID` on. The first request for an id starts
   * `generate`; all others read the same answer. If the answer is no longer kept, a client that has a part of it gets 410, and
   * `generate` is not called again.
   *
   * Everyone who knows the id may read: make it hard to guess, or pass `authorize`.
   */
  resumable(
    request: NodeRequestWithUrl,
    response: NodeResponse | FastifyReply,
    id: string,
    generate: Generate<Item>,
    options?: StartOptions,
  ): Promise<void>;
  /** The same in another dialect. */
  resumable<Other>(
    request: NodeRequestWithUrl,
    response: NodeResponse | FastifyReply,
    id: string,
    generate: Generate<Other>,
    options: StartOptions & { dialect: Dialect<Other> },
  ): Promise<void>;
  /** The same for servers with the Fetch API. */
  resumable(
    request: FetchRequestWithUrl,
    id: string,
    generate: Generate<Item>,
    options?: StartOptions,
  ): Promise<Response>;
  resumable<Other>(
    request: FetchRequestWithUrl,
    id: string,
    generate: Generate<Other>,
    options: StartOptions & { dialect: Dialect<Other> },
  ): Promise<Response>;
  /**
   * Responds with the answer `id` while it runs, and with 204 if there is none, or it has ended. A client that returns with a
   * cursor also gets the rest of an answer that has ended.
   */
  resume(
    request: NodeRequestWithUrl,
    response: NodeResponse | FastifyReply,
    id: string,
    options?: AnswerRequestOptions & { dialect?: Dialect<never> | undefined },
  ): Promise<void>;
  resume(
    request: FetchRequestWithUrl,
    id: string,
    options?: AnswerRequestOptions & { dialect?: Dialect<never> | undefined },
  ): Promise<Response>;
  /**
   * Starts an answer without a request: for a job, a queue, a server action. Read it with `resume` or `read`.
   * @returns Whether it was started. False: there is an answer with this id already.
   * @throws {AnswerError} `too-many-answers`, `closed`.
   */
  start(
    id: string,
    generate: Generate<Item>,
    options?: Pick<StartOptions, "subscriber" | "restart">,
  ): Promise<boolean>;
  /**
   * Stops the answer's generator, in any process: clients get the reason `"stopped"`. Does nothing if the answer has ended.
   * @returns Whether it was running.
   */
  stop(id: string): Promise<boolean>;
  /** Returns the state of an answer, or `undefined` if there is none or it is no longer kept. */
  state(id: string): Promise<AnswerState | undefined>;
  /**
   * Reads an answer in this process: its messages after the cursor `after`, including those that end it. Waits for more while
   * the answer runs, and ends when it is complete.
   * @throws {AnswerError} `gone` if there is no such answer; the reason if it ended incomplete.
   */
  read(
    id: string,
    options?: { readonly after?: string | undefined; readonly signal?: AbortSignal | undefined },
  ): AsyncIterableIterator<ParsedMessage>;
  /**
   * Refuses new requests with 503, and waits up to `graceMs` milliseconds for the answers that this process produces. Those that are not
   * complete then end with the reason `"lost"`. Streams get their verdict. It resolves when they have ended; a client that does not take the end is waited for a second. Default: 0.
   * A log has fifteen seconds to close, or `graceMs` where that is longer.
   * @throws {RangeError} If `graceMs` is no number from 0 to 2^31-1.
   * @throws {LogError} `failed`: the log has not closed in time. @throws What the log throws. The streams have ended then too.
   */
  close(options?: { graceMs?: number | undefined }): Promise<void>;
  /** How many answers this process keeps. */
  readonly size: number;
}

/** The state that the application sees. */
export function stateOf(answer: {
  readonly verdict: AnswerVerdict | undefined;
  readonly buffer: { readonly length: number; readonly bytes: number };
  readonly cursor: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number | undefined;
}): AnswerState {
  const { verdict, buffer, cursor, startedAtMs, endedAtMs } = answer;
  const facts = { messages: buffer.length, bytes: buffer.bytes, cursor, startedAtMs, endedAtMs };
  if (verdict === undefined) return { state: "running", ...facts };
  if (verdict.complete) return { state: "complete", ...facts };
  const { complete: _, ...why } = verdict;
  return { state: "failed", ...why, ...facts };
}
