/**
 * One answer's topic of a log, as this process follows it. Its entries are told apart by their keys, `kind:epoch:detail`:
 *
 * - `start`: a process produces the answer. Appended with an idempotency key that names what the topic held before, so that of
 *   two processes one is first.
 * - `data`: messages, with their ids.
 * - `lease`: its producer lives. So does every `data`.
 * - `read`: another process has readers.
 * - `stop`: the application wants it stopped.
 * - `end`: the last messages. Appended with an idempotency key, by its producer, or by a process that sees the lease expire: what the
 *   producer appends after that is ignored. Such a process names the newest sign of life that it has seen, `lost:offset`. Where
 *   a newer one stands before its `end`, that is ignored: it may have been long under way.
 *
 * What a log did not acknowledge is appended again and may so be there twice: `data` whose messages are known by their numbers
 * counts once. Where numbers are missing, the log has lost a part, and the answer cannot be read.
 */
import type { AnswerVerdict, Dialect, MessageText } from "../../../dialects/dialect.ts";
import type { Report } from "../../../guard/foreign.ts";
import type { Draft, Entry, Selection } from "../../../log/log.ts";
import { createReader } from "../../../wire/reader.ts";
import { Answer } from "../answer.ts";
import { verdictOf } from "../../message/foreign-dialect.ts";
import type { LogSink } from "./log-sink.ts";
import { encodeEnd, type Producer, renumber } from "../producer.ts";

export type EntryKind = "start" | "data" | "lease" | "read" | "stop" | "end";

export interface TopicEvents {
  /** A run begins, here or elsewhere. */
  onStart(topic: AnswerTopic, answer: Answer): void;
  /** A run is over. */
  onEnd(topic: AnswerTopic, answer: Answer): void;
  /** It cannot be read here any more, or another one has replaced it. */
  onDropped(answer: Answer): void;
}

export class AnswerTopic {
  readonly id: string;
  readonly topic: string;
  readonly selection: Selection;
  dialect: Dialect<never>;
  answer: Answer | undefined;
  /** Set while this process produces the answer. */
  run: { readonly producer: Producer; readonly sink: LogSink } | undefined;
  /** Everything up to this offset was applied. */
  offset = 0;
  /** The newest entry of the topic, retained or not. */
  tip = 0;
  /** By `performance.now()`: the last sign of life, the last append here, the last use here. */
  seenMs: number = performance.now();
  appendedMs: number = performance.now();
  usedMs: number = performance.now();
  /** A renewal of the lease is under way. */
  renewing = false;
  /** The end of a producer that is lost is under way. */
  ending = false;
  /** Where its producer gave the newest sign of life. */
  #lifeAt = 0;
  readonly #events: TopicEvents;

  constructor(id: string, topic: string, dialect: Dialect<never>, events: TopicEvents) {
    this.id = id;
    this.topic = topic;
    this.dialect = dialect;
    this.selection = { exact: [topic], matches: (name) => name === topic };
    this.#events = events;
  }

