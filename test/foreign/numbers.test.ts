/**
 * Every number that the package takes, as its declarations show it, given what is none: the call refuses it with an error that names
 * the option and what it was, or the value is among those that the option takes. What is taken in silence would be a limit that
 * is none, a timer that fires at once, or a request that is never made.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import * as core from "../../packages/tidings/src/client/core/index.ts";
import { connect } from "../../packages/tidings/src/client/index.ts";
import { share } from "../../packages/tidings/src/client/share.ts";
import { xhrTransport } from "../../packages/tidings/src/client/transports/xhr.ts";
import { show } from "../../packages/tidings/src/guard/show.ts";
import * as wire from "../../packages/tidings/src/index.ts";
import { createResumableStreamStore } from "../../packages/tidings/src/integrations/assistant-stream.ts";
import { createMcpEvents } from "../../packages/tidings/src/integrations/mcp.ts";
import { createResumableStreamContext } from "../../packages/tidings/src/integrations/resumable-stream.ts";
import { createRunDurability } from "../../packages/tidings/src/integrations/tanstack-ai.ts";
import { formatCursor, memoryLog } from "../../packages/tidings/src/log/index.ts";
import { lmdbLog } from "../../packages/tidings/src/log/lmdb/index.ts";
import { natsLog } from "../../packages/tidings/src/log/nats/index.ts";
import { postgresLog } from "../../packages/tidings/src/log/postgres/index.ts";
import { redisLog } from "../../packages/tidings/src/log/redis/index.ts";
import { fromWx } from "../../packages/tidings/src/mini-program/index.ts";
import { createAcceptor } from "../../packages/tidings/src/server/acceptor/index.ts";
import {
  createAnswers,
  createHub,
  doctorEndpoint,
  openStream,
} from "../../packages/tidings/src/server/index.ts";
import { createStore } from "../../packages/tidings/src/store/index.ts";
import * as kit from "../../packages/tidings/src/testing/index.ts";
import type { Hub } from "../../packages/tidings/src/server/index.ts";
import { createTestServer } from "../../packages/tidings/src/testing/server.ts";
import { numericOptions } from "./numeric-options.ts";

const VALUES: readonly unknown[] = [Number.NaN, -1, Infinity, null, "5", 2 ** 40];
/** A limit may be as high as one likes, and a time as long: a timer that cannot wait for it is set anew, or never. */
const ANY_HEIGHT: readonly unknown[] = [Infinity, 2 ** 40];
/** What is counted, or is added to a clock. */
const FINITE: readonly unknown[] = [2 ** 40];
const NONE: readonly unknown[] = [];

interface Case {
  readonly call: (value: never) => unknown;
  /** Which of the values it takes. */
  readonly takes: readonly unknown[];
  /** As the error has it, where that is not the name of the property or the parameter. */
  readonly named?: string;
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});
const folder = mkdtempSync(join(tmpdir(), "tidings-numbers-"));
// The package's own: this folder has none.
const ofPackage = createRequire(new URL("../../packages/tidings/package.json", import.meta.url));
const lmdb = ofPackage("lmdb") as { open(options: object): { close(): Promise<void> } };
const environment = lmdb.open({ path: folder, overlappingSync: false, eventTurnBatching: false, maxDbs: 12 });
afterAll(async () => {
  await environment.close();
  rmSync(folder, { recursive: true });
});

function closing<Opened>(opened: Opened, close: (opened: Opened) => unknown): Opened {
  closers.push(() => close(opened));
  return opened;
}
const url = "http://127.0.0.1:9/";
const request = (): Request => new Request("http://a/");
const never = (): Promise<never> => new Promise(() => undefined);
const fetching = { fetch: never } as object;
const hub = (options: object): Hub =>
  closing(createHub(options), (made) => made.drain({ overMs: 0, graceMs: 0 }));
const answers = (options: object = {}) => closing(createAnswers(options), (made) => made.close());
const generate = () => [{ data: "1" }];
const strings = (): ReadableStream<string> =>
  new ReadableStream({ start: (controller) => controller.close() });
