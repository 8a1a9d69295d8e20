/** What a connection takes: its options, features and their hooks, transports, cursors and signals. */
import type { RequestListener } from "node:http";
import { expect } from "vitest";
import { idle, refusals, storedCursor } from "../../packages/tidings/src/client/core/index.ts";
import { connect, type ConnectOptions, type Connection } from "../../packages/tidings/src/client/index.ts";
import { fetchTransport } from "../../packages/tidings/src/client/transports/fetch.ts";
import { type Bad, fails, isForeign, shown } from "./bad-code.ts";
import {
  type Case,
  events,
  expectNothingUncaught,
  hurried,
  listen,
  settle,
  uncaught,
  within,
} from "./harness.ts";

interface Place {
  /** Which server it takes for the code to be called. Default: one that sends three messages and a gap. */
  readonly serve?: RequestListener;
  readonly options?: ConnectOptions;
  /** Which of its failing calls are due a report. Default: each. */
  readonly due?: (calls: number, bad: Bad) => number;
  /** Whether what it gives keeps the connection open. */
  readonly goesOn?: (bad: Bad) => boolean;
  /** How many reports there are of what else fails. */
  readonly failed?: number;
  /** Called with the connection. */
  readonly use?: (connection: Connection, code: () => unknown) => void;
  /** What never settles is not waited for. */
  readonly bounded?: true;
  /** Options in which the code stands, where it is none itself. */
  readonly put?: (code: () => unknown) => ConnectOptions;
}

/**
 * A connection with code that misbehaves: it comes to its end, and each call that fails is reported once, to `onError` or as
 * uncaught.
 */
const ofConnect =
  (
    name: string,
    {
      serve = events,
      options = {},
      due = (calls) => calls,
      goesOn,
      failed = 0,
      use,
      bounded,
      put,
    }: Place = {},
  ): Case =>
  async (bad) => {
    const url = await listen(serve);
    const seen: string[] = [];
    const told: unknown[] = [];
    let calls = 0;
    let connection: Connection | undefined;
    const made = bad.make(() => connection?.close()) as (...values: unknown[]) => unknown;
    const code = (...values: unknown[]): unknown => {
      calls += 1;
      return made(...values);
    };
    const all = {
      onMessage: ({ data }: { data: string }) => void seen.push(data),
      onError: (error: { cause?: unknown }) => void told.push(error.cause),
      retry: false,
      ...(bounded && { connectTimeoutMs: 20 }),
      ...options,
      ...(put === undefined ? use === undefined && { [name]: code } : put(code)),
    } as ConnectOptions;
    try {
      connection = connect(name === "url" ? (code as never) : url, all);
    } catch (error) {
      // The call itself throws, so the caller knows.
      expect(isForeign(error) || /Cannot connect/.test(String(error))).toBe(true);
      expectNothingUncaught();
      return;
    }
    use?.(connection, code);
    if (bad.kind === "never") await expect.poll(() => calls).toBeGreaterThan(0);
    const waits = bad.kind === "never" && !bounded;
    const verdict = await within(waits || goesOn?.(bad) ? 50 : 2_000, connection.ended);
    if (verdict === undefined) connection.close();
    expect((await connection.ended).reason).toMatch(/complete|truncated|gave-up|closed|failed/);
    expect(waits || goesOn?.(bad) === true || verdict !== undefined).toBe(true);
    await settle();
    const once = due(calls, bad);
    if (fails(bad)) {
      // Most errors have no cause: nothing shows that one has `undefined`.
      const causes = told.filter((cause) => cause !== undefined && isForeign(cause));
      const foreign = [...uncaught.filter(isForeign), ...causes];
      if (bad.thrown === undefined) expect(foreign.length).toBeLessThanOrEqual(once);
      else expect(foreign.map(shown)).toEqual(Array.from({ length: once }, () => shown(bad.thrown)));
    } else expect(uncaught.filter((error) => !isOurs(error)).map(shown)).toEqual([]);
    expect(uncaught.length).toBeLessThanOrEqual(calls + failed);
  };

/** What a mistake is called where it throws nothing by itself. */
const isOurs = (error: unknown): boolean => error instanceof TypeError;

