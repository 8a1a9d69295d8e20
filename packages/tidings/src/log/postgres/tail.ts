/**
 * The tail of the log in Postgres: reads what is new whenever the database says that there is something, and now and then anyway,
 * since what it says may get lost. Offsets are visible in their order, so that what was read up to an offset is whole.
 */
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";
import { FollowedTopics } from "../followed-topics.ts";
import { LogError, type Entry, type Followed, type LogPosition, type OpenLogOptions } from "../log.ts";
import { within, type Listener } from "./link.ts";

export interface TailReply {
  readonly epoch: string;
  readonly head: number;
  readonly entries: readonly Entry[];
  /** Everything that was asked for up to this offset is in `entries`. */
  readonly through: number;
  /** Readers that stand before it may have lost something. */
  readonly floor: number;
  /** What is not newer may be deleted. */
  readonly swept: number;
}

export interface TailRequest {
  readonly after: number;
  /** All topics where it is null. */
  readonly names: readonly string[] | null;
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export interface PostgresTailOptions {
  readonly position: LogPosition;
  readonly pollMs: number;
  /** Until what is followed has to be known. */
  readonly deadlineMs: number;
  /** Rejects within seconds. Calls {@link PostgresTail.reset} where the log is another one. */
  readonly read: (request: TailRequest, listener: Listener | undefined) => Promise<TailReply>;
  /** Undefined where it is not possible: then it polls alone. */
  readonly listen: ((events: { onWake: () => void; onUp: () => void }) => Listener) | undefined;
  readonly options: Pick<OpenLogOptions, "onTail" | "onReset" | "onState" | "onError">;
}

const RETRY_MS = [100, 2_000] as const;
/** Names that a read carries. A process that follows more is handed on everything. */
const MOST_NAMES = 500;
/** When it is behind by more after an interruption, streams read the log themselves. */
const MOST_CAUGHT_UP = 10_000;
/** So often in a row, what is new was found by asking alone: then it is not said. */
const MOST_UNSAID = 5;
const PAGE = { maxMessages: 1_000, maxBytes: 2 ** 20 } as const;

export class PostgresTail {
  readonly #options: PostgresTailOptions;
  readonly #followed = new FollowedTopics();
  readonly #listener: Listener | undefined;
  #epoch: string;
  #through: number;
  #reading: Promise<void> | undefined;
  /** The part of it that is under way. */
  #page: Promise<void> | undefined;
  #again = false;
  #interrupted = false;
  /** How often something was found that nothing had been said of. */
  #unsaid = 0;
  #retryMs: number = RETRY_MS[0];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: PostgresTailOptions) {
    this.#options = options;
    this.#epoch = options.position.epoch;
    this.#through = options.position.head;
    const wake = (): void => {
      this.#unsaid = 0;
      this.wake();
    };
    this.#listener = options.listen?.({ onWake: wake, onUp: wake });
    this.#sleep(options.pollMs);
  }

  /** The database does not answer. */
  get isInterrupted(): boolean {
    return this.#interrupted;
  }

  /** There may be something new. */
  wake(): void {
    // While the database is away, the attempts keep their distance.
    if (this.#closed || this.#interrupted) return;
    if (this.#reading === undefined) this.#reading = this.#read();
    else this.#again = true;
  }

  async follow(topics: Followed): Promise<number> {
    this.#followed.add(topics);
    try {
      // The next page asks for them; the one under way does not, and may come as far as the head is then.
      if (this.#page !== undefined) await within(this.#page, this.#options.deadlineMs);
    } catch (cause) {
      this.unfollow(topics);
      throw new LogError("failed", `Cannot follow log: ${(cause as Error).message}`, { cause });
    }
    return this.#through;
  }

  unfollow(topics: Followed): void {
    this.#followed.remove(topics);
  }

  /** The log was replaced by another one. */
  reset(position: LogPosition): void {
    this.#epoch = position.epoch;
    this.#through = position.head;
    this.#tell(() => this.#options.options.onReset?.(position));
    this.wake();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listener?.close();
  }

  #sleep(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(
      () => {
        if (this.#reading !== undefined) return;
        const before = this.#through;
        this.#reading = this.#read().then(() => {
          if (this.#through > before && !this.#interrupted) this.#unheard();
        });
      },
      Math.min(ms, LONGEST_TIMER_MS),
    );
    this.#timer.unref();
  }

  /** Until there is nothing more, or it fails. */
  async #read(): Promise<void> {
    try {
      do {
        this.#again = false;
        const page = this.#readPage();
        this.#page = page.catch(() => undefined);
        await page;
      } while (this.#again && !this.#closed);
    } catch (error) {
      this.#reading = this.#page = undefined;
      if (this.#closed) return;
      this.#interrupt(error);
      this.#sleep(this.#retryMs * (0.5 + Math.random()));
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS[1]);
      return;
    }
    this.#reading = this.#page = undefined;
    this.#sleep(this.#options.pollMs);
  }

  async #readPage(): Promise<void> {
    const followed = this.#followed;
    const names = followed.all || followed.size > MOST_NAMES ? null : [...followed.names()];
    const after = this.#through;
    const { epoch, head, entries, through, floor, swept } = await this.#options.read(
      { after, names, ...PAGE },
      this.#listener,
    );
    if (this.#closed) return;
    // It is another log, and what was read may be of either.
    if (epoch !== this.#epoch || after !== this.#through) {
      this.#again = true;
      return;
    }
    const behind = this.#interrupted && head - after > MOST_CAUGHT_UP;
    if (floor > after || swept > after || behind) {
      // Some of it may be gone: streams read the log, and those that lost something have to hear it.
      this.#handOn(Math.max(floor, behind ? head : swept), []);
      this.#again = true;
    } else {
      const wanted =
        names === null && !followed.all ? entries.filter(({ topic }) => followed.includes(topic)) : entries;
      this.#handOn(through, wanted, after);
      if (through < head) this.#again = true;
    }
    this.#recover();
  }

  /** @param after - Where that is not the same as `through`: what lies between was not handed on. */
  #handOn(through: number, entries: readonly Entry[], after = through): void {
    if (through <= this.#through) return;
    this.#through = through;
    this.#tell(() => this.#options.options.onTail({ after, through, entries }));
  }

  #unheard(): void {
    if (this.#listener === undefined || (this.#unsaid += 1) !== MOST_UNSAID) return;
    const { pollMs, options } = this.#options;
    const message = `The log hears no notifications, and finds new messages up to ${pollMs} ms late: PgBouncer in transaction mode keeps no LISTEN, and a full queue of notifications takes none. Expected the option listen: a client that connects to Postgres directly, or false`;
    options.onError?.(new LogError("failed", message));
  }

  #interrupt(error: unknown): void {
    if (this.#interrupted) return;
    this.#interrupted = true;
    const { onError, onState } = this.#options.options;
    this.#tell(() => onState?.("interrupted"));
    const cause = error instanceof Error ? error : undefined;
    onError?.(
      new LogError("failed", `The tail of the log is interrupted: ${String(cause?.message)}`, { cause }),
    );
  }

  #recover(): void {
    this.#retryMs = RETRY_MS[0];
    if (!this.#interrupted) return;
    this.#interrupted = false;
    this.#tell(() => this.#options.options.onState?.("following"));
  }

  #tell(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#options.options.onError?.(error);
    }
  }
}
