/**
 * Makes `Answers`: takes each request through authorization and limits to the answer that it asks for.
 */
import type { Dialect } from "../../dialects/dialect.ts";
import { tidings, type TidingsItem } from "../../dialects/tidings.ts";
import { reporter } from "../../guard/foreign.ts";
import { mistake } from "../../guard/mistake.ts";
import { show } from "../../guard/show.ts";
import type { EventMap } from "../../wire/contract.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import { checkCompression } from "../compression/compression-options.ts";
import { dataCheck } from "../message/check-data.ts";
import { openStream, type StreamOptions } from "../one-stream/open-stream.ts";
import type { EventStream } from "../one-stream/event-stream.ts";
import { resolveLimits } from "../one-stream/stream-limits.ts";
import { responseHead } from "../out/response-head.ts";
import type { Publication } from "../publish/publication.ts";
import { cursorOf } from "../request/last-event-id.ts";
import type { FastifyReply, FetchRequest, NodeRequest, NodeResponse } from "../request/http-types.ts";
import { endNode, refuseFetch, refuseNode, type Refusal, withAppHeaders } from "../request/refusal.ts";
import { readAuthorization, UNLIMITED, type Grant } from "../subscribe/authorization.ts";
import { StreamQuota } from "../subscribe/stream-quota.ts";
import { Answer } from "./answer.ts";
import { checkAnswerLimits } from "./answer-limits.ts";
import { type AnswerStore, MemoryAnswers } from "./answer-store.ts";
import {
  type AnswerRequestOptions,
  type Answers,
  type AnswersOptions,
  type AnswerState,
  type StartOptions,
  stateOf,
} from "./answers.ts";
import { isSharedId, SharedAnswers } from "./shared/shared-answers.ts";
import type { Generate } from "./producer.ts";
import { AnswerError, readAnswer, sendAnswer } from "./read-answer.ts";

/**
 * Keeps answers, framed in a dialect.
 * @throws {RangeError} If a limit is not a number above 0.
 * @throws {TypeError} If an option makes no sense.
 */
export function createAnswers<Item>(
  options: AnswersOptions & { readonly dialect: Dialect<Item> },
): Answers<Item>;
/** Keeps answers, framed in our own dialect. */
export function createAnswers<Events extends object = EventMap>(
  options?: AnswersOptions<Events> & { readonly dialect?: undefined },
): Answers<Publication<Events>>;
export function createAnswers(options: GivenOptions = {}): Answers<never> {
  return new AnswerService(options);
}

/**
 * {@link Answers.resumable} of answers that the whole process shares, with the defaults of {@link createAnswers}: they are kept
 * in memory, for five minutes after their end.
 */
export const resumable: Answers<TidingsItem>["resumable"] = ((request: AnyRequest, ...rest: unknown[]) => {
  shared ??= new AnswerService({});
  return shared.resumable(request, ...rest);
}) as Answers<TidingsItem>["resumable"];

let shared: AnswerService | undefined;

type GivenOptions = AnswersOptions & { readonly dialect?: Dialect<never> | undefined };
type AnyRequest = (NodeRequest | FetchRequest) & { readonly url?: string | undefined };
type AnyResponse = NodeResponse | FastifyReply;
type RequestOptions = AnswerRequestOptions & StartOptions & { readonly dialect?: Dialect<never> };

/** What a request gets: the answer behind the first `after` messages, nothing (204), or a refusal. */
type Outcome = { readonly answer: Answer; readonly after: number } | Refusal | undefined;

interface Call {
  readonly request: AnyRequest;
  readonly response: AnyResponse | undefined;
  readonly id: string;
  /** Absent for `resume`. */
  readonly generate: Generate<never> | undefined;
  readonly dialect: Dialect<never>;
  readonly options: RequestOptions;
}

const MISTAKEN: Refusal = { code: "failed", status: 500, detail: "The answer cannot be served" };
const FAILED: Refusal = {
  code: "failed",
  status: 503,
  detail: "The answer cannot be served now",
  retryAfter: 5,
};
const CLOSED: Refusal = { code: "draining", status: 503, detail: "The server is going away", retryAfter: 1 };
const GONE: Refusal = {
  code: "gone",
  status: 410,
  detail: "The answer is no longer kept; ask anew, without a cursor",
};
const UNBEGUN: Refusal = {
  code: "gone",
  status: 404,
  detail: "There is no such answer; HEAD does not begin one",
};

class AnswerService implements Answers<never> {
  readonly #options: GivenOptions;
  readonly #store: AnswerStore;
  readonly #quota: StreamQuota;
  readonly #streams = new Set<EventStream>();
  readonly #report: (error: unknown, id: string) => void;
  readonly #isShared: boolean;
  #closed = false;

