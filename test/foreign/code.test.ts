/**
 * Everything that the application hands us, misbehaving: it throws, rejects, gives nonsense, never settles, or calls back into
 * us. The process lives, the mistake is reported once, everyone else is served, and nothing is left behind.
 */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect as dial } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { connect, type ConnectOptions, type Connection } from "../../packages/tidings/src/client/index.ts";
import { memoryLog } from "../../packages/tidings/src/log/index.ts";
import { createAcceptor } from "../../packages/tidings/src/server/acceptor/index.ts";
import {
  createAnswers,
  createHub,
  type EventStream,
  type Hub,
  type HubOptions,
  openStream,
} from "../../packages/tidings/src/server/index.ts";
import { createStore } from "../../packages/tidings/src/store/index.ts";
import { createParser, readMessages } from "../../packages/tidings/src/index.ts";
import { foreignCode } from "./foreign-code.ts";

const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);
// What is uncaught is counted here, and is no failure of the test runner's.
const others = ["uncaughtException", "unhandledRejection"].map((name) => ({
  name,
  listeners: process.listeners(name as "uncaughtException"),
}));
beforeAll(() => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  for (const { name } of others) process.removeAllListeners(name).on(name, note);
});
afterAll(() => {
  vi.restoreAllMocks();
  for (const { name, listeners } of others) {
    process.off(name, note);
    for (const listener of listeners) process.on(name as "uncaughtException", listener);
  }
});
const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
  uncaught.length = 0;
});

const mistake = new Error("the application's mistake");
const NONSENSE: readonly unknown[] = [
  null,
  "yes",
  -1,
  [],
  { then: 7 },
  {
    get then(): never {
      throw mistake;
    },
  },
];

/** Values that foreign code may throw instead of an Error. Reporting one must not throw again. */
const cyclic = new Error("one");
cyclic.cause = new Error("other", { cause: cyclic });
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const ODD: readonly unknown[] = [
  undefined,
  null,
  "text",
  Symbol("odd"),
  Object.create(null),
  { message: Object.create(null), toString: null },
  Object.freeze(new Error("frozen")),
  cyclic,
  revoked.proxy,
  {
    get message(): never {
      throw mistake;
    },
    get code(): never {
      throw mistake;
    },
    get cause(): never {
      throw mistake;
    },
  },
];

const foreign = new Set<unknown>([mistake, ...ODD]);
const isForeign = (error: unknown): boolean => foreign.has(error);
/** Some of them cannot be shown by the test runner either. */
const shown = (error: unknown): string => {
  if (isForeign(error)) return `foreign (${ODD.indexOf(error)})`;
  return error instanceof Error ? String(error.stack) : typeof error;
};

type Code = (...values: never[]) => unknown;
interface Bad {
  readonly name: string;
  /** @param back - Calls into us, where the case has something to call. */
  readonly make: (back: () => unknown) => Code;
}
const bads: readonly Bad[] = [
  {
    name: "throws",
    make: () => () => {
      throw mistake;
    },
  },
  { name: "rejects", make: () => () => Promise.reject(mistake) },
  ...ODD.flatMap((odd, i) => [
    {
      name: `throws odd (${i})`,
      make: () => () => {
        throw odd;
      },
    },
    { name: `rejects with odd (${i})`, make: () => () => Promise.reject(odd) },
  ]),
  ...NONSENSE.map((value, i) => ({ name: `gives nonsense (${i})`, make: () => () => value })),
  { name: "never settles", make: () => () => new Promise(() => undefined) },
  { name: "calls back", make: (back) => back },
];

/** Lets everything happen that is on its way. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A reader beside the misbehaving one: it has to get everything. */
async function witness(hub: Hub): Promise<{ readonly text: () => string }> {
  const { body } = await hub.respond(new Request("http://a/"), { topics: ["a"] });
  let text = "";
  const reader = body!.getReader();
  const decoder = new TextDecoder();
  void (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
    }
  })();
  return { text: () => text };
}

