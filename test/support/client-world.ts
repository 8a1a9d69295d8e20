/**
 * A world for a client under test: time that stands still until it is moved, and a server that says only what the test says.
 */
import type { Clock } from "../../packages/tidings/src/client/core/clock.ts";
import type {
  PlatformSignals,
  Transport,
  TransportRequest,
  TransportSink,
} from "../../packages/tidings/src/client/transports/transport.ts";

export interface Attempt {
  readonly request: TransportRequest;
  readonly atMs: number;
  readonly aborted: boolean;
  /** What a transport tells, as it is. */
  readonly sink: TransportSink;
  /** Answers as an event stream, unless told. */
  respond(status?: number, headers?: Record<string, string>, body?: string): void;
  /** @returns What the client returned: a promise while it is behind. */
  send(text: string): void | PromiseLike<void>;
  end(): void;
  fail(error?: unknown): void;
}

export interface World {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly attempts: Attempt[];
  /** The attempt that is under way, or the last one. */
  readonly last: Attempt;
  readonly timers: number;
  readonly nowMs: number;
  /** What the clock's chance is, from 0 up to 1. Default 0: the shortest wait. */
  random: number;
  signals: PlatformSignals | undefined;
  /** Moves time, timer by timer. */
  advance(ms: number): Promise<void>;
  /** Moves time while nothing runs, as in a machine that sleeps. */
  sleep(ms: number): void;
  /** Lets promises settle. */
  settle(): Promise<void>;
}

export function createWorld(): World {
  let nowMs = 1_000_000;
  const timers = new Set<{ run: () => void; dueMs: number }>();
  const attempts: Attempt[] = [];

  const world: World = {
    random: 0,
    signals: undefined,
    attempts,
    get last() {
      return attempts.at(-1)!;
    },
    get timers() {
      return timers.size;
    },
    get nowMs() {
      return nowMs;
    },
    clock: {
      nowMs: () => nowMs,
      random: () => world.random,
      setTimeout(run, ms) {
        if (!(ms >= 0 && (ms <= 2 ** 31 - 1 || ms === Infinity)))
          throw new RangeError(`Timer of ${ms} ms overflows`);
        const timer = { run, dueMs: nowMs + ms };
        timers.add(timer);
        return timer;
      },
      clearTimeout: (timer) => void timers.delete(timer as never),
    },
    transport: {
      name: "scripted",
      open(request, sink) {
        const attempt = script(request, sink, nowMs);
        attempts.push(attempt);
        return { abort: () => Object.assign(attempt, { aborted: true }) };
      },
      watch(signals) {
        world.signals = signals;
        return () => {
          world.signals = undefined;
        };
      },
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await world.settle();
      for (;;) {
        const due = [...timers].filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
        if (!due) break;
        timers.delete(due);
        nowMs = Math.max(nowMs, due.dueMs);
        due.run();
        await world.settle();
      }
      nowMs = untilMs;
    },
    sleep(ms) {
      nowMs += ms;
    },
    async settle() {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    },
  };
  return world;
}

function script(request: TransportRequest, sink: TransportSink, atMs: number): Attempt {
  const encoder = new TextEncoder();
  const attempt: Attempt = {
    request,
    atMs,
    sink,
    aborted: false,
    respond(status = 200, headers = {}, body = "") {
      const all: Record<string, string> = { "content-type": "text/event-stream", ...headers };
      sink.onResponse({
        status,
        url: request.url,
        header: (name) => all[name] ?? null,
      });
      // A refusal has an end.
      if (!body && /^2(?!0[45])/.test(`${status}`) && /event-stream/i.test(`${all["content-type"]}`)) return;
      if (body) void sink.onBytes(encoder.encode(body));
      sink.onEnd();
    },
    send: (text) => sink.onBytes(encoder.encode(text)),
    end: () => sink.onEnd(),
    fail: (error = new TypeError("fetch failed")) => sink.onError(error),
  };
  return attempt;
}
