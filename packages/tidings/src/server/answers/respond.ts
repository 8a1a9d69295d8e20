/**
 * Takes a request for an answer through authorization and limits to its response: the answer, nothing (204), or a refusal.
 */
import type { Dialect } from "../../dialects/dialect.ts";
import { isThenable } from "../../guard/foreign.ts";
import { mistake } from "../../guard/mistake.ts";
import { show } from "../../guard/show.ts";
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";
import type { EventStream } from "../one-stream/event-stream.ts";
import { checkCompression } from "../compression/compression-options.ts";
import { resolveLimits } from "../one-stream/stream-limits.ts";
import { openStream } from "../one-stream/open-stream.ts";
import { responseHead } from "../out/response-head.ts";
import type { FastifyReply, FetchRequest, NodeRequest, NodeResponse } from "../request/http-types.ts";
import { checkMethods, DEFAULT_METHODS, refuseMethod } from "../request/methods.ts";
import { refusePipelined } from "../adapters/pipelined.ts";
import { cursorOf } from "../request/last-event-id.ts";
import { endNode, refuseFetch, refuseNode, type Refusal, withAppHeaders } from "../request/refusal.ts";
import { type Grant, readAuthorization, UNLIMITED } from "../subscribe/authorization.ts";
import { StreamQuota } from "../subscribe/stream-quota.ts";
import { withTimeLimit } from "../time/time-limit.ts";
import type { Answer } from "./answer.ts";
import type { AnswerLimits } from "./answer-limits.ts";
import { checkRequestOptions, type GivenOptions, headOf, type RequestOptions } from "./answer-options.ts";
import type { AnswerStore } from "./answer-store.ts";
import type { Generate } from "./producer.ts";
import { sendAnswer } from "./read-answer.ts";
import { isSharedId } from "./shared/answer-topics.ts";

export type AnyRequest = (NodeRequest | FetchRequest) & { readonly url?: string | undefined };
export type AnyResponse = NodeResponse | FastifyReply;

/** What a request gets: the answer behind the first `after` messages, nothing (204), or a refusal. */
type Outcome = { readonly answer: Answer; readonly after: number } | Refusal | undefined;

export interface Call {
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

/** How long peers are waited for that do not take the end of their streams. */
const PATIENCE_MS = 1_000;

export interface ResponderParts {
  readonly options: GivenOptions;
  readonly limits: AnswerLimits;
  /** How long `authorize` may take. */
  readonly timeoutMs: number;
  readonly store: AnswerStore;
  readonly report: (error: unknown, id: string) => void;
}

export class AnswerResponder {
  closed = false;
  readonly #options: GivenOptions;
  readonly #timeoutMs: number;
  readonly #store: AnswerStore;
  readonly #report: (error: unknown, id: string) => void;
  readonly #quota: StreamQuota;
  readonly #streams = new Set<EventStream>();

  constructor({ options, limits, timeoutMs, store, report }: ResponderParts) {
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#store = store;
    this.#report = report;
    this.#quota = new StreamQuota({
      streams: limits.streams,
      perSubscriber: limits.streamsPerSubscriber,
      perAddress: Infinity,
    });
  }

  async respond(call: Call): Promise<never> {
    const { request, response, options, dialect } = call;
    let refusal: Refusal | undefined;
    let head: ReturnType<typeof headOf>;
    try {
      checkRequestOptions(options);
      head = headOf({ ...this.#options, ...options, headers: this.#headersOf(options) }, dialect);
      // Whatever is wrong with it is found before anything is started.
      responseHead(head);
      resolveLimits(head);
      checkCompression("answer", head.compression);
      checkMethods("answer", head.methods);
    } catch (error) {
      throw this.mistaken(response, call.id, error as Error);
    }
    const place = { subscriber: options.subscriber, address: undefined };
    let entered = false;
    let grant: Grant = UNLIMITED;
    let outcome: Outcome;
    try {
      refusal = refuseMethod(request, head.methods ?? DEFAULT_METHODS, this.#headersOf(options));
      // HEAD has its answer at once, wherever it waits.
      if (request.method !== "HEAD") refusal ??= refusePipelined(request, response);
      if (refusal !== undefined) return this.#refuse(call, refusal) as never;
      // It often comes with the request: a list, where a query names it twice.
      if (!isAnswerId(call.id, this.#options.log !== undefined)) refusal = badId(call.id);
      else if (this.closed) refusal = CLOSED;
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

  /** Refuses a request whose call makes no sense. @returns The error to throw. */
  mistaken(response: AnyResponse | undefined, id: string, error: Error): Error {
    // The peer cannot help it, and must not wait for a response that never comes.
    if (response !== undefined) refuseNode(response, MISTAKEN, (second) => this.#report(second, id));
    return mistake(error);
  }

  /** Ends all, and waits until their peers have taken the end: a server that closes at once would wait for their connections. */
  async endStreams(): Promise<void> {
    const ended = [...this.#streams].map((stream) => {
      stream.end();
      return stream.ended;
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise((resolve) => void (timer = setTimeout(resolve, PATIENCE_MS)));
    await Promise.race([Promise.all(ended), patience]);
    clearTimeout(timer);
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

  async #authorize({ id, request, generate, options }: Call): Promise<Grant | Refusal> {
    const authorize = options.authorize ?? this.#options.authorize;
    if (authorize === undefined) return UNLIMITED;
    const controller = new AbortController();
    const asked: unknown = authorize({
      id,
      request,
      starts: generate !== undefined,
      signal: controller.signal,
    });
    if (!isThenable(asked)) return readAuthorization(asked, performance.now());
    try {
      const settled = await withTimeLimit(asked, this.#timeoutMs, "answer", "authorize");
      return readAuthorization(settled, performance.now());
    } catch (error) {
      controller.abort(error);
      throw error;
    }
  }

  #watch(stream: EventStream, place: Parameters<StreamQuota["leave"]>[0], { expiresAt }: Grant): void {
    this.#streams.add(stream);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const expiresInMs = expiresAt - performance.now();
    if (expiresInMs <= LONGEST_TIMER_MS) {
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
}

/** Whether an id can be one. Those of a log go into topics. */
export function isAnswerId(id: unknown, isShared: boolean): id is string {
  if (typeof id !== "string" || id === "") return false;
  return !isShared || isSharedId(id);
}

export function badId(id: unknown): Refusal {
  return {
    code: "bad-id",
    status: 400,
    detail: `The id is ${show(id)}, expected text that is not empty; in a log, without control characters and up to 1,000 bytes`,
  };
}
