/** What a store takes: the options of connections by another way, a reducer, frames, what opens connections, and who looks. */
import { expect } from "vitest";
import { connect, type Connection, type ConnectOptions } from "../../packages/tidings/src/client/index.ts";
import { shareOver } from "../../packages/tidings/src/client/share.ts";
import { createStore, nextFrame } from "../../packages/tidings/src/store/index.ts";
import { type Bad, fails, isForeign, shown } from "./bad-code.ts";
import { type Case, events, hurried, listen, settle, uncaught } from "./harness.ts";

interface Place {
  readonly due?: (calls: number, bad: Bad) => number;
  readonly options?: object;
  readonly put?: (code: () => unknown) => object;
  /** Whether whoever looks is told, whatever the code does. */
  readonly tells?: (bad: Bad) => boolean;
}

/** A store with code that misbehaves: whoever looks hears of it, and each call that fails is reported once. */
const ofStore =
  (name: string, { due = (calls) => calls, options = {}, put, tells = () => true }: Place = {}): Case =>
  async (bad) => {
    const url = await listen(events);
    const told: unknown[] = [];
    let calls = 0;
    const made = bad.make(() => store.close()) as (...values: unknown[]) => unknown;
    const code = (...values: unknown[]): unknown => {
      calls += 1;
      return made(...values);
    };
    const store = createStore(url, {
      retry: false,
      onError: (error: { cause?: unknown }) => void told.push(error.cause),
      ...options,
      ...(put === undefined ? { [name]: code } : put(code)),
    });
    const heard: unknown[] = [];
    let leave = (): void => undefined;
    try {
      leave = store.subscribe(() => void heard.push(store.get()));
    } catch (error) {
      // Whoever looks is told, as of a mistake in the call.
      expect(isForeign(error) || error instanceof TypeError).toBe(true);
      leave();
      store.close();
      await settle();
      expect(uncaught.map(shown)).toEqual(bad.kind === "rejects" ? [shown(bad.thrown)] : []);
      return;
    }
    const isEnding = bad.kind !== "never" && tells(bad);
    if (!isEnding) await expect.poll(() => calls).toBeGreaterThan(0);
    for (let turn = 0; turn < (isEnding ? 200 : 5) && store.get().verdict === undefined; turn += 1)
      await settle();
    if (isEnding) expect(store.get().verdict).toBeDefined();
    store.close();
    leave();
    await settle();
    if (fails(bad)) {
      const causes = told.filter((cause) => cause !== undefined && isForeign(cause));
      const foreign = [...uncaught.filter(isForeign), ...causes];
      const once = due(calls, bad);
      if (bad.thrown === undefined) expect(foreign.length).toBeLessThanOrEqual(once);
      else expect(foreign.map(shown)).toEqual(Array.from({ length: once }, () => shown(bad.thrown)));
    } else expect(uncaught.filter((error) => !(error instanceof TypeError)).map(shown)).toEqual([]);
  };

/** Those who look: one of them misbehaves, and the other hears. */
const ofListener: Case = async (bad) => {
  const url = await listen(events);
  const store = createStore(url, { retry: false });
  const heard: unknown[] = [];
  let calls = 0;
  const made = bad.make(() => store.close());
  store.subscribe(() => {
    calls += 1;
    return made() as void;
  });
  store.subscribe(() => void heard.push(store.get()));
  await expect.poll(() => heard.length).toBeGreaterThan(0);
  await settle();
  store.close();
  await settle();
  await expect.poll(() => store.get().verdict).toBeDefined();
  await settle();
  expect(uncaught.map(shown)).toEqual(
    Array.from({ length: fails(bad) ? calls : 0 }, () => shown(bad.thrown)),
  );
};

/** As for `connect`, by way of `share` where there is nothing to share with. */
const ofShare =
  (name: keyof ConnectOptions): Case =>
  async (bad) => {
    const url = await listen(events);
    let calls = 0;
    let connection: Connection | undefined;
    const made = bad.make(() => connection?.close());
    const code = (...values: never[]): unknown => {
      calls += 1;
      return made(...values);
    };
    connection = shareOver(undefined, url, { [name]: code }) as unknown as Connection;
    connection.on("message", () => undefined);
    await expect.poll(() => calls).toBeGreaterThan(0);
    connection.close();
    await connection.ended;
    await settle();
    expect(uncaught.map(shown)).toEqual(
      Array.from({ length: fails(bad) ? calls : 0 }, () => shown(bad.thrown)),
    );
  };

const reducing = { initial: 0, reduce: (sum: number) => sum + 1 };
const unread = (calls: number, { kind }: Bad): number => (kind === "unreadable" ? 0 : calls);

const cases: Readonly<Record<string, Case>> = {
  "StoreOptions.onMessage": ofStore("onMessage"),
  "StoreOptions.onError": ofStore("onError", { due: unread, options: { until: () => false } }),
  "StoreOptions.onGap": ofStore("onGap"),
  "StoreOptions.onOpen": ofStore("onOpen", { due: unread }),
  "StoreOptions.onState": ofStore("onState", { due: unread }),
  "StoreOptions.trace": ofStore("trace"),
  "StoreOptions.until": ofStore("until"),
  "StoreOptions.headers": ofStore("headers"),
  "createStore(url)": ofStore("url", {
    put: (url) => ({ connect: (_: string, options: ConnectOptions) => connect(url as never, options) }),
  }),
  // An error that is a mistake in the program is told to `onError`, and where those are.
  "Reducing.reduce": ofStore("reduce", {
    options: { initial: 0 },
    due: (calls, { kind }) => (kind === "throws" ? 2 * calls : kind === "rejects" ? calls : 0),
  }),
  "StoreOptions.frame": ofStore("frame", {
    options: reducing,
    due: unread,
    // A frame that fails is replaced by the platform's. One that comes never comes.
    tells: ({ kind }) => kind === "throws",
  }),
  "StoreOptions.frame()": ofStore("frame", {
    options: reducing,
    put: (callOff) => ({
      frame: (tell: () => void) => {
        nextFrame(tell);
        return callOff;
      },
    }),
  }),
  "StoreOptions.connect": ofStore("connect", { tells: () => false }),
  // Whoever looks sees it.
  "Opened.ended": ofStore("connect", {
    due: () => 0,
    tells: ({ kind }) => kind !== "nonsense" && kind !== "unreadable" && kind !== "calls back",
    put: (ended) => ({
      connect: () => ({
        ended: {
          then: (take: never, fail: never) =>
            (Promise.resolve().then(ended) as Promise<never>).then(take, fail),
        },
        close: () => undefined,
      }),
    }),
  }),
  "Opened.close": ofStore("connect", {
    put: (close) => ({
      connect: (url: string, options: ConnectOptions) => {
        const { ended } = connect(url, options);
        return { ended, close };
      },
    }),
  }),
  "Store.subscribe(tell)": ofListener,
  "ShareOptions.onMessage": ofShare("onMessage"),
  "ShareOptions.onOpen": ofShare("onOpen"),
  "ShareOptions.onState": ofShare("onState"),
  "ShareOptions.trace": ofShare("trace"),
};

// A frame has 16 milliseconds.
export const storeCases: Readonly<Record<string, Case>> = Object.fromEntries(
  Object.entries(cases).map(([name, run]) => [name, hurried(16, run)]),
);
