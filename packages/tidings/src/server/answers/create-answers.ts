/**
 * Makes `Answers`: what an application calls, over a store that keeps the answers (answer-store.ts, shared/) and a responder that takes requests to
 * them (respond.ts).
 */
import type { Dialect } from "../../dialects/dialect.ts";
import type { TidingsItem } from "../../dialects/tidings.ts";
import { reporter } from "../../guard/foreign.ts";
import { leavable } from "../../guard/leavable.ts";
import { mistake } from "../../guard/mistake.ts";
import { show } from "../../guard/show.ts";
import { checkedLog } from "../../log/foreign-log.ts";
import type { EventMap } from "../../wire/contract.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import { dataCheck } from "../message/check-data.ts";
import type { Publication } from "../publish/publication.ts";
import {
  checkAnswersOptions,
  checkReadOptions,
  checkStartOptions,
  type GivenOptions,
  OWN,
  type RequestOptions,
} from "./answer-options.ts";
import { type AnswerStore, MemoryAnswers } from "./answer-store.ts";
import {
  type Answers,
  type AnswersOptions,
  type AnswerState,
  type StartOptions,
  stateOf,
} from "./answers.ts";
import type { Generate } from "./producer.ts";
import { AnswerError, readAnswer } from "./read-answer.ts";
import { AnswerResponder, type AnyRequest, type AnyResponse, badId, isAnswerId } from "./respond.ts";
import { SharedAnswers } from "./shared/shared-answers.ts";

/**
 * Keeps answers, framed in a dialect.
 * @throws {RangeError} If a limit is not a number above 0.
 * @throws {TypeError} If there is no such option, or one makes no sense.
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

class AnswerService implements Answers<never> {
  readonly #options: GivenOptions;
  readonly #store: AnswerStore;
  readonly #report: (error: unknown, id: string) => void;
  readonly #responder: AnswerResponder;

  constructor(options: GivenOptions) {
    const { limits, leaseMs, joinMs, timeoutMs } = checkAnswersOptions(options);
    const { onError, describeError, log } = options;
    const report = (error: unknown, id: string): void =>
      reporter(onError && ((error) => onError(error, id)))(error);
    const storeOptions = {
      limits,
      check: dataCheck(options),
      describe: (error: unknown, id: string) => describeError?.(error, id),
      report,
    };
    this.#options = options;
    this.#store =
      log === undefined
        ? new MemoryAnswers(storeOptions)
        : new SharedAnswers({ ...storeOptions, log: checkedLog("create answers", log), leaseMs, joinMs });
    this.#report = report;
    this.#responder = new AnswerResponder({ options, limits, timeoutMs, store: this.#store, report });
  }

  get size(): number {
    return this.#store.size;
  }

  resumable(request: AnyRequest, ...rest: unknown[]): Promise<never> {
    return this.#reported(this.#resumable(request, rest), rest);
  }

  /** Few handlers wait for it, and an option may have come with a request, which must not end the process. */
  #reported(answering: Promise<never>, given: readonly unknown[]): Promise<never> {
    const id = given.find((one) => typeof one === "string") ?? "";
    answering.catch((error: unknown) => this.#report(error, id));
    return answering;
  }

  async #resumable(request: AnyRequest, rest: unknown[]): Promise<never> {
    const response = isResponse(rest[0]) ? (rest.shift() as AnyResponse) : undefined;
    const [id, generate, options = {}] = rest as [string, Generate<never>, RequestOptions?];
    if (typeof generate !== "function") {
      throw this.#responder.mistaken(
        response,
        id,
        new TypeError(`Cannot answer: generate is ${show(generate)}, expected a function`),
      );
    }
    return this.#responder.respond({
      request,
      response,
      id,
      generate,
      options,
      dialect: this.#dialectOf(options),
    });
  }

  resume(request: AnyRequest, ...rest: unknown[]): Promise<never> {
    return this.#reported(this.#resume(request, rest), rest);
  }

  async #resume(request: AnyRequest, rest: unknown[]): Promise<never> {
    const response = isResponse(rest[0]) ? (rest.shift() as AnyResponse) : undefined;
    const [id, options = {}] = rest as [string, RequestOptions?];
    const dialect = this.#dialectOf(options);
    return this.#responder.respond({ request, response, id, generate: undefined, options, dialect });
  }

  async start(
    id: string,
    generate: Generate<never>,
    options: Pick<StartOptions, "subscriber" | "restart"> = {},
  ): Promise<boolean> {
    if (typeof generate !== "function") {
      throw mistake(new TypeError(`Cannot start answer: generate is ${show(generate)}, expected a function`));
    }
    if (!isAnswerId(id, this.#options.log !== undefined))
      throw mistake(new TypeError(`Cannot start answer: ${badId(id).detail}`));
    try {
      checkStartOptions(options);
    } catch (error) {
      throw mistake(error as Error);
    }
    if (this.#responder.closed) throw new AnswerError("closed", "Cannot start answer: its server is closed");
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

  read(
    id: string,
    options: { readonly after?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterableIterator<ParsedMessage> {
    checkReadOptions(options);
    return leavable(options.signal, (signal) => this.#read(id, options.after ?? "", signal));
  }

  async *#read(
    id: string,
    after: string,
    signal: AbortSignal,
  ): AsyncGenerator<ParsedMessage, undefined, undefined> {
    const answer = await this.#store.find(id, this.#dialectOf({}));
    const position = answer?.positionOf(after);
    if (answer === undefined || position === undefined) {
      throw new AnswerError(
        "gone",
        `Cannot read answer ${show(id)}: it is not kept, or the cursor belongs to another answer`,
      );
    }
    return yield* readAnswer(answer, position, signal);
  }

  async close({ graceMs = 0 }: { graceMs?: number | undefined } = {}): Promise<void> {
    if (!(typeof graceMs === "number" && graceMs >= 0 && graceMs < 2 ** 31)) {
      throw new RangeError(
        `Cannot close answers: graceMs is ${show(graceMs)}, expected milliseconds from 0 to 2^31-1`,
      );
    }
    this.#responder.closed = true;
    const until = performance.now() + graceMs;
    while (performance.now() < until && !isEmpty(this.#store.producers())) await sleep(20);
    for (const producer of this.#store.producers()) producer.stop("lost");
    try {
      await this.#store.close(graceMs);
    } finally {
      // Their readers take the verdict in a later microtask, whatever the log says to being closed.
      await sleep(0);
      await this.#responder.endStreams();
    }
  }

  #dialectOf(options: RequestOptions | null): Dialect<never> {
    return options?.dialect ?? this.#options.dialect ?? OWN;
  }
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
