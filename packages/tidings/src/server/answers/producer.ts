/**
 * Runs a generator once and brings what it yields to the answer. It alone says how the answer ended: a message of the
 * generator that looks like the end is held back until the generator is done.
 */
import { isThenable } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import { inNextTurn } from "../../guard/in-next-turn.ts";
import type { AnswerVerdict, Dialect, Frame, MessageText } from "../../dialects/dialect.ts";
import type { Report } from "../../guard/foreign.ts";
import { show } from "../../guard/show.ts";
import { formatCursor } from "../../log/cursor.ts";
import { encode } from "../../wire/encode.ts";
import { MAX_MESSAGE_BYTES } from "../../wire/handlers.ts";
import { createReader } from "../../wire/reader.ts";
import type { CheckData } from "../message/check-data.ts";
import { toJson } from "../message/outgoing-message.ts";
import { type Items, readSource, type SourceReader } from "../message/read-source.ts";
import type { AnswerEnd } from "./answer.ts";
import { frameOf, lastFrames, verdictOf } from "../message/foreign-dialect.ts";

/**
 * Makes the messages of an answer: called once. `signal` aborts when the answer is stopped or abandoned, or when something that
 * was yielded cannot be sent. A generator's `finally` runs then, as soon as what it awaits has settled: JavaScript cannot
 * interrupt an `await`, so pass the signal on.
 */
export type Generate<Item> = (context: {
  readonly signal: AbortSignal;
  readonly id: string;
}) => Items<Item> | Promise<Items<Item>>;

/** Where a producer's messages go. */
export interface AnswerSink {
  /** Takes one message. @returns A promise when no more should come before it has resolved. */
  push(text: string): Promise<void> | undefined;
  /** Takes the last messages. Called once. */
  end(verdict: AnswerVerdict, texts: readonly string[]): void;
}

export interface ProducerOptions {
  readonly id: string;
  readonly epoch: string;
  readonly dialect: Dialect<never>;
  readonly check: CheckData | undefined;
  readonly limits: { readonly messages: number; readonly bytes: number };
  readonly sink: AnswerSink;
  /** The words that readers get for an error. */
  readonly describe: (error: unknown) => string | undefined;
  readonly report: Report;
}

/** A generator that never waits gives way to others after this many messages. */
const MOST_IN_A_TURN = 256;

