/**
 * An answer that is produced once and read by whoever comes with its id: the tokens of a language model, the progress of a
 * job. It goes on when its reader leaves, and the reader that returns, after a reload or on another network, goes on where
 * it was. The last message is the verdict: an answer that ends without one was cut off on the way.
 */
import { reporter } from "../../guard/foreign.ts";
import { show } from "../../guard/show.ts";
import type { EventMap, Schema } from "../../wire/contract.ts";
import { Answer, type AnswerLimits, type Generate } from "./answer.ts";
import type { ContractOptions } from "../message/check-data.ts";
import { checkCompression } from "../compression/compression-options.ts";
import { cursorOf } from "../request/cursor-of.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import { endNode, refuseFetch, refuseNode, type Refusal } from "../request/refusal.ts";
import type { FastifyReply, FetchRequest, NodeRequest, NodeResponse } from "../request/http-types.ts";

export interface AnswersOptions<Events extends object = EventMap>
  extends Partial<AnswerLimits>, ContractOptions<Events> {
  /** Answers that are kept at once, running and done, 1,000 unless told; one more is refused with 503. */
  answers?: number;
  /** Whether answers are compressed for those who accept gzip; see {@link HubOptions.compression}. */
  compression?: HubOptions["compression"];
  /** Told what a generator threw; the readers are told only that it failed. Unless told, `console.error`. */
  onError?: (error: unknown, id: string) => void;
}

/** `Base` is the event map of all, where `events` says it; each answer may have its own where it does not. */
export interface Answers<Base extends object = EventMap> {
  /**
   * Answers a request with the messages of the answer `id`, from its `Last-Event-ID` on. The first request for an id starts
   * `generate`; all others read what it made and makes. Where an answer is no longer kept, a reader that had a part of it is
   * told so with 410, and `generate` is not called again.
   *
   * The id says who may read: make it hard to guess, or check who asks before you call this.
   */
  resumable<Events extends object = Base>(
    request: NodeRequest & { readonly url?: string | undefined },
    response: NodeResponse | FastifyReply,
    id: string,
    generate: Generate<Events>,
  ): Promise<void>;
  /** The same for servers that take a `Request` and want a `Response` back. */
  resumable<Events extends object = Base>(
    request: FetchRequest & { readonly url?: string | undefined },
    id: string,
    generate: Generate<Events>,
  ): Promise<Response>;
  /** Stops a generator that runs: its readers get the verdict `cancelled`. @returns Whether there was one. */
  cancel(id: string): boolean;
  /** Stops all generators and forgets all answers. */
  close(): Promise<void>;
  /** How many answers are kept. */
  readonly size: number;
}

/** @throws {RangeError} If a limit is not a number above 0. */
export function createAnswers<Events extends object = EventMap>(
  options: AnswersOptions<Events> = {},
): Answers<Events> {
  return new KeptAnswers(options);
}

/**
 * {@link Answers.resumable} of the answers of this process, with all that is told by default: 5 minutes after its end an
 * answer is forgotten. For other limits, see {@link createAnswers}.
 */
export const resumable: Answers["resumable"] = ((...args: Parameters<KeptAnswers["resumable"]>) => {
  shared ??= new KeptAnswers({});
  return shared.resumable(...args);
}) as Answers["resumable"];

let shared: KeptAnswers | undefined;

const MISTAKEN: Refusal = { code: "failed", status: 500, detail: "The answer cannot be served" };

class KeptAnswers implements Answers {
  readonly #limits: AnswerLimits;
  readonly #hubOptions: ContractOptions & Pick<HubOptions, "compression">;
  readonly #most: number;
  readonly #onError: (error: unknown, id: string) => void;
  readonly #answers = new Map<string, Answer>();