  /** @param ageMs - How long ago it was appended: 0 for what comes as it is appended. */
  apply({ offset, key = "", body, atMs }: Entry, ageMs: number): void {
    this.offset = this.tip = offset;
    const [kind, epoch = "", detail = "", lifeAt] = key.split(":");
    if (kind === "start") return this.#start(epoch, atMs);
    const { answer } = this;
    if (answer?.epoch !== epoch || answer.verdict !== undefined) return;
    const nowMs = performance.now();
    if (kind === "data" || kind === "lease") {
      this.seenMs = nowMs;
      this.#lifeAt = offset;
    }
    if (kind === "data") {
      const number = numberOf(body, epoch) ?? answer.buffer.length + 1;
      // What was not acknowledged may come twice. Where messages are missing, the log has lost them.
      if (number <= answer.buffer.length) return;
      if (number > answer.buffer.length + 1) return this.drop();
      answer.pushBytes(body);
    }
    if (kind === "end") {
      if (lifeAt !== undefined && Number(lifeAt) !== this.#lifeAt) return;
      const number = numberOf(body, epoch) ?? answer.buffer.length + 1;
      if (number > answer.buffer.length + 1) return this.drop();
      // Who ended it had not seen the last of its messages.
      answer.pushBytes(
        number === answer.buffer.length + 1 ? body : renumber(body, epoch, answer.buffer.length),
      );
    }
    if (kind === "read") answer.readElsewhereAtMs = nowMs;
    if (kind === "stop") this.run?.producer.stop("stopped");
    if (kind !== "end") return;
    answer.end(this.#verdictOf(detail, body), atMs, ageMs);
    this.#over();
    this.#events.onEnd(this, answer);
  }

  /** Entries up to this offset are gone: what is left of an answer is not the answer. */
  lose(through: number): void {
    this.tip = Math.max(this.tip, through);
    this.drop();
  }

  /** The answer cannot be read here any more. */
  drop(): void {
    const { answer } = this;
    this.#over();
    this.answer = undefined;
    if (answer === undefined) return;
    if (answer.verdict === undefined) answer.drop();
    this.#events.onDropped(answer);
  }

  get isRunningElsewhere(): boolean {
    return this.run === undefined && this.answer !== undefined && this.answer.verdict === undefined;
  }

  draft(kind: EntryKind, epoch: string, body: Uint8Array = NOTHING, detail = ""): Draft {
    return {
      topic: this.topic,
      body,
      key: detail === "" ? `${kind}:${epoch}` : `${kind}:${epoch}:${detail}`,
    };
  }

  /**
   * The end of an answer whose producer is lost, and its idempotency key.
   * @param report - Told of a dialect that cannot end it: its readers then see an answer without a verdict, which is not complete.
   */
  lostEnd(answer: Answer, report: Report): { readonly draft: Draft; readonly idempotencyKey: string } {
    const { buffer, epoch } = answer;
    const first = buffer.read(0, 1).bytes;
    const last = buffer.length === 0 ? first : buffer.read(buffer.length - 1, 1).bytes;
    const context = { first: textOf(first), last: textOf(last) };
    let body = NOTHING;
    try {
      const text = encodeEnd(
        this.dialect,
        { complete: false, reason: "lost" },
        context,
        epoch,
        buffer.length,
      );
      if (text !== "") body = new TextEncoder().encode(text);
    } catch (error) {
      report(error);
    }
    return {
      draft: this.draft("end", epoch, body, `lost:${this.#lifeAt}`),
      idempotencyKey: `answer-end/${epoch}/${this.#lifeAt}`,
    };
  }

  #start(epoch: string, atMs: number): void {
    this.drop();
    const answer = new Answer(this.id, epoch, atMs);
    this.answer = answer;
    this.seenMs = performance.now();
    this.#lifeAt = this.offset;
    this.#events.onStart(this, answer);
  }

  #over(): void {
    const { run } = this;
    this.run = undefined;
    run?.producer.fence();
    run?.sink.stop();
  }

  #verdictOf(reason: string, body: Uint8Array): AnswerVerdict {
    if (reason === "complete") return { complete: true };
    let said: AnswerVerdict | undefined;
    try {
      said = createReader()
        .read(body)
        .map((message) => verdictOf(this.dialect, message))
        .find((verdict) => verdict?.complete === false);
    } catch {
      // It has ended, whatever the dialect makes of it. Who produced it was told of the dialect's mistake.
    }
    const message = said?.complete === false ? said.message : undefined;
    return message === undefined ? { complete: false, reason } : { complete: false, reason, message };
  }
}

const NOTHING = new TextEncoder().encode(":\n\n");

/** The number of the first message. */
function numberOf(body: Uint8Array, epoch: string): number | undefined {
  // Behind `id: `, the epoch and a dot.
  let at = 5 + epoch.length;
  if (body[0] !== LETTER_I || body[at - 1] !== DOT) return undefined;
  let number = 0;
  for (; at < body.length && body[at] !== LF; at += 1) number = number * 10 + body[at]! - DIGIT_0;
  return number;
}

const LF = 10;
const DOT = 46;
const DIGIT_0 = 48;
const LETTER_I = 105;

function textOf(bytes: Uint8Array): MessageText | undefined {
  return createReader().read(bytes)[0];
}