const context = () => createResumableStreamContext({ answers: answers(), waitUntil: null });
const wx = { request: () => ({ abort: () => undefined }) } as never;

/** A case for each of the names, with the same values. */
function each(
  owner: string,
  takes: readonly unknown[],
  names: string,
  call: (options: object) => unknown,
): Record<string, Case> {
  const list = names.split(" ").map((name) => {
    const [property = "", named] = name.split(":");
    const one: Case = { call: (value) => call({ [property]: value }), takes, ...(named && { named }) };
    return [`${owner}.${property}`, one] as const;
  });
  return Object.fromEntries(list);
}
const OF_CONNECT =
  "connectTimeoutMs firstByteTimeoutMs idleMs maxMessageBytes maxQueuedBytes maxQueuedMessages whenHidden";
const close = (made: { close(): unknown }): unknown => made.close();
const connected = (options: object) => closing(connect(url, { ...fetching, ...options }), close);
const stored = (options: object): void => {
  const store = closing(createStore(url, { ...fetching, name: "a", ...options }), close);
  store.subscribe(() => undefined)();
};
const shared = (options: object) =>
  closing(share(url, { ...fetching, name: "a", onError: () => undefined, ...options }), close);
const streamed = (options: object) =>
  closing(openStream(request(), never as never, options), (made) => made.end());
const subscribed = async (options: object): Promise<void> => {
  const { body } = await hub({}).respond(request(), { topics: ["a"], ...options });
  await body?.cancel();
};
const answered = async (options: object): Promise<void> => {
  const { body } = await answers().resumable(request(), "id", generate, options);
  await body?.cancel();
};
const drained = (options: object): Promise<void> => createHub().drain({ overMs: 0, graceMs: 0, ...options });
const read = async (options: object): Promise<void> => {
  for await (const _ of wire.readMessages(new Response("data: 1\n\n"), options)) return;
};
const replied = async (answer: object): Promise<void> => {
  const server = kit.createTestFetch();
  void server.fetch(url, {});
  await (await server.nextRequest()).answer({ body: "data: 1\n\n", ...answer });
};
const ofTestMessage = async (message: object): Promise<void> => {
  const server = kit.createTestFetch();
  void server.fetch(url, {});
  await (await server.nextRequest()).send({ data: "1", ...message });
};
/** A number before what is read at all counts from there. */
const skipping = (name: string, call: (skip: never) => unknown): Record<string, Case> => ({
  [`ResumableStreamContext.${name}(skipCharacters)`]: { call, takes: VALUES },
});
const streamedMessage = async (message: object): Promise<void> => {
  const stream = closing(openStream(request(), never as never), (made) => made.end());
  stream.send(message);
};
const pool = { query: never, connect: never, on: () => undefined, options: {} } as never;
const recorded = (recording: object): string =>
  kit.formatRecording({ status: 200, headers: {}, chunks: [], ...recording });

