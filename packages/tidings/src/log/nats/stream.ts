/**
 * The stream of JetStream that holds a log. Its subjects name the log it was created for, so that nothing is appended to another
 * one by mistake; its description names the epoch, which is renewed when the stream turns out to have lost what was seen.
 */
import { randomEpoch } from "../cursor.ts";
import { LogError, type LogPosition, type Retention } from "../log.ts";
import type { Api } from "./api.ts";

export interface StreamOptions {
  readonly api: Api;
  readonly name: string;
  readonly replicas: number;
  readonly storage: "file" | "memory";
  readonly idempotencyAgeMs: number;
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
}

interface Info {
  readonly config: Config;
  readonly state: {
    readonly messages: number;
    readonly bytes: number;
    readonly first_seq: number;
    readonly last_seq: number;
  };
}

const DESCRIPTION = /^A log of Tidings, epoch ([\w-]{1,64})$/;
const NAME_IN_USE = 10_058;
/** Messages that the stream keeps beyond the retention, so that tails which are a little behind miss nothing. */
export const TAIL_MARGIN = 5_000;

export class LogStream {
  readonly #options: StreamOptions;
  #retention: Retention | undefined;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Creates the stream, or takes the one that is there and gives it these bounds. */
  async open(retention: Retention): Promise<StreamState> {
    this.#retention = retention;
    const info = await this.#info("open");
    const limits = this.#limits();
    const current = info.config as Record<string, unknown>;
    const isAsWanted = Object.entries(limits).every(([name, value]) => current[name] === value);
    if (isAsWanted) return this.#stateOf(info);
    return this.#stateOf(await this.#update("open", { ...info.config, ...limits }));
  }

  /** Where it is now. Creates it anew when it is gone. */
  async state(what: string): Promise<StreamState> {
    return this.#stateOf(await this.#info(what));
  }

  /** Begins another epoch, unless another process did already. */
  async renew(epoch: string): Promise<StreamState> {
    const info = await this.#info("read");
    const state = this.#stateOf(info);
    if (state.epoch !== epoch) return state;
    return this.#stateOf(await this.#update("read", { ...info.config, ...describe(randomEpoch()) }));
  }

  async #info(what: string): Promise<Info> {
    const { api, name } = this.#options;
    for (;;) {
      const info = await api.ask<Info>(what, `STREAM.INFO.${name}`, {}, [404]);
      if (info.error === undefined) return info;
      const epoch = randomEpoch();
      const config = {
        name,
        subjects: [`${name}.${epoch}.>`],
        num_replicas: this.#options.replicas,
        storage: this.#options.storage,
        retention: "limits",
        discard: "old",
        ...this.#limits(),
        ...describe(epoch),
      };
      const created = await api.ask<Info>(what, `STREAM.CREATE.${name}`, config, [400]);
      if (created.error === undefined) return created;
      // Another process was first, or an answer was lost.
      if (created.error.err_code === NAME_IN_USE) continue;
      const { code, description, err_code } = created.error;
      throw new LogError(
        "failed",
        `Cannot ${what} log: JetStream did not create stream ${name}: ${code} ${description} (${err_code})`,
      );
    }
  }

  #update(what: string, config: object): Promise<Info> {
    const { api, name } = this.#options;
    return api.ask<Info>(what, `STREAM.UPDATE.${name}`, config);
  }

  /** Bounds in JetStream's terms. */
  #limits(): Record<string, number> {
    const { messages, bytes, ageMs } = this.#retention!;
    return {
      max_msgs: bound(messages + TAIL_MARGIN),
      max_bytes: bound(bytes),
      // 0 is none, and 100 ms the least.
      max_age: ageMs === Infinity ? 0 : Math.max(100, ageMs) * 1e6,
      duplicate_window: Math.max(100, Math.min(this.#options.idempotencyAgeMs, ageMs)) * 1e6,
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
    const first = Math.max(stored, head - this.#retention!.messages + 1);
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

function describe(epoch: string): { readonly description: string } {
  return { description: `A log of Tidings, epoch ${epoch}` };
}

/** -1 is none. */
function bound(value: number): number {
  return Number.isFinite(value) ? value : -1;
}