/** Refuses, and says why. */
const refuses =
  (status: number): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { connection: "close" }).end("no");

/** Is cut off, and then complete. */
function cutsOnce(): RequestListener {
  let requests = 0;
  return (_request, response) => {
    requests += 1;
    if (requests > 1) return void response.writeHead(204, { connection: "close" }).end();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("id: 1\ndata: 1\n\n", () => response.destroy());
  };
}
/** As soon as it may be. */
const again: ConnectOptions = { retry: { baseMs: 100, capMs: 100, attempts: 2 } };

/** Comments, ids, and an end that is none. */
const talks: RequestListener = (_request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(":hello\n\nid: 1\ndata: 1\n\nid: 2\ndata: 2\n\ndata: 3\n\n");
};

const hook = (name: string, place: Place = {}): Case =>
  ofConnect(name, {
    serve: talks,
    ...place,
    put: (code) => ({ ...place.options, use: [() => ({ [name]: code })] as never }),
  });

/** What is given and not looked at fails nowhere. */
const unlessUnread = (calls: number, { kind }: Bad): number => (kind === "unreadable" ? 0 : calls);

/** A schema whose check misbehaves: the stream goes on to its end, and each message is taken or reported. */
const ofSchema: Case = async (bad) => {
  const url = await listen(events);
  const reported: unknown[] = [];
  let seen = 0;
  const validate = bad.make(() => connection.close());
  const schema = { "~standard": { version: 1, vendor: "foreign", validate } } as never;
  const connection = connect(url, {
    events: { message: schema } as never,
    retry: false,
    onMessage: () => void (seen += 1),
    onError: ({ code, cause }) => void (code === "invalid" && reported.push(cause)),
  });
  const ended = await within(500, connection.ended);
  connection.close();
  if (ended?.reason !== "closed" && bad.kind !== "never") expect(seen + reported.length).toBe(3);
  if (fails(bad)) expect(reported.map(shown)).toEqual([1, 2, 3].map(() => shown(bad.thrown)));
  expectNothingUncaught();
};

