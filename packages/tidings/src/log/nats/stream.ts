/**
 * The stream of JetStream that holds a log. Its subjects name the log it was created for, so that nothing is appended to another
 * one by mistake; its description names the epoch, which is renewed when the stream turns out to have lost what was seen.
 */
import { randomEpoch } from "../cursor.ts";
import { LogError, type LogPosition, type Retention } from "../log.ts";
import { isFull, refusal, type Api } from "./api.ts";

export interface StreamOptions {
  readonly api: Api;
  readonly name: string;
  readonly replicas: number;
  readonly storage: "file" | "memory";
  readonly idempotencyAgeMs: number;
  /** The time of the server that leads the stream, and when it was asked, by the monotonic clock. */
  readonly onTime: (atMs: number, askedMs: number) => void;
}

/** Where the stream is, and what it holds. */
export interface StreamState extends LogPosition {
  /** What all subjects of this log begin with. */
  readonly subjects: string;
  /** The oldest offset that is retained, or would be if there were one. */
  readonly first: number;
  /** The oldest offset that the stream has still. */
  readonly stored: number;
  readonly messages: number;
  /** About. */
  readonly bytes: number;
  /** For how long JetStream knows a message by its id. */
  readonly idempotencyAgeMs: number;
}

interface Config {
  readonly description?: string;
  readonly subjects?: readonly string[];
  readonly duplicate_window?: number;
  readonly max_msgs_per_subject?: number;
}

interface Info {
  /** The time of the server that leads the stream. Since 2.10. */
  readonly ts?: string;
  readonly config: Config;
  readonly state: {
    readonly messages: number;
    readonly bytes: number;
    readonly first_seq: number;
    readonly last_seq: number;
  };
}

const DESCRIPTION = /^A log of Tidings, epoch ([\w-]{1,64})(?:, without (\d+))?$/;
const NAME_IN_USE = 10_058;
/** It would discard messages between others. */
const NO_OTHERS = { max_msgs_per_subject: -1 };
/** A server counts nanoseconds, and no further: that is 285 years. */
const MOST_AGE_MS = 9e12;
/** Messages that the stream keeps beyond the retention, so that tails which are a little behind miss nothing. */
export const TAIL_MARGIN = 5_000;

export class LogStream {
  readonly #options: StreamOptions;
  #retention: Retention | undefined;
  #tellsTime = false;
  /** Messages that are missing between others, of this epoch: everyone was told of them. */
  #told = { epoch: "", missing: 0 };

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Whether the server says what time it is there whenever it says where the stream is. */
  get tellsTime(): boolean {
    return this.#tellsTime;
  }

  /** Creates the stream, or takes the one that is there and gives it these bounds. */
  async open(retention: Retention): Promise<StreamState> {
    this.#retention = retention;
    const endsMs = this.#options.api.endsMs();
    const info = await this.#info("open", endsMs);
    // Of another program, nothing is changed.
    const state = this.#stateOf(info);
    const limits = this.#limits();
    const current = info.config as Record<string, unknown>;
    const isAsWanted = Object.entries(limits).every(([name, value]) => current[name] === value);
    if (isAsWanted && this.#isWhole(state.epoch, info)) return state;
    if (!isAsWanted) await this.#update("open", { ...info.config, ...limits }, endsMs);
    return this.state("open", endsMs);
  }

  /** Where it is now. Creates it anew when it is gone. */
  async state(what: string, endsMs: number): Promise<StreamState> {
    for (let info = await this.#info(what, endsMs); ;) {
      const state = this.#stateOf(info);
      if (this.#isWhole(state.epoch, info)) return state;
      info = await this.#update(
        what,
        { ...info.config, ...NO_OTHERS, ...describe(randomEpoch(), missingIn(info)) },
        endsMs,
      );
    }
  }

  /**
   * Where somebody removed messages between others, or had the server do so by a limit for each subject, nothing says which: everyone
   * has to be told, which another epoch does. It says how many there were then.
   */
  #isWhole(epoch: string, info: Info): boolean {
    const { description = "", max_msgs_per_subject: perSubject = -1 } = info.config;
    const missing = missingIn(info);
    if (this.#told.epoch !== epoch)
      this.#told = { epoch, missing: Number(DESCRIPTION.exec(description)?.[2] ?? 0) };
    if (perSubject > 0 || missing > this.#told.missing) return false;
    // Fewer: others that are missing lie before the oldest message now.
    this.#told.missing = missing;
    return true;
  }

  /** Begins another epoch, unless another process did already. */
  async renew(epoch: string, endsMs: number): Promise<StreamState> {
    const info = await this.#info("read", endsMs);
    const state = this.#stateOf(info);
    if (state.epoch !== epoch) return state;
    const described = describe(randomEpoch(), missingIn(info));
    return this.#stateOf(await this.#update("read", { ...info.config, ...described }, endsMs));
  }

  async #info(what: string, endsMs: number): Promise<Info> {
    const { api, name } = this.#options;
    for (;;) {
      const info = await api.ask<Info>(what, `STREAM.INFO.${name}`, {}, { accept: [404], endsMs });
      if (info.error === undefined) return this.#timed(info);
      const epoch = randomEpoch();
      const config = {
        name,
        subjects: [`${name}.${epoch}.>`],
        num_replicas: this.#options.replicas,
        storage: this.#options.storage,
        retention: "limits",
        ...this.#limits(),
        ...describe(epoch, 0),
      };
      const created = await api.ask<Info>(what, `STREAM.CREATE.${name}`, config, { accept: [400], endsMs });
      if (created.error === undefined) return this.#timed(created);
      // Another process was first, or an answer was lost.
      if (created.error.err_code === NAME_IN_USE) continue;
      if (isFull(created.error)) throw refusal(what, created.error);
      const { code, description, err_code } = created.error;
      throw new LogError(
        "failed",
        `Cannot ${what} log: JetStream did not create stream ${name}: ${code} ${description} (${err_code})`,
      );
    }
  }

  #timed(info: Info & { readonly askedMs: number }): Info {
    if (info.ts !== undefined) this.#options.onTime(Date.parse(info.ts), info.askedMs);
    this.#tellsTime = info.ts !== undefined;
    return info;
  }