  constructor(options: AnswersOptions) {
    const { answers = 1_000, keepMs = 300_000, messages = 100_000, bytes = 8 * 2 ** 20 } = options;
    for (const [name, value] of Object.entries({ answers, keepMs, messages, bytes })) {
      if (!(value > 0)) {
        throw new RangeError(`Cannot keep answers: ${name} is ${String(value)}, expected a number above 0`);
      }
    }
    this.#most = answers;
    checkCompression("keep answers", options.compression);
    this.#hubOptions = { ...contractOf(options), compression: options.compression ?? false };
    this.#limits = { keepMs, messages, bytes, abandonMs: options.abandonMs ?? false };
    const { onError } = options;
    this.#onError = (error, id) => reporter(onError && (() => onError(error, id)))(error);
  }

  get size(): number {
    return this.#answers.size;
  }

  resumable(
    request: NodeRequest,
    response: NodeResponse | FastifyReply,
    id: string,
    generate: Generate,
  ): Promise<void>;
  resumable(request: FetchRequest, id: string, generate: Generate): Promise<Response>;
  async resumable(request: NodeRequest | FetchRequest, ...rest: unknown[]): Promise<Response | void> {
    const response = rest.length > 2 ? (rest.shift() as NodeResponse) : undefined;
    const [id, generate] = rest as [string, Generate];
    const report = (error: unknown): void => this.#onError(error, id);
    if (typeof generate !== "function") {
      const mistake = new TypeError(`Cannot answer: generate is ${show(generate)}, expected a function`);
      if (response !== undefined) refuseNode(response, MISTAKEN, report);
      throw mistake;
    }
    // It often comes with the request: a list, where a query names it twice.
    if (typeof id !== "string" || id === "") {
      const detail = `The id is ${show(id)}, expected text that is not empty`;
      const refusal: Refusal = { code: "bad-id", status: 400, detail };
      return response === undefined ? refuseFetch(refusal) : refuseNode(response, refusal, report);
    }
    const cursor = cursorOf(request);
    const answer = this.#answers.get(id) ?? this.#start(id, generate, cursor, request.method === "HEAD");
    if (!(answer instanceof Answer))
      return response === undefined ? refuseFetch(answer) : refuseNode(response, answer, report);
    if (answer.isRead(cursor)) {
      // It has the verdict: what makes an EventSource stop coming back.
      if (response === undefined) return new Response(null, { status: 204 });
      return endNode(response, report);
    }
    if (response === undefined) return answer.hub.respond(request as FetchRequest, answer.subscription);
    await answer.hub.subscribe(request as NodeRequest, response, answer.subscription);
  }

  cancel(id: string): boolean {
    return this.#answers.get(id)?.stop("cancelled") ?? false;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#answers.values()].map((answer) => answer.forget()));
  }

  #start(id: string, generate: Generate, cursor: string, isHead: boolean): Answer | Refusal {
    if (isHead) {
      return { code: "gone", status: 404, detail: "There is no such answer yet; HEAD does not begin one" };
    }
    if (cursor !== "") {
      return {
        code: "gone",
        status: 410,
        detail: "The answer is no longer kept; ask anew, without a cursor",
      };
    }
    if (this.#answers.size >= this.#most) {
      return {
        code: "too-many-streams",
        status: 503,
        detail: `${this.#most} answers are kept (answers)`,
        retryAfter: 5,
      };
    }
    const answer = new Answer(generate, this.#limits, this.#hubOptions, {
      onError: (error) => this.#onError(error, id),
      onForgotten: () => void this.#answers.delete(id),
    });
    this.#answers.set(id, answer);
    return answer;
  }
}

/** The verdict is ours, and no contract's. */
function contractOf({ events, checkEvents }: AnswersOptions): ContractOptions {
  return events === undefined
    ? {}
    : { events: { ...events, end: ANYTHING }, ...(checkEvents !== undefined && { checkEvents }) };
}

const ANYTHING: Schema = { "~standard": { version: 1, vendor: "tidings", validate: (value) => ({ value }) } };