  constructor(options: GivenOptions) {
    const limits = checkAnswerLimits(options);
    checkCompression("keep answers", options.compression);
    resolveLimits(options);
    responseHead(headOf(options, options.dialect ?? OWN));
    this.#options = options;
    const { onError, describeError } = options;
    this.#report = (error, id) => reporter(onError && ((error) => onError(error, id)))(error);
    this.#quota = new StreamQuota({
      streams: limits.streams,
      perSubscriber: limits.streamsPerSubscriber,
      perAddress: Infinity,
    });
    const storeOptions = {
      limits,
      check: dataCheck(options),
      describe: (error: unknown, id: string) => describeError?.(error, id),
      report: this.#report,
    };
    const { log, leaseMs = 10_000, joinMs = 50 } = options;
    checkNumber("leaseMs", leaseMs, 1);
    checkNumber("joinMs", joinMs, 0);
    this.#isShared = log !== undefined;
    this.#store =
      log === undefined
        ? new MemoryAnswers(storeOptions)
        : new SharedAnswers({ ...storeOptions, log, leaseMs, joinMs });
  }

  get size(): number {
    return this.#store.size;
  }

  async resumable(request: AnyRequest, ...rest: unknown[]): Promise<never> {
    const response = isResponse(rest[0]) ? (rest.shift() as AnyResponse) : undefined;
    const [id, generate, options = {}] = rest as [string, Generate<never>, RequestOptions?];
    if (typeof generate !== "function") {
      throw this.#mistake(
        response,
        id,
        new TypeError(`Cannot answer: generate is ${show(generate)}, expected a function`),
      );
    }
    return this.#respond({ request, response, id, generate, options, dialect: this.#dialectOf(options) });
  }

  async resume(request: AnyRequest, ...rest: unknown[]): Promise<never> {
    const response = isResponse(rest[0]) ? (rest.shift() as AnyResponse) : undefined;
    const [id, options = {}] = rest as [string, RequestOptions?];
    const dialect = this.#dialectOf(options);
    return this.#respond({ request, response, id, generate: undefined, options, dialect });
  }

  async start(
    id: string,
    generate: Generate<never>,
    options: Pick<StartOptions, "subscriber" | "restart"> = {},
  ): Promise<boolean> {
    if (typeof generate !== "function") {
      throw mistake(new TypeError(`Cannot start answer: generate is ${show(generate)}, expected a function`));
    }
    if (!this.#isId(id)) throw mistake(new TypeError(`Cannot start answer: ${badId(id).detail}`));
    if (this.#closed) throw new AnswerError("closed", "Cannot start answer: its server is closed");
    let isOurs = false;
    const started = await this.#store.start({
      id,
      generate: (context) => {
        isOurs = true;
        return generate(context);
      },
      dialect: this.#dialectOf({}),
      restart: options.restart === true,
      subscriber: options.subscriber,
    });
    if ("code" in started) throw new AnswerError(started.code, `Cannot start answer: ${started.detail}`);
    // The log calls the generator in a later microtask.
    await Promise.resolve();
    return isOurs;
  }

  async stop(id: string): Promise<boolean> {
    const answer = await this.#store.find(id, this.#dialectOf({}));
    return answer === undefined ? false : this.#store.stop(answer);
  }

  async state(id: string): Promise<AnswerState | undefined> {
    const answer = await this.#store.find(id, this.#dialectOf({}));
    return answer && stateOf(answer);
  }

  async *read(
    id: string,
    { after = "", signal }: { readonly after?: string; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ParsedMessage, undefined, undefined> {
    const answer = await this.#store.find(id, this.#dialectOf({}));
    const position = answer?.positionOf(after);
    if (answer === undefined || position === undefined) {
      throw new AnswerError(
        "gone",
        `Cannot read answer ${show(id)}: it is not kept, or its cursor is another's`,
      );
    }
    return yield* readAnswer(answer, position, signal);
  }

  async close({ graceMs = 0 }: { graceMs?: number } = {}): Promise<void> {
    this.#closed = true;
    const until = performance.now() + graceMs;
    while (performance.now() < until && !isEmpty(this.#store.producers())) await sleep(20);
    for (const producer of this.#store.producers()) producer.stop("stopped");
    await this.#store.close();
    // Their readers take the verdict in a later microtask.
    await sleep(0);
    for (const stream of this.#streams) stream.end();
  }

  async #respond(call: Call): Promise<never> {
    const { request, response, options, dialect } = call;
    let refusal: Refusal | undefined;
    let head: ReturnType<typeof headOf>;
    try {
      head = headOf({ ...this.#options, ...options, headers: this.#headersOf(options) }, dialect);
      // Whatever is wrong with it is found before anything is started.
      responseHead(head);
    } catch (error) {
      throw this.#mistake(response, call.id, error as Error);
    }
    const place = { subscriber: options.subscriber, address: undefined };
    let entered = false;
    let grant: Grant = UNLIMITED;
    let outcome: Outcome;
    try {
      // It often comes with the request: a list, where a query names it twice.
      if (!this.#isId(call.id)) refusal = badId(call.id);
      else if (this.#closed) refusal = CLOSED;
      else {
        const given = await this.#authorize(call);
        if ("code" in given) refusal = given;
        else grant = given;
      }
      refusal ??= this.#quota.enter(place);
      entered = refusal === undefined;
      outcome = refusal ?? (await this.#find(call));
    } catch (error) {
      this.#report(error, call.id);
      outcome = FAILED;
    }
    if (outcome === undefined || "code" in outcome) {
      if (entered) this.#quota.leave(place);
      return this.#refuse(call, outcome) as never;
    }
    let stream: EventStream;
    try {
      stream =
        response === undefined
          ? openStream(request as FetchRequest, head)
          : openStream(request as NodeRequest, response, head);
    } catch (error) {
      // The response was begun meanwhile, by a time limit of the application say.
      this.#quota.leave(place);
      this.#report(error, call.id);
      return undefined as never;
    }
    this.#watch(stream, place, grant);
    sendAnswer(outcome.answer, stream, outcome.after);
    return (stream as { response?: Response }).response as never;
  }

  /** @throws What the store throws. */
  async #find({ request, id, generate, dialect, options }: Call): Promise<Outcome> {
    const cursor = cursorOf(request);
    const found = await this.#store.find(id, dialect);
    const restart = options.restart === true && cursor === "" && found?.verdict?.complete === false;
    if (found !== undefined && !(restart && generate !== undefined)) {
      const after = found.positionOf(cursor);
      if (after === undefined) return GONE;
      const isRead = found.verdict !== undefined && after >= found.buffer.length;
      // It has the verdict: 204 is what makes an EventSource stop coming back.
      if (isRead || (generate === undefined && cursor === "" && found.verdict !== undefined))
        return undefined;
      return { answer: found, after };
    }
    if (cursor !== "") return GONE;
    if (generate === undefined) return undefined;
    if (request.method === "HEAD") return UNBEGUN;
    const started = await this.#store.start({
      id,
      generate,
      dialect,
      restart,
      subscriber: options.subscriber,
    });
    return "code" in started ? started : { answer: started, after: 0 };
  }

  #isId(id: unknown): id is string {
    if (typeof id !== "string" || id === "") return false;
    return !this.#isShared || isSharedId(id);
  }

  async #authorize({ id, request, generate, options }: Call): Promise<Grant | Refusal> {
    const authorize = options.authorize ?? this.#options.authorize;
    if (authorize === undefined) return UNLIMITED;
    return readAuthorization(
      await authorize({ id, request, starts: generate !== undefined }),
      performance.now(),
    );
  }

  #watch(stream: EventStream, place: Parameters<StreamQuota["leave"]>[0], { expiresAt }: Grant): void {
    this.#streams.add(stream);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const expiresInMs = expiresAt - performance.now();
    if (expiresInMs < MOST_TIMER_MS) {
      timer = setTimeout(() => stream.end(), expiresInMs);
      (timer as { unref?: () => void }).unref?.();
    }
    void stream.ended.then(() => {
      clearTimeout(timer);
      this.#streams.delete(stream);
      this.#quota.leave(place);
    });
  }

  #refuse({ response, id, options }: Call, outcome: Refusal | undefined): Response | undefined {
    const headers = this.#headersOf(options);
    const report = (error: unknown): void => this.#report(error, id);
    const refusal = outcome && withAppHeaders(outcome, headers);
    if (response === undefined) {
      return refusal === undefined ? new Response(null, { status: 204, headers }) : refuseFetch(refusal);
    }
    if (refusal === undefined) endNode(response, report, headers);
    else refuseNode(response, refusal, report);
    return undefined;
  }

  #headersOf(options: RequestOptions): Readonly<Record<string, string>> {
    return { ...this.#options.headers, ...options.headers };
  }

  #dialectOf({ dialect }: RequestOptions): Dialect<never> {
    return dialect ?? this.#options.dialect ?? OWN;
  }

  #mistake(response: AnyResponse | undefined, id: string, error: Error): Error {
    // The peer cannot help it, and must not wait for a response that never comes.
    if (response !== undefined) refuseNode(response, MISTAKEN, (second) => this.#report(second, id));
    return mistake(error);
  }
}

const OWN: Dialect<never> = tidings();
/** What timers of every platform take. */
const MOST_TIMER_MS = 2 ** 31;

function headOf(
  { headers, retryMs, compression, heartbeatMs, stallMs }: AnswerRequestOptions,
  dialect: Dialect<never>,
): StreamOptions & { headers: Record<string, string> } {
  return {
    headers: { ...dialect.headers, ...headers },
    ...(retryMs !== undefined && { retryMs }),
    ...(compression !== undefined && { compression }),
    ...(heartbeatMs !== undefined && { heartbeatMs }),
    ...(stallMs !== undefined && { stallMs }),
  };
}

function badId(id: unknown): Refusal {
  return {
    code: "bad-id",
    status: 400,
    detail: `The id is ${show(id)}, expected text that is not empty; in a log, without control characters and up to 1,000 bytes`,
  };
}

function checkNumber(name: string, value: unknown, least: number): void {
  if (typeof value === "number" && value >= least) return;
  throw new RangeError(`Cannot keep answers: ${name} is ${show(value)}, expected a number, ${least} or more`);
}

function isResponse(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("hijack" in value || "setHeader" in value);
}

function isEmpty(items: Iterable<unknown>): boolean {
  for (const _ of items) return false;
  return true;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
