/**
 * Revokes a subscriber in every process of the log. The log gives the revocation its place: streams get what was published
 * before it, and end. A process that was cut off from the log applies it when it is back.
 */
import { ignore } from "../../guard/ignore.ts";
import { show } from "../../guard/show.ts";
import type { Log } from "../../log/log.ts";
import type { FanOut } from "../fan-out/fan-out.ts";
import { HubError } from "../publish/hub-error.ts";
import type { HubStream } from "../streams/hub-stream.ts";
import type { HubStreams } from "../streams/hub-streams.ts";
import { CONTROL_TOPIC } from "../topics/reserved-topics.ts";
import { type ControlRecord, encodeRecord } from "./control-record.ts";

/** What of a hub is revoked in. */
export interface RevocableHub {
  readonly streams: HubStreams;
  readonly fanOut: Pick<FanOut, "flush">;
  readonly control: { handedOn(offset: number, withinMs: number): Promise<void> };
  readonly drained: boolean;
}

export interface RevocationsOptions {
  readonly log: Pick<Log, "append">;
  readonly parts: Promise<RevocableHub>;
  /** Refuses those that wait for the application or the log. Returns how many there were. */
  readonly refuseWaiting: (subscriber: string) => number;
  /** How many streams a subscriber has here, with those that are leaving. */
  readonly streamsOf: (subscriber: string) => number;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** Where revocations may have been lost, streams end spread over this time, so that they do not return together. */
const LOST_SPREAD_MS = 10_000;
/** The wait for the tail, after the log has accepted a revocation. */
const TAIL_MS = 1_000;

export class Revocations {
  readonly #options: RevocationsOptions;
  /** Revocations of this process, by their token, and how many streams they have ended here; undefined before that. */
  readonly #own = new Map<string, number | undefined>();
  #parts: RevocableHub | undefined;

  constructor(options: RevocationsOptions) {
    this.#options = options;
    // That the log cannot be opened is reported by the hub.
    options.parts.then((parts) => (this.#parts = parts), ignore);
  }

  /**
   * @returns How many streams ended here.
   * @throws {TypeError} If it is no text.
   * @throws {HubError} `closed`.
   * @throws {LogError} If the log could not take it. Then it was applied in this process alone.
   */
  async revoke(subscriber: string): Promise<number> {
    if (typeof subscriber !== "string") {
      throw new TypeError(`Cannot revoke: subscriber is ${show(subscriber)}, expected text`);
    }
    const token = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(36)).join(
      "",
    );
    const draft = encodeRecord(CONTROL_TOPIC, "revoke", { subscriber, token });
    this.#own.set(token, undefined);
    try {
      const parts = this.#parts ?? (await this.#options.parts);
      if (parts.drained) throw new HubError("closed", "Cannot revoke: the hub has drained");
      const { last } = await this.#options.log.append([draft], { idempotencyKey: `revoke/${token}` });
      await parts.control.handedOn(last, TAIL_MS);
      // Applied here even where the tail stands still. It is applied again when it comes, which ends what opened meanwhile.
      return this.#own.get(token) ?? this.#apply(subscriber);
    } catch (error) {
      this.#apply(subscriber);
      throw error;
    } finally {
      this.#own.delete(token);
    }
  }

  /**
   * Takes a record of the log.
   * @throws {TypeError} If it is not what a revocation is.
   */
  take({ fields: { subscriber, token } }: ControlRecord): void {
    if (typeof subscriber !== "string") {
      throw new TypeError(`Cannot revoke: the record's subscriber is ${show(subscriber)}, expected text`);
    }
    const ended = this.#apply(subscriber);
    if (typeof token === "string" && this.#own.has(token)) this.#own.set(token, ended);
  }

  /** Revocations may be gone that were not applied here: every stream that can be revoked has to come back, and be let in anew. */
  lost(): void {
    const { now, onError } = this.#options;
    const { streams } = this.#parts ?? {};
    if (streams === undefined) return;
    const concerned = [...streams].filter(({ subscriber, closed }) => subscriber !== undefined && !closed);
    if (concerned.length === 0) return;
    onError(
      new Error(
        `Revocations may have been discarded before this process read them: its ${concerned.length} streams with a subscriber end within ${LOST_SPREAD_MS} ms, and may return`,
      ),
    );
    for (const stream of concerned) endWithin(stream, now() + Math.random() * LOST_SPREAD_MS, streams);
  }

  #apply(subscriber: string): number {
    let ended = this.#options.refuseWaiting(subscriber);
    const { streams, fanOut } = this.#parts ?? {};
    if (streams === undefined || fanOut === undefined) return ended;
    // Thousands may be revoked at once, most of them in other processes: not every stream is looked at for each.
    let left = this.#options.streamsOf(subscriber);
    if (left === 0) return ended;
    for (const stream of streams) {
      if (stream.subscriber !== subscriber) continue;
      if (!stream.closed) {
        fanOut.flush(stream);
        streams.end(stream, "revoked");
        ended += 1;
      }
      left -= 1;
      if (left === 0) break;
    }
    return ended;
  }
}

function endWithin(stream: HubStream, endsAtMs: number, streams: HubStreams): void {
  stream.deadlines ??= { endsAtMs: Infinity, endsAs: "revoked", recheckAtMs: Infinity, recheck: undefined };
  if (stream.deadlines.endsAtMs <= endsAtMs) return;
  stream.deadlines.endsAtMs = endsAtMs;
  stream.deadlines.endsAs = "revoked";
  streams.reschedule(stream);
}