const cases: Readonly<Record<string, Case>> = {
  ...each("AcceptorOptions", ANY_HEIGHT, "maxHeadBytes maxWaiting silenceMs timeoutMs", (options) =>
    createAcceptor(createServer(), {}, { authorize: "public", ...options }),
  ),
  ...each("Answer", FINITE, "chunkBytes", replied),
  ...each("Answer", [-1], "cutAt", replied),
  ...each("Answer", NONE, "status", replied),
  ...each("Answer.body[]", NONE, "atMs waitMs", (step) => replied({ body: [step] })),
  ...each("AnswerRequestOptions", ANY_HEIGHT, "heartbeatMs stallMs", answered),
  ...each("AnswerRequestOptions", NONE, "retryMs:retry", answered),
  ...each("StartOptions", ANY_HEIGHT, "heartbeatMs stallMs", answered),
  ...each("StartOptions", NONE, "retryMs:retry", answered),
  ...each("Answers.close(options)", NONE, "graceMs", (options) => answers().close(options)),
  ...each(
    "AnswersOptions",
    ANY_HEIGHT,
    "abandonMs answers answersPerSubscriber bytes heartbeatMs joinMs keepMs leaseMs messages stallMs streams streamsPerSubscriber timeoutMs totalBytes",
    answers,
  ),
  ...each("AnswersOptions", NONE, "retryMs:retry", answers),
  ...each("ClusterOptions", NONE, "leaseMs", (cluster) => hub({ cluster })),
  ...each("CompressionOptions", NONE, "level memLevel windowBits", (options) =>
    streamed({ compression: { perStream: true, ...options } }),
  ),
  ...each("ConnectOptions", ANY_HEIGHT, OF_CONNECT, connected),
  ...each("CoreOptions", ANY_HEIGHT, "maxMessageBytes maxQueuedBytes maxQueuedMessages", (options) =>
    closing(core.connect(url, { ...fetching, ...options }), close),
  ),
  ...each("ShareOptions", ANY_HEIGHT, `${OF_CONNECT} maxRecentMessages takeoverMs`, shared),
  ...each("StoreOptions", ANY_HEIGHT, `${OF_CONNECT} lingerMs`, stored),
  ...each("StoreOptions", ANY_HEIGHT, "maxRecentMessages takeoverMs", (options) =>
    stored({ connect: share, ...options }),
  ),
  ...each("Keeping", FINITE, "keepLast", stored),
  ...each("DoctorEndpointOptions", FINITE, "maxRuns maxRunsPerMinute", (options) =>
    doctorEndpoint({ token: "0123456789abcdef", ...options }),
  ),
  ...each("DrainOptions", NONE, "graceMs overMs", drained),
  "DrainOptions.retryMs.0": { call: (value) => drained({ retryMs: [value, 3_000] }), takes: NONE },
  "DrainOptions.retryMs.1": { call: (value) => drained({ retryMs: [100, value] }), takes: NONE },
  ...each(
    "EventStreamsOptions",
    ANY_HEIGHT,
    "heartbeatMs maxBufferedBytes maxMessageBytes maxTotalBufferedBytes stallMs",
    streamed,
  ),
  ...each("EventStreamsOptions", NONE, "retryMs:retry status", streamed),
  ...each(
    "StreamOptions",
    ANY_HEIGHT,
    "heartbeatMs maxBufferedBytes maxMessageBytes maxTotalBufferedBytes stallMs",
    streamed,
  ),
  ...each("StreamOptions", NONE, "retryMs:retry status", streamed),
  "Fields.retry": { call: (value) => wire.encode({ data: "1", retry: value }), takes: NONE },
  "Message.retry": { call: (value) => streamedMessage({ data: "1", retry: value }), takes: NONE },
  ...each(
    "HubLimits",
    ANY_HEIGHT,
    "blockedBytes bytesPerPublish messageBytes messagesPerPublish publishesPerSecond readBytes selectionBytes streams streamsPerAddress streamsPerSubscriber topicsPerStream",
    (limits) => hub({ limits }),
  ),
  ...each("HubOptions", ANY_HEIGHT, "heartbeatMs stallMs timeoutMs writeBytes", hub),
  ...each("HubOptions.recent", ANY_HEIGHT, "bytes messages", (recent) => hub({ recent })),
  ...each("InspectOptions", ANY_HEIGHT, "timeoutMs", (options) =>
    hub({ cluster: true }).inspect("a.1", { everywhere: true, ...options }),
  ),
  ...each("PresenceOptions", NONE, "coalesceMs", (presence) => hub({ presence })),
  ...each("PresenceOptions", ANY_HEIGHT, "maxMembers maxTopics", (presence) => hub({ presence })),
  ...each("RetentionOptions", ANY_HEIGHT, "ageMs bytes messages", (retention) => hub({ retention })),
  ...each("RetentionOptions.topics[]", ANY_HEIGHT, "ageMs bytes messages", (bounds) =>
    hub({ retention: { topics: [{ topics: ["a"], ...bounds }] } }),
  ),
  ...each("SubscribeOptions", ANY_HEIGHT, "lifetimeMs", subscribed),
  "SubscribeOptions.lifetimeMs.0": {
    call: (value) => subscribed({ lifetimeMs: [value, 2 ** 50] }),
    takes: FINITE,
  },
  "SubscribeOptions.lifetimeMs.1": {
    call: (value) => subscribed({ lifetimeMs: [1, value] }),
    takes: ANY_HEIGHT,
  },
  ...each("SubscribeOptions", NONE, "retryMs:retry", subscribed),
  ...each("Log", ANY_HEIGHT, "deadlineMs", (own) => hub({ log: Object.assign(memoryLog(), own) })),
  ...each(
    "LmdbLogOptions",
    ANY_HEIGHT,
    "deadlineMs emptyTopics idempotencyAgeMs idempotencyKeys pendingBytes pollMs",
    (options) => lmdbLog(environment as never, options),
  ),
  ...each("McpEventsOptions.retention", ANY_HEIGHT, "ageMs bytes messages", (retention) =>
    closing(createMcpEvents({ log: memoryLog(), retention }), close),
  ),
  ...each("MemoryLogOptions", ANY_HEIGHT, "emptyTopics idempotencyAgeMs idempotencyKeys", memoryLog),
  ...each("NatsLogOptions", ANY_HEIGHT, "deadlineMs idempotencyAgeMs pendingBytes", (options) =>
    natsLog({} as never, options),
  ),
  ...each("NatsLogOptions", NONE, "replicas", (options) => natsLog({} as never, options)),
  ...each(
    "PostgresLogOptions",
    ANY_HEIGHT,
    "deadlineMs idempotencyAgeMs lostTopics pendingBytes pollMs",
    (options) => postgresLog(pool, options),
  ),
  ...each("RedisLogOptions", ANY_HEIGHT, "deadlineMs idempotencyAgeMs lostTopics pendingBytes", (options) =>
    redisLog({} as never, options),
  ),
  ...each("RedisLogOptions", NONE, "lingerMs", (options) => redisLog({} as never, options)),
  ...each("ParserLimits", ANY_HEIGHT, "maxMessageBytes", (limits) => wire.createParser({}, limits)),
  ...each("ReadOptions", ANY_HEIGHT, "maxMessageBytes", read),
  ...each("ReaderOptions", ANY_HEIGHT, "maxMessageBytes", (options) => wire.createReader(options)),
  ...each("ResumableStreamStoreOptions", ANY_HEIGHT, "idleMs", (options) =>
    createResumableStreamStore({ answers: answers(), ...options }),
  ),
  ...each("RunDurabilityOptions", ANY_HEIGHT, "idleMs startWithinMs", (options) =>
    createRunDurability({ answers: answers(), ...options }),
  ),
  ...skipping("createNewResumableStream", (skip) => context().createNewResumableStream("a", strings, skip)),
  ...skipping("resumableStream", (skip) => context().resumableStream("a", strings, skip)),
  ...skipping("resumeExistingStream", (skip) => context().resumeExistingStream("a", skip)),
  ...each("RetryOptions", ANY_HEIGHT, "attempts baseMs budgetMs capMs healthyMs", (retry) =>
    connected({ retry }),
  ),
  ...each("AnswerTimeouts", ANY_HEIGHT, "connectTimeoutMs firstByteTimeoutMs", (timeouts) =>
    core.idle("auto", timeouts),
  ),
  "idle(idleMs)": { call: (value) => core.idle(value), takes: ANY_HEIGHT },
  "page(whenHidden)": { call: (value) => core.page(value), takes: ANY_HEIGHT },
  ...each("XhrTransportOptions", ANY_HEIGHT, "maxTextLength", (options) => xhrTransport(options)),
  ...each("WxOptions", ANY_HEIGHT, "aliveWithinMs interruptedAfterMs timeoutMs", (options) =>
    fromWx(wx, options),
  ),
  "formatCursor(offset)": { call: (value) => formatCursor("a", value), takes: VALUES },
  // The test kit.
  ...each("RecordOptions", ANY_HEIGHT, "maxBytes", (options) => kit.record(new Response("a"), options)),
  ...each("Recording", NONE, "status", recorded),
  ...each("Recording.ending", FINITE, "atMs", (ending) => recorded({ ending: { how: "end", ...ending } })),
  ...each("RecordedChunk", FINITE, "atMs", (chunk) =>
    recorded({ chunks: [{ bytes: new Uint8Array(1), ...chunk }] }),
  ),
  ...each("ReplayOptions", ANY_HEIGHT, "speed", (options) => kit.replay(recorded({}), options)),
  "TestClock.advance(ms)": { call: (value) => kit.createTestClock().advance(value), takes: FINITE },
  "TestClock.setTimeout(ms)": {
    call: (value) => kit.createTestClock().setTimeout(() => undefined, value),
    // As the platform's.
    takes: [-1, null, "5"],
  },
  "TestClock.sleep(ms)": { call: (value) => kit.createTestClock().sleep(value), takes: FINITE },
  ...each("TestClock.until(options)", ANY_HEIGHT, "withinMs", (options) =>
    kit.createTestClock().until(Promise.resolve(), options),
  ),
  ...each("TestClockOptions", [-1, 2 ** 40], "startMs", kit.createTestClock),
  ...each("TestClockOptions", NONE, "random", kit.createTestClock),
  ...each("TestFetch.nextRequest(options)", ANY_HEIGHT, "withinMs", async (options) => {
    const server = kit.createTestFetch();
    void server.fetch(url, {});
    await server.nextRequest(options);
  }),
  ...each("TestMessage", NONE, "retry", ofTestMessage),
  ...each("TestServerOptions", NONE, "port", async (options) =>
    closing(await createTestServer(options), close),
  ),
  "createRandom(seed)": { call: (value) => kit.createRandom(value), takes: VALUES },
};

