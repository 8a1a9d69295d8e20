/** What the test kit and the integrations take: scripts, timers, stores of other packages. */
import { expect, vi } from "vitest";
import { createResumableStreamStore } from "../../packages/tidings/src/integrations/assistant-stream.ts";
import { createMcpEvents } from "../../packages/tidings/src/integrations/mcp.ts";
import { createResumableStreamContext } from "../../packages/tidings/src/integrations/resumable-stream.ts";
import { createRunDurability } from "../../packages/tidings/src/integrations/tanstack-ai.ts";
import { memoryLog, type OpenLogOptions } from "../../packages/tidings/src/log/index.ts";
import { createAnswers } from "../../packages/tidings/src/server/index.ts";
import { createTestClock, createTestFetch } from "../../packages/tidings/src/testing/index.ts";
import { createTestServer } from "../../packages/tidings/src/testing/server.ts";
import { fails, isForeign, shown } from "./bad-code.ts";
import {
  type Case,
  closers,
  expectNothingUncaught,
  expectReports,
  expectUncaught,
  settle,
  uncaught,
  within,
} from "./harness.ts";

/** A script whose function fails: the client has a response, the test is told, and the script goes on. */
const ofScript: Case = async (bad) => {
  const byFetch = createTestFetch();
  const byServer = await createTestServer();
  closers.push(() => byServer.close());
  for (const server of [byFetch, byServer]) {
    uncaught.length = 0;
    server.script(bad.make(() => server.connections) as never, { status: 200, body: "data: next" });
    const headers = { connection: "close" };
    const ask = (): Promise<Response> =>
      server === byFetch ? byFetch.fetch("http://a/", {}) : fetch(byServer.url, { headers });
    const asked = ask();
    const response = await within(bad.kind === "never" ? 20 : 2_000, asked);
    if (fails(bad)) expect(response?.status).toBe(500);
    else if (bad.kind !== "never") expect(response).toBeDefined();
    await settle();
    if (fails(bad)) expectUncaught(bad.thrown, 1);
    else expect(uncaught.filter(isForeign)).toEqual([]);
    void response?.body?.cancel().catch(() => undefined);
    const next = await ask();
    expect(
      await within(
        500,
        next.text().catch(() => "data: next"),
      ),
    ).toContain("data: next");
    for (const request of server.requests) request.cut();
    await asked.catch(() => undefined);
  }
  uncaught.length = 0;
};

/** Whoever moves the clock is told, and it goes on. */
const ofTimer: Case = async (bad) => {
  const clock = createTestClock();
  let others = 0;
  clock.setTimeout(
    bad.make(() => clock.setTimeout(() => undefined, 1)),
    10,
  );
  clock.setTimeout(() => void (others += 1), 10);
  const moved = await clock.advance(20).then(
    () => "moved",
    (error: unknown) => shown(error),
  );
  expect(moved).toBe(bad.kind === "throws" ? shown(bad.thrown) : "moved");
  await clock.advance(20);
  expect(others).toBe(1);
  // A timer's promise is nobody's, as the platform has it.
  expect(uncaught.map(shown)).toEqual(bad.kind === "rejects" ? [shown(bad.thrown)] : []);
};

const ofUntil: Case = async (bad) => {
  const clock = createTestClock();
  const code = bad.make(() => clock.timers);
  const outcome = await clock.until({ then: code } as never).then(
    () => "settled",
    (error: unknown) => (isForeign(error) ? shown(error) : "told"),
  );
  expect(outcome).toBe(bad.kind === "throws" ? shown(bad.thrown) : "told");
  expect(uncaught.map(shown)).toEqual(bad.kind === "rejects" ? [shown(bad.thrown)] : []);
};

const ofRandom: Case = async (bad) => {
  const clock = createTestClock({ random: bad.make(() => clock.nowMs()) as () => number });
  try {
    void Promise.resolve(clock.random()).catch(() => undefined);
    expect(bad.kind).not.toBe("throws");
  } catch (error) {
    expect(shown(error)).toBe(shown(bad.thrown));
  }
  expectNothingUncaught();
};

const ofSend: Case = async (bad) => {
  const mcp = createMcpEvents({ log: memoryLog() });
  closers.push(() => mcp.close());
  const store = mcp.forSession("session");
  const id = await store.storeEvent("stream", { first: 1 } as never);
  await store.storeEvent("stream", { second: 2 } as never);
  const send = bad.make(() => store.getStreamIdForEventId(id)) as never;
  const replayed = store.replayEventsAfter(id, { send }).then(
    () => "replayed",
    (error: unknown) => shown(error),
  );
  const outcome = await within(bad.kind === "never" ? 20 : 1_000, replayed);
  expect(outcome).toBe(fails(bad) ? shown(bad.thrown) : bad.kind === "never" ? undefined : "replayed");
  // Another replay is served.
  const sent: unknown[] = [];
  await store.replayEventsAfter(id, { send: async (_id, message) => void sent.push(message) });
  expect(sent).toEqual([{ second: 2 }]);
  expectNothingUncaught();
};

