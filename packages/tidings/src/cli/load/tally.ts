/**
 * Everything that is counted while a load runs: totals, and a series over time for progress and plots.
 */
import type { ParsedMessage } from "../../wire/message.ts";
import type { JsonPath } from "../listen/json-path.ts";
import { sentAtMs } from "../listen/sent-time.ts";
import type { LoadConnection, LoadEvents } from "./connection.ts";
import { Histogram } from "./histogram.ts";
import { Order, type Place } from "./order.ts";

export interface Sample {
  readonly atMs: number;
  open: number;
  messages: number;
  bytes: number;
  connects: number;
  lost: number;
  failed: number;
  latency: Histogram | undefined;
}

const SAMPLE_MS = 500;
/** Two hours. */
const MOST_SAMPLES = 14_400;
/** Messages whose first arrival is remembered. */
const MOST_SEEN = 4096;

export class Tally implements LoadEvents {
  readonly startMs: number = performance.now();
  open = 0;
  messages = 0;
  bytes = 0;
  gaps = 0;
  /** Messages that are older than the connection that got them. */
  replayed = 0;
  disconnects = 0;
  connects = 0;
  readonly failures: Map<string, number> = new Map();
  readonly connectTimes: Histogram = new Histogram();
  /** From sending to arrival, where messages say when they were sent; else from the first arrival on any connection. */
  readonly latency: Histogram = new Histogram();
  latencyIs: "sent" | "spread" | undefined;
  readonly order: Order = new Order();
  readonly samples: Sample[] = [];
  onAfter: { open(): void; ended(connection: LoadConnection): void } | undefined;
  readonly #seen = new Map<string, { firstMs: number; sentMs: number | undefined }>();
  readonly #path: JsonPath | undefined;

  constructor(path: JsonPath | undefined) {
    this.#path = path;
  }

  onOpen(_: LoadConnection, tookMs: number): void {
    this.open++;
    this.connects++;
    this.connectTimes.add(tookMs);
    this.#sample().connects++;
    this.onAfter?.open();
  }

  onFailed(connection: LoadConnection, why: string): void {
    this.failures.set(why, (this.failures.get(why) ?? 0) + 1);
    this.#sample().failed++;
    this.onAfter?.ended(connection);
  }

  onLost(connection: LoadConnection): void {
    this.open--;
    this.disconnects++;
    this.#sample().lost++;
    this.onAfter?.ended(connection);
  }

  /** The load generator itself cut an open one. */
  cut(): void {
    this.open--;
  }

  onBytes(bytes: number): void {
    this.bytes += bytes;
    this.#sample().bytes += bytes;
  }

  onMessage(connection: LoadConnection, { id, event, data }: ParsedMessage): void {
    const nowMs = performance.now();
    this.messages++;
    const sample = this.#sample();
    sample.messages++;
    if (event === "gap") this.gaps++;
    connection.place = this.order.take(connection.place as Place | undefined, id);
    // All readers get the same messages: what one says is worked out once.
    const key = id === "" ? data : id;
    let seen = this.#seen.get(key);
    if (seen === undefined) {
      const wallMs = performance.timeOrigin + nowMs;
      seen = { firstMs: nowMs, sentMs: sentAtMs(data, this.#path, wallMs) };
      this.#seen.set(key, seen);
      if (this.#seen.size > MOST_SEEN) this.#seen.delete(this.#seen.keys().next().value!);
      this.latencyIs ??= seen.sentMs === undefined ? "spread" : "sent";
    }
    // What a server sends again out of its memory says nothing of latency.
    const bornMs = seen.sentMs === undefined ? seen.firstMs : seen.sentMs - performance.timeOrigin;
    if (bornMs < connection.openedAtMs) {
      this.replayed++;
      return;
    }
    const latencyMs =
      seen.sentMs === undefined ? nowMs - seen.firstMs : performance.timeOrigin + nowMs - seen.sentMs;
    this.latency.add(latencyMs);
    (sample.latency ??= new Histogram()).add(latencyMs);
  }

  /** The sample of now. Times without any are filled in, so that plots show them. */
  #sample(): Sample {
    const atMs = Math.floor((performance.now() - this.startMs) / SAMPLE_MS) * SAMPLE_MS;
    let last = this.samples.at(-1);
    while (last === undefined || last.atMs < atMs) {
      if (this.samples.length === MOST_SAMPLES) this.samples.shift();
      const next: number = last === undefined ? 0 : last.atMs + SAMPLE_MS;
      last = {
        atMs: next,
        open: this.open,
        messages: 0,
        bytes: 0,
        connects: 0,
        lost: 0,
        failed: 0,
        latency: undefined,
      };
      this.samples.push(last);
    }
    last.open = this.open;
    return last;
  }

  /** Called now and then, so that silence is in the series too. */
  tick(): void {
    this.#sample();
  }
}