/** What no application gives, or what it has from us. */
const elsewhere: readonly [pattern: RegExp, reason: string][] = [
  [
    /^(?:HubStatistics|ReconnectState|RetryPolicy|ResolvedLimits|TimerWheel|Outlet|EventStream\.onDue)\b/,
    "ours",
  ],
  [/^(?:AcceptorServer|NatsConnection|NodeRequest|NodeResponse|PgPool)\./, "properties of what others made"],
  [/\.length$/, "of a pair"],
  [/^(?:ReadRequest|Retention)\./, "between a hub and its log, which the hub has checked"],
  [/^(?:EventStreamErrorFacts|new HubError|new LimitError)\b/, "facts of an error"],
  [/^A2aOptions\.id$/, "what the peer chose, and gets back"],
];

/** @returns "refused", "taken", or what was said instead of a refusal. */
async function outcomeOf({ call, named }: Case, name: string, value: unknown): Promise<string> {
  try {
    await call(value as never);
    return "taken";
  } catch (error) {
    const text = String(error);
    const own = named ?? name.replace(/\)$/, "").replace(/^.*[.(](?=[a-z])/, "");
    if (text.includes(own.replace(/\.\d$/, "")) && text.includes(String(value))) return "refused";
    return /client|the connection is unknown/.test(text) ? "taken" : `refused without a word of it: ${text}`;
  }
}

describe.each(Object.entries(cases))("%s", (name, one) => {
  it("refuses what is no number for it", async () => {
    const wrong: string[] = [];
    for (const value of VALUES) {
      const outcome = await outcomeOf(one, name, value);
      if (outcome !== (one.takes.includes(value) ? "taken" : "refused"))
        wrong.push(`${show(value)}: ${outcome}`);
    }
    expect(wrong).toEqual([]);
  });
});

it("has a case for every number in the package's declarations", () => {
  const all = numericOptions();
  expect(all.length).toBeGreaterThan(150);
  expect(
    all.filter((name) => !(name in cases) && !elsewhere.some(([pattern]) => pattern.test(name))),
  ).toEqual([]);
  expect(elsewhere.filter(([pattern]) => !all.some((name) => pattern.test(name)))).toEqual([]);
});