function openHub(options: HubOptions = {}): { hub: Hub; reported: unknown[] } {
  const reported: unknown[] = [];
  const hub = createHub({ timeoutMs: 30, onError: (error) => reported.push(error), ...options });
  closers.push(() => hub.drain({ overMs: 0, graceMs: 50 }));
  return { hub, reported };
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

type Case = (bad: Bad) => Promise<void>;

/** One subscription with a function that misbehaves, and a witness. */
const ofSubscription =
  (name: "authorize" | "filter" | "snapshot" | "onOpen"): Case =>
  async (bad) => {
    const { hub, reported } = openHub();
    const beside = await witness(hub);
    const code = bad.make(() => hub.publish("b", { data: "from inside" }));
    const response = await hub.respond(new Request("http://a/"), { topics: ["a"], [name]: code });
    expect([200, 403, 503]).toContain(response.status);
    const read = response.text().catch(() => undefined);
    await hub.publish("a", { data: "1" });
    await expect.poll(beside.text).toContain("data: 1");
    await settle();
    expect(reported.length).toBeLessThanOrEqual(1);
    if (bad.name === "throws") expect(reported).toEqual([mistake]);
    expect(uncaught.map(shown)).toEqual([]);
    await hub.revoke("nobody");
    await hub.drain({ overMs: 0, graceMs: 50 });
    await read;
    expect(hub.stats().streams).toBe(0);
  };

const ofHubOnError: Case = async (bad) => {
  const inside = (): unknown => hub.publish("b", { data: "from inside" });
  const { hub }: { hub: Hub } = openHub({ onError: bad.make(inside) as (error: unknown) => void });
  const beside = await witness(hub);
  const filter = (): boolean => {
    throw mistake;
  };
  const { body } = await hub.respond(new Request("http://a/"), { topics: ["a"], filter });
  await hub.publish("a", { data: "1" });
  await hub.publish("a", { data: "2" });
  await expect.poll(beside.text).toContain("data: 2");
  await body?.cancel().catch(() => undefined);
  await settle();
  expect(uncaught.map(shown)).toEqual([]);
};

const ofSource: Case = async (bad) => {
  const reported: unknown[] = [];
  let opened: EventStream | undefined;
  const stream = openStream(new Request("http://a/"), bad.make(() => opened?.end()) as () => never, {
    onError: (error) => reported.push(error),
    heartbeatMs: 20,
  });
  opened = stream;
  const read = stream.response.text().then(
    () => "whole",
    () => "cut",
  );
  await settle();
  stream.end();
  await read;
  await stream.ended;
  expect(reported.length).toBeLessThanOrEqual(1);
  expect(uncaught.map(shown)).toEqual([]);
};

const ofStreamOnError: Case = async (bad) => {
  const failing = (): never => {
    throw mistake;
  };
  let opened: EventStream | undefined;
  const onError = bad.make(() => opened?.end()) as (error: unknown) => void;
  const stream = openStream(new Request("http://a/"), failing, { onError });
  opened = stream;
  await stream.response.text().catch(() => undefined);
  expect((await stream.ended).code).toBe("source-failed");
  await settle();
  expect(uncaught.map(shown)).toEqual([]);
};

const ofGenerate: Case = async (bad) => {
  const reported: unknown[] = [];
  const answers = createAnswers({ onError: (error) => reported.push(error) });
  closers.push(() => answers.close());
  const generate = bad.make(() => answers.stop("id")) as never;
  const response = await answers.resumable(new Request("http://a/"), "id", generate);
  const read = response.text().catch(() => "cut");
  // Somebody else's answer is produced meanwhile.
  const other = await answers.resumable(new Request("http://a/"), "other", () => [{ data: "1" }]);
  expect(await other.text()).toContain("data: 1");
  await settle();
  await answers.stop("id");
  expect(await read).toMatch(/event: (?:end|complete|failed)/);
  expect(reported.length).toBeLessThanOrEqual(1);
  expect(uncaught.map(shown)).toEqual([]);
};

const ofAnswers =
  (name: "authorize" | "describeError" | "onError"): Case =>
  async (bad) => {
    const code = bad.make(() => answers.stop("id"));
    const answers = createAnswers({ onError: () => undefined, timeoutMs: 30, [name]: code });
    closers.push(() => answers.close());
    const failing = (): never => {
      throw mistake;
    };
    const response = await answers.resumable(new Request("http://a/"), "id", failing);
    if (name === "authorize" && bad.name === "never settles") expect(response.status).toBe(503);
    await response.text().catch(() => "cut");
    await settle();
    expect(uncaught.map(shown)).toEqual([]);
  };

const ofAcceptor =
  (name: "authorize" | "onError"): Case =>
  async (bad) => {
    const server = createServer((_request, response) => void response.end("everything else"));
    const failing = (): never => {
      throw mistake;
    };
    const code = bad.make(() => acceptor.stats());
    const acceptor = createAcceptor(
      server,
      {
        "/a":
          name === "onError"
            ? failing
            : (request, response) => openStream(request, response, [{ data: "1" }]),
      },
      { authorize: () => true, onError: () => undefined, [name]: code },
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const socket = dial(port, "127.0.0.1");
    socket.on("error", () => undefined).resume();
    socket.write("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    if (bad.name === "never settles" && name === "authorize") await settle();
    else await once(socket, "close");
    socket.destroy();
    const other = await fetch(`http://127.0.0.1:${port}/else`, { headers: { connection: "close" } });
    expect(await other.text()).toBe("everything else");
    expect(uncaught.map(shown)).toEqual([]);
  };

/** A store whose methods misbehave, one at a time. */
const ofLog =
  (name: "append" | "read" | "head" | "stats" | "close"): Case =>
  async (bad) => {
    const real = memoryLog();
    const reported: unknown[] = [];
    let broken = false;
    const log = new Proxy(real, {
      get(target, key) {
        const method = Reflect.get(target, key) as ((...values: unknown[]) => unknown) | undefined;
        if (key !== name || typeof method !== "function")
          return typeof method === "function" ? method.bind(target) : method;
        return (...values: never[]) =>
          broken ? bad.make(() => method.apply(target, values))(...values) : method.apply(target, values);
      },
    });
    const hub = createHub({
      log,
      timeoutMs: 30,
      recent: { messages: 3 },
      onError: (error) => reported.push(error),
    });
    const beside = await witness(hub);
    const { id } = await hub.publish("a", { data: "before" });
    for (let n = 0; n < 5; n += 1) {
      await hub.publish("a", { data: `${n}` });
      await settle();
    }
    broken = true;
    const published = hub.publish("a", { data: "1" }).then(
      () => "accepted",
      () => "refused",
    );
    const headers = { "last-event-id": id };
    const response = hub.respond(new Request("http://a/", { headers }), { topics: ["a"] });
    await Promise.race([
      Promise.all([published, response]),
      new Promise((resolve) => setTimeout(resolve, 200)),
    ]);
    broken = name === "close";
    await settle();
    await expect.poll(beside.text).toContain("data: 4");
    void hub.drain({ overMs: 0, graceMs: 50 }).catch(() => undefined);
    await settle();
    await (await Promise.race([response, Promise.resolve(undefined)]))?.body?.cancel().catch(() => undefined);
    expect(uncaught.map(shown)).toEqual([]);
  };

const events: RequestListener = (_request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end("event: gap\ndata: {}\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n");
};

/** A callback of `connect` that misbehaves: all messages come, and the connection ends as it would. */
const ofConnect =
  (name: keyof ConnectOptions, more: ConnectOptions = {}): Case =>
  async (bad) => {
    const url = await listen(events);
    const seen: string[] = [];
    let connection: Connection | undefined;
    const code = bad.make(() => connection?.close());
    const options = {
      onMessage: ({ data }: { data: string }) => void seen.push(data),
      onError: () => undefined,
      retry: false,
      ...more,
      [name]: code,
    } as ConnectOptions;
    try {
      connection = connect(url, options);
    } catch (error) {
      // Refused at the call, with a reason: as good as any other report.
      expect(String(error)).toMatch(/Cannot connect|Cannot /);
      return;
    }
    const verdict = await Promise.race([
      connection.ended,
      new Promise<undefined>((resolve) => setTimeout(resolve, 1_500)),
    ]);
    if (verdict === undefined) connection.close();
    expect((await connection.ended).reason).toMatch(/complete|truncated|gave-up|closed/);
    await settle();
    // One for each call at the most.
    expect(uncaught.filter(isForeign).length).toBeLessThanOrEqual(5);
    expect(uncaught.filter((error) => !isForeign(error)).map(shown)).toEqual([]);
  };

const ofStore: Case = async (bad) => {
  const url = await listen(events);
  const store = createStore(url, { retry: false });
  const heard: unknown[] = [];
  store.subscribe(bad.make(() => store.close()));
  store.subscribe(() => void heard.push(store.get()));
  await expect.poll(() => heard.length).toBeGreaterThan(0);
  store.close();
  await settle();
  expect(uncaught.filter((error) => !isForeign(error)).map(shown)).toEqual([]);
};

const ofParser: Case = async (bad) => {
  let reentered = 0;
  const parser = createParser({
    onMessage: bad.make(() => void (reentered += 1)),
  });
  // A parser is called by its user: what a handler throws is thrown to that user, and nothing is lost for it.
  for (let n = 0; n < 3; n += 1) {
    try {
      parser.push("data: 1\n\ndata: 2\n\n");
    } catch (error) {
      if (!isForeign(error)) expect(String(error)).toContain("expected reset() first");
    }
  }
  await settle();
  if (!bad.name.startsWith("rejects")) expect(uncaught.map(shown)).toEqual([]);
};

const ofReadMessages: Case = async (bad) => {
  const given = bad.make(() => undefined);
  const sources: unknown[] = [{ [Symbol.asyncIterator]: given }, { getReader: given }, given];
  for (const source of sources) {
    const read = (async () => {
      for await (const _ of readMessages(source as never)) return "message";
      return "end";
    })().catch(() => "thrown");
    await Promise.race([read, settle()]);
  }
  expect(uncaught.map(shown)).toEqual([]);
};

const cases: Readonly<Record<string, Case>> = {
  "SubscribeOptions.authorize": ofSubscription("authorize"),
  "SubscribeOptions.filter": ofSubscription("filter"),
  "SubscribeOptions.snapshot": ofSubscription("snapshot"),
  "SubscribeOptions.onOpen": ofSubscription("onOpen"),
  "HubOptions.onError": ofHubOnError,
  "openStream(source)": ofSource,
  "StreamOptions.onError": ofStreamOnError,
  "Answers.resumable(generate)": ofGenerate,
  "AnswersOptions.authorize": ofAnswers("authorize"),
  "AnswersOptions.describeError": ofAnswers("describeError"),
  "AnswersOptions.onError": ofAnswers("onError"),
  "AcceptorOptions.authorize": ofAcceptor("authorize"),
  "AcceptorOptions.onError": ofAcceptor("onError"),
  "Log.append": ofLog("append"),
  "Log.read": ofLog("read"),
  "Log.head": ofLog("head"),
  "Log.stats": ofLog("stats"),
  "Log.close": ofLog("close"),
  "ConnectOptions.onMessage": ofConnect("onMessage"),
  "ConnectOptions.onError": ofConnect("onError", { until: () => false }),
  "ConnectOptions.onGap": ofConnect("onGap"),
  "ConnectOptions.onOpen": ofConnect("onOpen"),
  "ConnectOptions.onState": ofConnect("onState"),
  "ConnectOptions.trace": ofConnect("trace"),
  "ConnectOptions.until": ofConnect("until"),
  "ConnectOptions.refresh": ofConnect("refresh"),
  "ConnectOptions.resume": ofConnect("resume"),
  "ConnectOptions.headers": ofConnect("headers"),
  "ConnectOptions.fetch": ofConnect("fetch"),
  "Store.subscribe(tell)": ofStore,
  "ParserHandlers.onMessage": ofParser,
  "readMessages(source)": ofReadMessages,
};

/** What has no case of its own, and why. */
const elsewhere: readonly [pattern: RegExp, reason: string][] = [
  [
    /^(?:(?:Core|Share|Store)Options|EventStreamsOptions)\./,
    "the same options as those of connect, passed on",
  ],
  [/^(?:AnswerRequest|Start)Options\.authorize$/, "asked by the same call as AnswersOptions.authorize"],
  [/^(?:StringAnswers|Answers\.start|resumable)\b/, "the same producer as Answers.resumable"],
  [/\.headers\.(?:forEach|get)$|^UrlObject\./, "the platform's Headers and URL"],
  [/^(?:Clock|SharePlatform|SignalLike|AcceptorServer)\b/, "the platform, or what a test gives in its place"],
  [
    /^(?:Lmdb|NodeRedisClient|IoredisClient|RedisLogOptions|NatsConnection|Pg(?:Pool|Client)|Postgres|MemoryLogOptions|SharedLog)/,
    "engines: log/lmdb and test/engines break the real ones",
  ],
  [
    /^(?:Log\.(?:open|enlist|follow|unfollow)|OpenLogOptions|Retention|Selection|describeLog)/,
    "the log's contract, between a hub and its log",
  ],
  [
    /^(?:NodeResponse|FastifyReply|FetchRequest|DoctorNodeResponse)\./,
    "responses that others wrapped: test/servers and server/adapters",
  ],
  [
    /^(?:Core\.|Outlet|OutletOwner|RequestParts|StreamParts|TimerWheel|TransportSink|Transport\.)/,
    "ours: between the rooms of the package",
  ],
  [/^(?:TtLike|WxLike)\./, "hosts of mini programs: test/mini-program and mini-program/*.test.ts"],
  [
    /^(?:EventSource|FetchTransportOptions)/,
    "the platform's own: the Web Platform Tests, and client/event-source.test.ts",
  ],
  [/^(?:Dialect|ReadableDialect)\./, "server/answers and client/features/dialect.test.ts"],
  [/^(?:Mcp|ResumableStream|RunDurability|PushableAnswers)/, "integrations: test/answers"],
  [/^(?:ScriptOptions|TestServerOptions)/, "the test kit runs in the test of whoever calls it"],
  [
    /^(?:CursorStore|StorageLike|cursorFrom|cursorVia|gaps|idle|refresh|refusals|resume|trace|until\(|connect\(|createStore\(|share|ConnectOptions\.cursor(?:From|Via))/,
    "features: client/core/foreign.test.ts and client/features/*.test.ts",
  ],
  [/^(?:Connection|SharedConnection)\.on/, "as ConnectOptions.onMessage"],
  [/^Connection\$1\./, "ours, given back to us: toReadable"],
  [
    /^(?:Store\.|Reducing|DrawOptions|nextFrame|use(?:EventStream|Store)|eventStreams)/,
    "drawing: store/store.test.ts and test/ui",
  ],
  [
    /^(?:ParserHandlers|ReadOptions|ReaderOptions|createParser|readBatches|readMessages)/,
    "called by their user, who gets what they throw: wire/*.test.ts",
  ],
  [/^TestClock/, "the test kit"],
];

describe.each(Object.entries(cases))("%s", (_name, run) => {
  it.each(bads.map((bad) => [bad.name, bad] as const))("that %s harms nobody", async (_bad, bad) => {
    await expect(run(bad)).resolves.toBeUndefined();
    // The case has looked at what is uncaught. A rejection that nobody takes may come to light later.
    const expected = [...uncaught];
    await settle();
    expect(uncaught.map(shown)).toEqual(expected.map(shown));
  });
});

it("has a case for everything that the package's declarations take, or says where it is broken", () => {
  const known = new Set(Object.keys(cases));
  const all = foreignCode();
  expect(all.length).toBeGreaterThan(100);
  expect(
    all.filter((name) => !known.has(name) && !elsewhere.some(([pattern]) => pattern.test(name))),
  ).toEqual([]);
  expect([...known].filter((name) => !all.includes(name))).toEqual([]);
  expect(elsewhere.filter(([pattern]) => !all.some((name) => pattern.test(name)))).toEqual([]);
});