const ofMcpOnError: Case = async (bad) => {
  const first = new Error("of the log");
  const real = memoryLog();
  const log = new Proxy(real, {
    get(target, key) {
      if (key === "open") {
        return (options: OpenLogOptions) => {
          options.onError!(first);
          return target.open(options);
        };
      }
      const member: unknown = Reflect.get(target, key);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
  const mcp = createMcpEvents({ log, onError: bad.make(() => mcp.forSession("other")) as never });
  closers.push(() => mcp.close());
  expect(await mcp.forSession("session").storeEvent("stream", {} as never)).toContain(".1/");
  await settle();
  const dues = fails(bad) ? [String(first), shown(bad.thrown)] : [];
  // Called back before there is anything to call.
  if (bad.kind !== "calls back") {
    const seen = vi
      .mocked(console.error)
      .mock.calls.map(([error]) => (error === first ? String(first) : shown(error)));
    expect(seen).toEqual(dues);
  }
  expectNothingUncaught();
};

const openContext = (more: object = {}) => {
  const reported: unknown[] = [];
  const answers = createAnswers({ onError: (error) => reported.push(error) });
  closers.push(() => answers.close());
  return { context: createResumableStreamContext({ answers, ...more }), answers, reported };
};

const ofMakeStream: Case = async (bad) => {
  const { context, answers, reported } = openContext();
  const make = bad.make(() => answers.stop("stream/id")) as never;
  const stream = await context.resumableStream("id", make);
  if (stream !== null) {
    const reader = stream.getReader();
    const read = reader.read().then(
      () => "read",
      () => "failed",
    );
    // It may take as long as it likes.
    expect(await within(bad.kind === "never" ? 20 : 1_000, read)).toBe(
      bad.kind === "never" ? undefined : "failed",
    );
  }
  expect(reported.length).toBe(Number(bad.kind !== "never" && bad.kind !== "calls back"));
  if (fails(bad)) expectReports(reported, bad.thrown);
  const other = await context.resumableStream("other", () =>
    new Response("whole").body!.pipeThrough(new TextDecoderStream()),
  );
  const { value } = await other!.getReader().read();
  expect(value).toBe("whole");
  expectNothingUncaught();
};

const ofWaitUntil: Case = async (bad) => {
  const { context, reported } = openContext({ waitUntil: bad.make(() => context.hasExistingStream("id")) });
  const stream = await context.resumableStream("id", () =>
    new Response("whole").body!.pipeThrough(new TextDecoderStream()),
  );
  expect((await stream!.getReader().read()).value).toBe("whole");
  await settle();
  expect(reported).toEqual([]);
  const seen = vi.mocked(console.error).mock.calls.map(([error]) => shown(error));
  expect(seen).toEqual(fails(bad) ? [shown(bad.thrown)] : []);
  expectNothingUncaught();
};

/** Answers that an application has wrapped, to name them by tenant say: each of the stores over them tells whoever calls. */
const ofAnswers =
  (name: "start" | "read" | "state" | "stop"): Case =>
  async (bad) => {
    const whole = createAnswers({ onError: () => undefined });
    closers.push(() => whole.close());
    let isBroken = false;
    const code = bad.make(() => whole.state("stream/other"));
    const answers = {
      start: whole.start.bind(whole),
      read: whole.read.bind(whole),
      state: whole.state.bind(whole),
      stop: whole.stop.bind(whole),
      [name]: (...given: never[]) =>
        isBroken ? code(...given) : (whole[name] as (...values: never[]) => unknown)(...given),
    } as never;
    const store = createResumableStreamStore({ answers, idleMs: 50 });
    const runs = createRunDurability({ answers, idleMs: 50, startWithinMs: 1 });
    const context = createResumableStreamContext({ answers, waitUntil: null });
    const signal = new AbortController().signal;
    isBroken = true;
    const run = runs<number>({ runId: "run" });
    const asked: (() => unknown)[] = [
      () => store.acquire("id"),
      () => store.append("id", new Uint8Array(1)),
      () => store.status("id"),
      () => store.finalize("id", "done"),
      () => store.read("id", "", signal)[Symbol.asyncIterator]().next(),
      () => store.delete("id"),
      () => run.append([1]),
      () => run.read("-1", signal)[Symbol.asyncIterator]().next(),
      () => run.snapshot(),
      () => run.close(),
      () => context.hasExistingStream("id"),
      () => context.resumeExistingStream("id"),
      () => context.resumableStream("id", () => new Response("x").body!.pipeThrough(new TextDecoderStream())),
    ];
    for (const ask of asked) {
      const asking = (async () => ask())().then(
        () => "given",
        () => "told",
      );
      const outcome = await within(bad.kind === "never" ? 5 : 2_000, asking);
      if (bad.kind !== "never") expect(outcome).toMatch(/given|told/);
    }
    isBroken = false;
    expect(await store.acquire("other")).toBe("producer");
    await store.append("other", new TextEncoder().encode("1"));
    expect(await store.finalize("other", "done")).toBe(true);
    expect(await store.status("other")).toBe("done");
    await settle();
    // `read` gives no promise. What a promise in its place rejects with is whose promise it is.
    if (name !== "read" || bad.kind !== "rejects") expectNothingUncaught();
    else expect(uncaught.filter((error) => !isForeign(error))).toEqual([]);
  };

export const kitCases: Readonly<Record<string, Case>> = {
  "createTestServer(script)[]": ofScript,
  "TestClock.setTimeout(run)": ofTimer,
  "TestClock.until(promise)": ofUntil,
  "TestClockOptions.random": ofRandom,
  "McpEventStore.replayEventsAfter(handlers).send": ofSend,
  "McpEventsOptions.onError": ofMcpOnError,
  "ResumableStreamContext.resumableStream(makeStream)": ofMakeStream,
  "ResumableStreamContextOptions.waitUntil": ofWaitUntil,
  "PushableAnswers.start": ofAnswers("start"),
  "PushableAnswers.read": ofAnswers("read"),
  "PushableAnswers.state": ofAnswers("state"),
  "PushableAnswers.stop": ofAnswers("stop"),
};
