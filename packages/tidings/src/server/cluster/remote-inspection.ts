/**
 * Asks the other processes what became of a message in their streams. Each answers once, with what fits into a record; one that
 * does not answer in time is named.
 */
import { show } from "../../guard/show.ts";
import type { Report } from "../../guard/foreign.ts";
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";
import type { Log } from "../../log/log.ts";
import { type Inspection, isVerdict, type StreamInspection } from "../observe/inspection.ts";
import { HubError } from "../publish/hub-error.ts";
import { PROCESSES_TOPIC } from "../topics/reserved-topics.ts";
import type { TopicSelector } from "../topics/topic-selection.ts";
import { type ControlRecord, encodeRecord } from "./control-record.ts";
import { isNumber, textOf } from "./presence/process-records.ts";

export interface RemoteInspectionOptions {
  readonly log: Pick<Log, "append">;
  readonly self: () => string;
  /** The other processes, by id. */
  readonly others: () => ReadonlyMap<string, { readonly name: string }>;
  readonly inspectHere: (id: string, subscriber: string | undefined) => Promise<Inspection>;
  readonly onError: Report;
}

interface Asked {
  readonly streams: StreamInspection[];
  readonly waiting: Set<string>;
  readonly done: () => void;
}

/** Inspections at once, asked here and answered here. */
const MOST_ASKED = 16;
const MOST_STREAMS = 100;
/** Characters of an answer. */
const ANSWER_LENGTH = 65_536;
const LONGEST_TEXT = 1_024;

export class RemoteInspection {
  readonly #options: RemoteInspectionOptions;
  readonly #asked = new Map<string, Asked>();
  #answering = 0;

  constructor(options: RemoteInspectionOptions) {
    this.#options = options;
  }

  /**
   * What the others say, within a time.
   * @throws {HubError} `too-fast`. @throws {LogError} If the log could not take the question.
   */
  async ask(
    id: string,
    subscriber: string | undefined,
    timeoutMs: number,
  ): Promise<{ readonly streams: readonly StreamInspection[]; readonly silent: readonly string[] }> {
    const { log, self, others } = this.#options;
    if (this.#asked.size >= MOST_ASKED) {
      throw new HubError("too-fast", `Cannot inspect: ${MOST_ASKED} inspections wait, expected fewer`);
    }
    const asked = others();
    const request = crypto.randomUUID();
    const streams: StreamInspection[] = [];
    const waiting = new Set(asked.keys());
    if (waiting.size === 0) return { streams, silent: [] };
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const answered = new Promise<void>((resolve) => {
        this.#asked.set(request, { streams, waiting, done: resolve });
        timer = setTimeout(resolve, Math.min(timeoutMs, LONGEST_TIMER_MS));
      });
      const asking = log.append([
        encodeRecord(PROCESSES_TOPIC, "inspect", { request, id, subscriber, process: self() }),
      ]);
      // A log that stands still is waited for no longer than the others.
      await Promise.race([asking, answered]);
      await answered;
    } finally {
      clearTimeout(timer);
      this.#asked.delete(request);
    }
    return { streams, silent: [...waiting].map((process) => asked.get(process)!.name) };
  }

  get takers(): Record<string, (record: ControlRecord) => void> {
    return {
      inspect: ({ fields }) => {
        const { id, subscriber } = fields;
        if (textOf(fields, "process") === this.#options.self()) return;
        if (typeof id !== "string" || id.length > LONGEST_TEXT) {
          throw new TypeError(`Cannot inspect: the record's id is ${show(id)}, expected a cursor`);
        }
        const request = textOf(fields, "request");
        void this.#answer(request, id, typeof subscriber === "string" ? subscriber : undefined);
      },
      inspected: ({ fields }) => this.#take(fields),
    };
  }

  async #answer(request: string, id: string, subscriber: string | undefined): Promise<void> {
    // One that asks more than this gets no answer, as from a process that is busy.
    if (this.#answering >= MOST_ASKED) return;
    this.#answering += 1;
    const { log, self, inspectHere, onError } = this.#options;
    try {
      const { streams } = await inspectHere(id, subscriber);
      let length = 0;
      const fitting = streams.filter((stream) => {
        length += JSON.stringify(stream).length;
        return length <= ANSWER_LENGTH;
      });
      await log.append([
        encodeRecord(PROCESSES_TOPIC, "inspected", { request, process: self(), streams: fitting }),
      ]);
    } catch (error) {
      onError(error);
    } finally {
      this.#answering -= 1;
    }
  }

  #take(fields: Readonly<Record<string, unknown>>): void {
    const process = textOf(fields, "process");
    const asked = this.#asked.get(textOf(fields, "request"));
    // One of another process, or too late.
    if (asked === undefined || !asked.waiting.has(process)) return;
    const { name } = this.#options.others().get(process) ?? { name: process };
    const { streams } = fields;
    if (!Array.isArray(streams)) throw new TypeError(`Cannot inspect: streams is ${show(streams)}`);
    const read = (streams as unknown[]).slice(0, MOST_STREAMS).map((stream) => readStream(stream, name));
    asked.streams.push(...read);
    asked.waiting.delete(process);
    if (asked.waiting.size === 0) asked.done();
  }
}

/** @throws {TypeError} If it is no inspection of a stream. */
function readStream(given: unknown, process: string): StreamInspection {
  const stream = (typeof given === "object" && given !== null ? given : {}) as Record<string, unknown>;
  const { subscriber, topics, openedAtMs, endedAtMs, end, verdict, reason, bufferedBytes } = stream;
  if (!isVerdict(verdict) || !isNumber(openedAtMs) || !Array.isArray(topics)) {
    throw new TypeError(`Cannot inspect: a stream of process ${process} has the verdict ${show(verdict)}`);
  }
  return {
    process,
    subscriber: typeof subscriber === "string" ? subscriber : undefined,
    topics: (topics as unknown[]).filter(isSelector),
    openedAtMs,
    endedAtMs: isNumber(endedAtMs) ? endedAtMs : undefined,
    // Of a newer version, perhaps: shown as it says.
    end: (typeof end === "string" ? end : undefined) as StreamInspection["end"],
    verdict,
    reason: (typeof reason === "string" ? reason : undefined) as StreamInspection["reason"],
    bufferedBytes: isNumber(bufferedBytes) ? bufferedBytes : 0,
  };
}

function isSelector(value: unknown): value is TopicSelector {
  if (typeof value === "string") return true;
  if (typeof value !== "object" || value === null) return false;
  const { pattern, presence } = value as { pattern?: unknown; presence?: unknown };
  return typeof pattern === "string" || typeof presence === "string";
}