export class Producer {
  readonly #options: ProducerOptions;
  readonly #abort = new AbortController();
  #source: SourceReader<unknown> | undefined;
  #over = false;
  #messages = 0;
  #bytes = 0;
  #first: MessageText | undefined;
  #last: MessageText | undefined;
  /** What the generator said of its end, and with what. */
  #said: { readonly verdict: AnswerVerdict; readonly message: MessageText } | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  get over(): boolean {
    return this.#over;
  }

  async run(generate: Generate<never>): Promise<void> {
    const { id, report } = this.#options;
    try {
      this.#source = readSource<unknown>(await generate({ signal: this.#abort.signal, id }), "answer");
      if (this.#over) return this.#stopSource();
      for (let turn = 1; ; turn += 1) {
        const result = await this.#source.next();
        if (this.#over) return;
        if (result.done === true) break;
        const wait = this.#take(result.value as never);
        if (wait !== undefined) await wait;
        else if (turn % MOST_IN_A_TURN === 0) await new Promise<void>((resolve) => inNextTurn(resolve));
        if (this.#over) return;
      }
    } catch (error) {
      // What a generator says to being stopped is no news.
      if (this.#over) return;
      report(error);
      return this.#fail("failed", describeWith(this.#options, error));
    }
    this.#end(this.#said?.verdict ?? { complete: true });
  }

  /** Ends the answer at once, and has the generator stop. Does nothing when it is over. */
  stop(reason: AnswerEnd): void {
    if (!this.#over) this.#fail(reason, undefined);
  }

  /** Another process has ended the answer: stops without a verdict. */
  fence(): void {
    if (this.#over) return;
    this.#over = true;
    this.#halt("lost");
  }

  #take(item: never): Promise<void> | undefined {
    const { dialect, limits, check, sink } = this.#options;
    const message = toText(frameOf(dialect, item), check);
    if (this.#said?.verdict.complete === true) {
      throw new TypeError(
        `Cannot answer: ${describe(message)} follows ${describe(this.#said.message)}, which says that the answer is complete, expected nothing after it`,
      );
    }
    const verdict = verdictOf(dialect, message);
    if (verdict !== undefined) this.#said = { verdict, message };
    // It goes out when it is true.
    if (verdict?.complete === true) return undefined;
    const bytes = bytesOf(message.data);
    if (bytes > MAX_MESSAGE_BYTES) {
      throw new RangeError(
        `Cannot answer: the message has ${bytes} bytes, expected ${MAX_MESSAGE_BYTES} or fewer: clients give up at a longer one`,
      );
    }
    this.#bytes += bytes;
    if (this.#messages >= limits.messages || this.#bytes > limits.bytes) {
      this.#fail("too-long", undefined);
      return undefined;
    }
    this.#first ??= message;
    this.#last = message;
    return sink.push(this.#encode(message));
  }

  #fail(reason: AnswerEnd, message: string | undefined): void {
    this.#end(message === undefined ? { complete: false, reason } : { complete: false, reason, message });
    this.#halt(reason);
  }

  #end(verdict: AnswerVerdict): void {
    this.#over = true;
    const { dialect, sink, report } = this.#options;
    const said = this.#said;
    const isSaid = said !== undefined && (!said.verdict.complete || verdict.complete);
    const own = isSaid && verdict.complete ? said.message : undefined;
    const context = { first: this.#first ?? own, last: isSaid ? said.message : this.#last };
    const texts: string[] = [];
    try {
      if (own !== undefined) texts.push(this.#encode(own));
      for (const frame of lastFrames(dialect, verdict, context)) {
        texts.push(this.#encode(toText(frame, undefined)));
      }
    } catch (error) {
      // Its readers see an answer without a verdict, which is not complete.
      report(error);
    }
    sink.end(verdict, texts);
    this.#said = this.#first = this.#last = undefined;
  }

  #halt(reason: AnswerEnd): void {
    this.#abort.abort(new Error(`Answer was stopped: ${reason}`));
    this.#stopSource();
  }

  #stopSource(): void {
    // It was told to stop, and may say so.
    this.#source?.stop(this.#abort.signal.reason, () => undefined);
  }

  #encode(message: MessageText): string {
    const text = encodeNumbered(message, this.#options.epoch, this.#messages + 1);
    // Not before: one that cannot be encoded has no number, and a missing number is taken for a message that a log has lost.
    this.#messages += 1;
    return text;
  }
}

/** The last messages of an answer that another process began, numbered on. */
export function encodeEnd(
  dialect: Dialect<never>,
  verdict: AnswerVerdict,
  context: { readonly first: MessageText | undefined; readonly last: MessageText | undefined },
  epoch: string,
  messages: number,
): string {
  return lastFrames(dialect, verdict, context)
    .map((frame, index) => encodeNumbered(toText(frame, undefined), epoch, messages + index + 1))
    .join("");
}

/** The same messages, numbered from behind `messages` on. */
export function renumber(body: Uint8Array, epoch: string, messages: number): Uint8Array {
  const text = createReader()
    .read(body)
    .map((message, index) => encodeNumbered(message, epoch, messages + index + 1))
    .join("");
  return new TextEncoder().encode(text);
}

function encodeNumbered({ event, data }: MessageText, epoch: string, number: number): string {
  const text = encode(event === "message" ? { data } : { event, data });
  return `id: ${formatCursor(epoch, number)}\n${text}`;
}

function toText(frame: Frame, check: CheckData | undefined): MessageText {
  if (typeof frame !== "object" || frame === null) {
    throw new TypeError(
      `Cannot answer: the generator yielded ${show(frame)}, expected a message such as { data }`,
    );
  }
  const { id, retry } = frame as { id?: unknown; retry?: unknown };
  if (id !== undefined) {
    throw new TypeError(
      "Cannot answer: the message has an id, expected none: the answer numbers its messages",
    );
  }
  if (retry !== undefined) {
    throw new TypeError("Cannot answer: the message has a retry, expected none: set it per stream (retryMs)");
  }
  const { event = "message", data } = frame;
  if (data === undefined) {
    throw new TypeError(
      'Cannot answer: data is undefined, expected a value that JSON can carry, or text ("" too)',
    );
  }
  const isText = typeof data === "string";
  const text = isText ? data : toJson(data);
  check?.(event, text, isText);
  return { event, data: text };
}

function describe({ event, data }: MessageText): string {
  return show(event === "message" ? data : event);
}

function describeWith({ describe, report }: ProducerOptions, error: unknown): string | undefined {
  try {
    const words: unknown = describe(error);
    // What it promises comes too late for the readers, and may fail.
    if (isThenable(words)) Promise.resolve(words).then(ignore, report);
    return typeof words === "string" ? words : undefined;
  } catch (second) {
    report(second);
    return undefined;
  }
}

const { Buffer } = globalThis as { Buffer?: { byteLength(text: string): number } };

function bytesOf(text: string): number {
  return Buffer === undefined ? new TextEncoder().encode(text).length : Buffer.byteLength(text);
}
