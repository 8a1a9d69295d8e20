/**
 * Examines the path by the programs of a doctor endpoint: what was sent when is known, so what the path does to it is proved.
 * At most four requests run at the same time.
 */
import { jsonOf, valueAt } from "../../listen/json-path.ts";
import { runOf } from "../checks/arrivals.ts";
import type { Evidence, Runs } from "../evidence.ts";
import { hopsOf } from "./fingerprint.ts";
import type { Observation } from "./observation.ts";
import { profiles } from "../profiles.ts";
import type { SeenByServer } from "./seen-by-server.ts";
import { pause } from "../../pause.ts";
import { ask, type Change, type Target } from "./requests.ts";

export interface PathOptions {
  readonly token: string;
  /** As a server would that sends nothing to proxies. */
  readonly bare: boolean;
  readonly longMs: number | undefined;
  readonly flood: boolean;
}

const HEARTBEAT_MS = 600;
const HEARTBEATS = 8;
const ECHOES = 4;
/** What a held stream may take longer than its program. */
const SPARE_MS = 1500;

/** From the server's clock when it answered to this one when the answer came. */
function wayOf({ startedAtMs, headAtMs, text }: Observation): number {
  const clockMs = valueAt(jsonOf(text), ["clockMs"]);
  return typeof clockMs === "number" ? startedAtMs + headAtMs - clockMs : Infinity;
}

export async function examinePath(target: Target, options: PathOptions): Promise<Evidence> {
  const { token, bare, longMs, flood } = options;
  const { sse } = profiles;
  const run = (
    program: string,
    numbers: Record<string, number | string>,
    change: Change,
  ): Promise<Observation> => {
    const url = new URL(target.url);
    url.searchParams.set("program", program);
    for (const [name, value] of Object.entries(numbers)) url.searchParams.set(name, String(value));
    if (bare) url.searchParams.set("bare", "1");
    return ask(target, sse, {
      ...change,
      url: url.href,
      headers: { "tidings-doctor-token": token, ...change.headers },
    });
  };
  const plain = { "accept-encoding": "identity" };

  const echo = await run(
    "echo",
    {},
    { forMs: 5000, headers: { "last-event-id": "doctor-1", incremental: "?1" } },
  );
  // Without an answer to this, there is no endpoint to work with.
  if (echo.head?.status !== 200) return { url: target.url, profile: sse, hops: hopsOf(echo), main: echo };
  let noticedByWriting = false;
  let wayMs = wayOf(echo);
  // The least of several: a machine that is busy delays some of them.
  for (let more = 0; more < ECHOES; more++) {
    wayMs = Math.min(wayMs, wayOf(await run("echo", {}, { forMs: 5000, headers: { incremental: "?1" } })));
  }

  const silence =
    longMs === undefined
      ? undefined
      : run("silence", { wait: longMs }, { forMs: longMs + 5000, headers: plain });
  const [tick, tickIdentity, [hold, crash, tokens], noticedMs] = await Promise.all([
    run("tick", {}, { forMs: 6000 + SPARE_MS }),
    run("tick", {}, { forMs: 6000 + SPARE_MS, headers: plain }),
    (async () =>
      [
        await run("hold", { wait: 1500, every: 100 }, { forMs: 1600 + SPARE_MS, headers: plain }),
        await run("crash", { count: 3, every: 200, bytes: 100 }, { forMs: 3500, headers: plain }),
        await run(
          "tick",
          { count: 40, every: 37, bytes: 20, big: 0, wait: 0 },
          { forMs: 1600 + SPARE_MS, headers: plain },
        ),
      ] as const)(),
    leave(),
  ]);
  const once = { count: 4, every: 400, big: 0, wait: 0 };
  const first = run("tick", once, { forMs: 2000 + SPARE_MS, headers: plain });
  await pause(700, target.signal);
  const second = run("tick", once, { forMs: 2000 + SPARE_MS, headers: plain });
  const [one, two] = await Promise.all([first, second]);
  const third = await run("tick", once, {
    forMs: 2000,
    headers: plain,
    until: ({ messages }) => messages.length > 0,
  });
  const floodBytes = flood ? await stopReading() : undefined;

  const seen = jsonOf(echo.text) as SeenByServer;
  const runs: Runs = {
    tick,
    tickIdentity,
    hold,
    crash,
    tokens,
    twice: [one, two, third],
    silence: await silence,
    echo: seen,
    noticedMs,
    noticedByWriting,
    heartbeatMs: HEARTBEAT_MS,
    wayMs,
    floodBytes,
  };
  return {
    url: target.url,
    profile: sse,
    hops: hopsOf(tick, seen),
    main: tick,
    identity: tickIdentity,
    runs,
  };

  /** Leaves a stream with heartbeats, and asks when the server heard of it. */
  async function leave(): Promise<number | null | undefined> {
    const stayed = await run(
      "heartbeat",
      { heartbeat: HEARTBEAT_MS, count: 60 },
      // Right after a heartbeat, so that the next write is a whole interval away.
      { forMs: 4 * HEARTBEAT_MS, headers: plain, until: ({ comments }) => comments.length === 2 },
    );
    const leftAtMs = performance.now();
    const id = runOf(stayed);
    // A stream that was held shows nothing, and is found by other checks.
    if (id === undefined) return undefined;
    for (let heartbeat = 1; heartbeat <= HEARTBEATS && !target.signal.aborted; heartbeat++) {
      await pause(HEARTBEAT_MS, target.signal);
      const askedAtMs = performance.now();
      const answer = await run("result", { run: id }, { forMs: 5000, headers: plain });
      wayMs = Math.min(wayMs, wayOf(answer));
      const result = jsonOf(answer.text);
      const closedAgoMs = valueAt(result, ["closedAgoMs"]);
      if (typeof closedAgoMs === "number") {
        const wroteAgoMs = valueAt(result, ["wroteAgoMs"]);
        noticedByWriting = typeof wroteAgoMs === "number" && askedAtMs - wroteAgoMs > leftAtMs;
        return Math.max(0, askedAtMs - leftAtMs - closedAgoMs);
      }
    }
    return null;
  }

  /** Reads nothing, and asks how much the server could write. */
  async function stopReading(): Promise<number | undefined> {
    const reading = run("flood", {}, { forMs: 4000, headers: plain, pause: true });
    await pause(3000, target.signal);
    const stopped = await reading;
    if (stopped.head?.status !== 200) return undefined;
    const id = stopped.messages[0] === undefined ? undefined : runOf(stopped);
    const result =
      id === undefined
        ? undefined
        : jsonOf((await run("result", { run: id }, { forMs: 5000, headers: plain })).text);
    const bytes = valueAt(result, ["bytes"]);
    return typeof bytes === "number" ? bytes : undefined;
  }
}
