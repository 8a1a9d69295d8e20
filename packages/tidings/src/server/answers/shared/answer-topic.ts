/**
 * One answer's topic of a log, as this process follows it. Its entries are told apart by their keys, `kind:epoch:detail`:
 *
 * - `start`: a process produces the answer. Appended with an idempotency key that names what the topic held before, so that of
 *   two processes one is first.
 * - `data`: messages, with their ids.
 * - `lease`: its producer lives. So does every `data`.
 * - `read`: another process has readers.
 * - `stop`: the application wants it stopped.
 * - `end`: the last messages. Appended with an idempotency key, by its producer, or by the process that sees the lease expire: what the
 *   producer appends after that is ignored.
 */
import type { AnswerVerdict, Dialect, MessageText } from "../../../dialects/dialect.ts";
import type { Draft, Entry, Selection } from "../../../log/log.ts";
import { createReader } from "../../../wire/reader.ts";
import { Answer } from "../answer.ts";
import type { LogSink } from "./log-sink.ts";
import { encodeEnd, type Producer } from "../producer.ts";

export type EntryKind = "start" | "data" | "lease" | "read" | "stop" | "end";

export interface TopicEvents {
  /** A run begins, here or elsewhere. */
  onStart(topic: AnswerTopic, answer: Answer): void;
  /** A run is over. */
  onEnd(topic: AnswerTopic, answer: Answer): void;
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
  readonly #events: TopicEvents;

  constructor(id: string, topic: string, dialect: Dialect<never>, events: TopicEvents) {
    this.id = id;
    this.topic = topic;
    this.dialect = dialect;
    this.selection = { exact: [topic], matches: (name) => name === topic };
    this.#events = events;
  }

  apply({ offset, key = "", body, atMs }: Entry): void {
    this.offset = this.tip = offset;
    const [kind, epoch = "", detail = ""] = key.split(":");
    if (kind === "start") return this.#start(epoch, atMs);
    const { answer } = this;
    if (answer?.epoch !== epoch || answer.verdict !== undefined) return;
    const nowMs = performance.now();
    if (kind === "data" || kind === "lease") this.seenMs = nowMs;
    if (kind === "data" || kind === "end") answer.pushBytes(body);
    if (kind === "read") answer.readElsewhereAtMs = nowMs;
    if (kind === "stop") this.run?.producer.stop("stopped");
    if (kind !== "end") return;
    answer.end(this.#verdictOf(detail, body), atMs);
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
    if (answer?.verdict === undefined) answer?.drop();
  }

  draft(kind: EntryKind, epoch: string, body: Uint8Array = NOTHING, detail = ""): Draft {
    return {
      topic: this.topic,
      body,
      key: detail === "" ? `${kind}:${epoch}` : `${kind}:${epoch}:${detail}`,
    };
  }

  /** The end of an answer whose producer is lost. */
  lostEnd(answer: Answer): Draft {
    const { buffer, epoch } = answer;
    const first = buffer.read(0, 1).bytes;
    const last = buffer.length === 0 ? first : buffer.read(buffer.length - 1, 1).bytes;
    const context = { first: textOf(first), last: textOf(last) };
    const text = encodeEnd(this.dialect, { complete: false, reason: "lost" }, context, epoch, buffer.length);
    return this.draft("end", epoch, new TextEncoder().encode(text), "lost");
  }

  #start(epoch: string, atMs: number): void {
    this.drop();
    const answer = new Answer(this.id, epoch, atMs);
    this.answer = answer;
    this.seenMs = performance.now();
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
    const said = createReader()
      .read(body)
      .map((message) => this.dialect.verdictOf(message))
      .find((verdict) => verdict?.complete === false);
    const message = said?.complete === false ? said.message : undefined;
    return message === undefined ? { complete: false, reason } : { complete: false, reason, message };
  }
}

const NOTHING = new TextEncoder().encode(":\n\n");

function textOf(bytes: Uint8Array): MessageText | undefined {
  return createReader().read(bytes)[0];
}
