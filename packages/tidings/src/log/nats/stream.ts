/**
 * The stream of JetStream that holds a log. Its subjects name the log it was created for, so that nothing is appended to another
 * one by mistake; its description names the epoch, which is renewed when the stream turns out to have lost what was seen.
 */
import { randomEpoch } from "../cursor.ts";
import { LogError, type LogPosition, type Retention } from "../log.ts";
import type { Report } from "../../guard/foreign.ts";
import { isFull, refusal, sleep, type Api } from "./api.ts";
import { wrongIn, type WrongSettings } from "./settings.ts";

export interface StreamOptions {
  readonly api: Api;
  readonly name: string;
  readonly replicas: number;
  readonly storage: "file" | "memory";
  readonly idempotencyAgeMs: number;
  /** The time of the server that leads the stream, and when it was asked, by the monotonic clock. */
  readonly onTime: (atMs: number, askedMs: number) => void;
  /** Receives what the log took back of what others set. */
  readonly report: Report;
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
  readonly sealed?: boolean;
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
/** Of a cluster that begins, some servers may not be there yet. */
const NO_PEERS = 10_005;
const PEERS_MS = 200;
/** A server counts nanoseconds, and no further: that is 285 years. */
const MOST_AGE_MS = 9e12;
/** Messages that the stream keeps beyond the retention, so that tails which are a little behind miss nothing. */
export const TAIL_MARGIN = 5_000;

export class LogStream {
  readonly #options: StreamOptions;
  #retention: Retention | undefined;
  #tellsTime = false;
  /** As this log has them: with others, it is not known again. */
  #known: { readonly subject: string; readonly description: string } | undefined;
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
    this.#stateOf("open", info);
    const { name } = this.#options;
    if (info.config.sealed === true) {
      throw new LogError(
        "failed",
        `Cannot open log: stream ${name} is sealed, which nobody can undo; expected another name for the log, or that the stream is deleted`,
      );
    }
    const limits = this.#limits();
    const current = info.config as Record<string, unknown>;
    const isAsWanted = Object.entries(limits).every(([limit, value]) => current[limit] === value);
    if (!isAsWanted) await this.#update("open", { ...info.config, ...limits }, endsMs);
    return this.#mended("open", isAsWanted ? info : await this.#info("open", endsMs), endsMs);
  }

  /** Where it is now. Creates it anew when it is gone. */
  async state(what: string, endsMs: number): Promise<StreamState> {
    return this.#mended(what, await this.#info(what, endsMs), endsMs);
  }

  /** Takes back what others set, and tells everyone of what they removed. */
  async #mended(what: string, first: Info, endsMs: number): Promise<StreamState> {
    let taken: WrongSettings | undefined;
    for (let info = first; ;) {
      const state = this.#stateOf(what, info);
      const wrong = wrongIn(info.config as Record<string, unknown>, this.#limits()["duplicate_window"]!);
      if (wrong === undefined && this.#isWhole(state.epoch, info)) {
        if (taken !== undefined) this.#options.report(this.#takenBack(taken));
        return state;
      }
      // It was taken back, and is there all the same.
      if (wrong !== undefined && wrong.said === taken?.said) throw this.#stuck(what, wrong);
      const isNew = wrong === undefined || wrong.loses;
      const description = isNew ? describe(randomEpoch(), missingIn(info)) : {};
      const config = { ...info.config, ...wrong?.right, ...description };
      info = await this.#update(what, config, endsMs).catch((cause: unknown) => {
        throw wrong === undefined ? cause : this.#stuck(what, wrong, cause);
      });
      taken = wrong ?? taken;
    }
  }

  #takenBack({ said }: WrongSettings): LogError {
    const { name } = this.#options;
    return new LogError("failed", `Stream ${name} was set to ${said}. The log has taken that back`);
  }

  #stuck(what: string, { said }: WrongSettings, cause?: unknown): LogError {
    const { name } = this.#options;
    const reason = cause === undefined ? "" : `: ${(cause as Error).message}`;
    return new LogError(
      "failed",
      `Cannot ${what} log: stream ${name} is set to ${said}, expected that to be taken back, which this log could not do${reason}`,
      { cause },
    );
  }

  /**
   * Where somebody removed messages between others, or had the server do so by a limit for each subject, nothing says which: everyone
   * has to be told, which another epoch does. It says how many there were then.
   */
  #isWhole(epoch: string, info: Info): boolean {
    const { description = "" } = info.config;
    const missing = missingIn(info);
    if (this.#told.epoch !== epoch)
      this.#told = { epoch, missing: Number(DESCRIPTION.exec(description)?.[2] ?? 0) };
    if (missing > this.#told.missing) return false;
    // Fewer: others that are missing lie before the oldest message now.
    this.#told.missing = missing;
    return true;
  }

  /** Begins another epoch, unless another process did already. */
  async renew(epoch: string, endsMs: number): Promise<StreamState> {
    const info = await this.#info("read", endsMs);
    const state = this.#stateOf("read", info);
    if (state.epoch !== epoch) return state;
    const described = describe(randomEpoch(), missingIn(info));
    return this.#stateOf("read", await this.#update("read", { ...info.config, ...described }, endsMs));
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
        discard: "old",
        ...this.#limits(),
        ...describe(epoch, 0),
      };
      const created = await api.ask<Info>(what, `STREAM.CREATE.${name}`, config, { accept: [400], endsMs });
      if (created.error === undefined) return this.#timed(created);
      // Another process was first, or an answer was lost.
      if (created.error.err_code === NAME_IN_USE) continue;
      if (created.error.err_code === NO_PEERS && performance.now() + PEERS_MS < endsMs) {
        await sleep(PEERS_MS);
        continue;
      }
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
  #limits(): Record<string, number> {
    const { messages, bytes, ageMs } = this.#retention!;
    return {
      max_msgs: bound(messages + TAIL_MARGIN),
      max_bytes: bound(bytes),
      // 0 is none, and 100 ms the least.
      max_age: ageMs > MOST_AGE_MS ? 0 : nanoseconds(Math.max(100, ageMs)),
      duplicate_window: nanoseconds(keyAgeOf(this.#options.idempotencyAgeMs, ageMs)),
    };
  }

  #isOurs(subject: string): boolean {
    const [first, , last, ...more] = subject.split(".");
    return first === this.#options.name && last === ">" && more.length === 0;
  }

  /** What is not as it was made, as far as that is known. */
  #strange({ description = "", subjects = [] }: Config, epoch: string | undefined): string {
    if (epoch !== undefined) {
      const expected = this.#known?.subject ?? `${this.#options.name}.*.>`;
      return `has the subjects ${subjects.join(", ")}, expected ${expected} among them, as it was made`;
    }
    if (this.#known !== undefined && subjects.includes(this.#known.subject)) {
      return `has the description ${JSON.stringify(description)}, expected ${JSON.stringify(this.#known.description)}, as it was made`;
    }
    return "was not made by Tidings, expected another name for the log";
  }

  #stateOf(what: string, { config, state }: Info): StreamState {
    const { name } = this.#options;
    const { description = "", subjects = [] } = config;
    const epoch = DESCRIPTION.exec(description)?.[1];
    // Others may have been added to it.
    const subject = subjects.find((one) => this.#isOurs(one));
    if (epoch === undefined || subject === undefined) {
      throw new LogError("failed", `Cannot ${what} log: stream ${name} ${this.#strange(config, epoch)}`);
    }
    this.#known = { subject, description };
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