export const connectionCases: Readonly<Record<string, Case>> = {
  "Schema.~standard.validate": ofSchema,
  "ConnectOptions.onMessage": ofConnect("onMessage"),
  "ConnectOptions.onError": ofConnect("onError", { options: { until: () => false } }),
  "ConnectOptions.onGap": ofConnect("onGap"),
  "ConnectOptions.onOpen": ofConnect("onOpen"),
  "ConnectOptions.onState": ofConnect("onState"),
  "ConnectOptions.trace": ofConnect("trace"),
  "ConnectOptions.until": ofConnect("until"),
  "ConnectOptions.refresh": ofConnect("refresh", { serve: refuses(401) }),
  "ConnectOptions.resume": hurried(20, async (bad) =>
    ofConnect("resume", { serve: cutsOnce(), options: { ...again, method: "POST", body: "x" } })(bad),
  ),
  "ConnectOptions.headers": ofConnect("headers", { bounded: true }),
  "ConnectOptions.headers.forEach": ofConnect("headers", {
    due: unlessUnread,
    put: (forEach) => ({ headers: { forEach } }),
  }),
  "ConnectOptions.headers().forEach": ofConnect("headers", {
    due: unlessUnread,
    put: (forEach) => ({ headers: () => ({ forEach }) }),
  }),
  "ConnectOptions.cursorFrom": ofConnect("cursorFrom"),
  "ConnectOptions.cursorVia": ofConnect("cursorVia", { options: { lastEventId: "x" } }),
  "ConnectOptions.fetch": ofConnect("fetch"),
  "ConnectOptions.use[]": ofConnect("use", {
    due: unlessUnread,
    put: (feature) => ({ use: [feature as never] }),
  }),
  "connect(url)": ofConnect("url", { bounded: true, put: () => ({}) }),
  "Connection.on(handler)": ofConnect("on", {
    use: (connection, code) => void connection.on("message", code),
  }),
  "Hooks.canRepeat": hook("canRepeat", {
    goesOn: ({ given }) => !!given,
    options: { method: "POST", body: "x", ...again },
  }),
  "Hooks.comment": hook("comment"),
  "Hooks.cursor": hook("cursor"),
  "Hooks.decode": hook("decode"),
  "Hooks.handed": hook("handed"),
  "Hooks.handled": hook("handled"),
  "Hooks.heard": hook("heard"),
  "Hooks.isOld": hook("isOld"),
  "Hooks.lost": hook("lost"),
  "Hooks.mustHandle": hook("mustHandle", {
    options: { onMessage: () => Promise.reject(new TypeError("handler")) },
    failed: 3,
  }),
  "Hooks.prepare": hook("prepare", { bounded: true }),
  // What a refusal says is waited for two seconds.
  "Hooks.refused": hurried(100, hook("refused", { serve: refuses(404) })),
  "Hooks.refused()": ofConnect("refused", {
    serve: refuses(404),
    put: (code) => ({ use: [() => ({ refused: () => code })] as never }),
  }),
  "Hooks.request": hook("request"),
  "Hooks.response": hook("response"),
  "Hooks.restore": hook("restore"),
  "Hooks.state": hook("state"),
  "Hooks.until": hook("until"),
  "Hooks.wait": hook("wait"),
  "CursorStore.get": ofConnect("cursor", {
    put: (get) => ({ cursor: { get, set: () => undefined } as never }),
  }),
  "CursorStore.set": ofConnect("cursor", {
    serve: talks,
    put: (set) => ({ cursor: { get: () => null, set } }),
  }),
  // Where a browser forbids it, the page goes on without.
  "StorageLike.getItem": ofConnect("cursor", {
    due: (calls, { kind }) => (kind === "throws" ? 0 : calls),
    put: (getItem) => ({ cursor: storedCursor({ getItem, setItem: () => undefined } as never, "key") }),
  }),
  "StorageLike.setItem": ofConnect("cursor", {
    serve: talks,
    due: (calls, { kind }) => (kind === "rejects" ? calls : 0),
    put: (setItem) => ({ cursor: storedCursor({ getItem: () => null, setItem }, "key") }),
  }),
  "storedCursor(storage)": ofConnect("cursor", {
    serve: talks,
    due: (calls, { kind }) => (kind === "rejects" ? calls : 0),
    put: (storage) => ({ cursor: storedCursor(storage as never, "key") }),
  }),
  "ReadableDialect.verdictOf": ofConnect("dialect", {
    put: (verdictOf) => ({ dialect: { verdictOf } as never }),
  }),
  "Transport.open": ofConnect("transport", {
    goesOn: ({ kind }) => kind === "nonsense" || kind === "calls back",
    put: (open) => ({ transport: { name: "own", open } as never }),
  }),
  "Transport.open().abort": ofConnect("transport", {
    put: (abort) => ({
      transport: {
        name: "own",
        open(request, sink) {
          fetchTransport().open(request, sink);
          return { abort };
        },
      },
    }),
  }),
  "Transport.watch": ofConnect("transport", {
    put: (watch) => ({ transport: { ...fetchTransport(), watch } as never }),
  }),
  "Transport.watch()": ofConnect("transport", {
    put: (unwatch) => ({ transport: { ...fetchTransport(), watch: () => unwatch } }),
  }),
  "SignalLike.addEventListener": ofConnect("signal", {
    due: (calls, { kind }) => (kind === "rejects" ? calls : 0),
    put: (addEventListener) => ({ signal: { aborted: false, addEventListener } }),
  }),
  "idle(idleMs)": ofConnect("idle", {
    due: unlessUnread,
    put: (idleMs) => ({ use: [idle(idleMs as never)] }),
  }),
  "refusals(createDecode)": hurried(
    100,
    ofConnect("refusals", {
      serve: refuses(404),
      due: unlessUnread,
      // What it gave is no decoder.
      failed: 1,
      put: (createDecode) => ({ use: [refusals(createDecode as never)] }),
    }),
  ),
  "refusals(createDecode)()": ofConnect("refusals", {
    serve: refuses(404),
    due: unlessUnread,
    put: (decode) => ({ use: [refusals(() => decode as never)] }),
  }),
};