  #update(what: string, config: object, endsMs: number): Promise<Info> {
    const { api, name } = this.#options;
    return api.ask<Info>(what, `STREAM.UPDATE.${name}`, config, { endsMs });
  }

  /** Bounds in JetStream's terms. */
  #limits(): Record<string, number | string> {
    const { messages, bytes, ageMs } = this.#retention!;
    return {
      max_msgs: bound(messages + TAIL_MARGIN),
      max_bytes: bound(bytes),
      // 0 is none, and 100 ms the least.
      max_age: ageMs > MOST_AGE_MS ? 0 : nanoseconds(Math.max(100, ageMs)),
      duplicate_window: nanoseconds(keyAgeOf(this.#options.idempotencyAgeMs, ageMs)),
      discard: "old",
      ...NO_OTHERS,
    };
  }

  #stateOf({ config, state }: Info): StreamState {
    const { name } = this.#options;
    const epoch = DESCRIPTION.exec(config.description ?? "")?.[1];
    const subject = config.subjects?.length === 1 ? config.subjects[0]! : "";
    if (epoch === undefined || !subject.startsWith(`${name}.`) || !subject.endsWith(".>")) {
      throw new LogError(
        "failed",
        `Cannot open log: stream ${name} was not made by Tidings, expected another name for the log`,
      );
    }
    const head = state.last_seq;
    const stored = state.messages === 0 ? head + 1 : state.first_seq;
    const first = Math.max(stored, head - Math.floor(this.#retention!.messages) + 1);
    const messages = Math.min(state.messages, head - first + 1);
    return {
      epoch,
      subjects: subject.slice(0, -2),
      head,
      stored,
      first,
      messages,
      bytes: messages === 0 ? 0 : Math.round((state.bytes * messages) / state.messages),
      idempotencyAgeMs: (config.duplicate_window ?? 0) / 1e6,
    };
  }
}

function describe(epoch: string, missing: number): { readonly description: string } {
  return { description: `A log of Tidings, epoch ${epoch}${missing === 0 ? "" : `, without ${missing}`}` };
}

/** Bounds discard what is oldest: of what is between the oldest and the newest, all is there. */
function missingIn({ state }: Info): number {
  return state.messages === 0 ? 0 : state.last_seq - state.first_seq + 1 - state.messages;
}

/** JetStream knows no id for longer than the message may be there; 100 ms is the least. */
export function keyAgeOf(idempotencyAgeMs: number, ageMs: number): number {
  return Math.max(100, Math.min(idempotencyAgeMs, ageMs));
}

/** -1 is none. A server takes whole numbers only. */
function bound(value: number): number {
  return value < Number.MAX_SAFE_INTEGER ? Math.floor(value) : -1;
}

function nanoseconds(ms: number): number {
  return Math.floor(Math.min(ms, MOST_AGE_MS)) * 1e6;
}
