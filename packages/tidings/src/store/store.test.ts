import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { z } from "zod";
import { createWorld, type World } from "../../../../test/support/client-world.ts";
import type { DecodedMessage, EventStreamError } from "../client/index.ts";
import { share } from "../client/share.ts";
import type { ParsedMessage } from "../wire/message.ts";
import { nextFrame } from "./frame.ts";
import { createStore, renewableStore } from "./store.ts";
import type { View } from "./view.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Frames that come when the test says so. */
function createFrames() {
  const waiting = new Set<() => void>();
  return {
    waiting,
    frame: (tell: () => void) => {
      waiting.add(tell);
      return () => void waiting.delete(tell);
    },
    draw() {
      const due = [...waiting];
      waiting.clear();
      for (const tell of due) tell();
    },
  };
}

const append = (list: readonly string[], { data }: ParsedMessage): readonly string[] => [...list, data];

function scripted() {
  const world = createWorld();
  const frames = createFrames();
  const { transport, clock } = world;
  return { world, frames, options: { transport, clock, frame: frames.frame } };
}

function open() {
  const { world, frames, options } = scripted();
  const store = renewableStore<readonly string[]>("https://a.example/", {
    ...options,
    initial: [],
    reduce: append,
  });
  const seen: View<readonly string[]>[] = [];
  const leave = store.subscribe(() => seen.push(store.get()));
  return { world, frames, options, store, seen, leave };
}

async function send(world: World, text: string): Promise<void> {
  void world.last.send(text);
  await world.settle();
}

describe("a store", () => {
  test("opens nothing before somebody looks, one connection for all who do, and closes when the last has gone", async () => {
    const { world, options } = scripted();
    const store = createStore("https://a.example/", options);
    expect(world.attempts).toHaveLength(0);
    expect(store.get()).toEqual({
      data: undefined,
      state: "connecting",
      error: undefined,
      verdict: undefined,
      lastEventId: "",
    });
    const leave = [store.subscribe(() => {}), store.subscribe(() => {})];
    expect(world.attempts).toHaveLength(1);
    for (const one of leave) one();
    vi.advanceTimersByTime(0);
    expect(world.last.aborted).toBe(true);
    expect(world.timers).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    await world.settle();
    expect(store.get().verdict).toBeUndefined();
  });

  test("keeps its connection when it is left and looked at again in one task, as by StrictMode and hot reload", async () => {
    const { world, frames, store, leave } = open();
    world.last.respond();
    await send(world, "data: 1\n\n");
    leave();
    await send(world, "data: 2\n\n");
    const seen: unknown[] = [];
    store.subscribe(() => seen.push(store.get().data));
    vi.runAllTimers();
    await send(world, "data: 3\n\n");
    frames.draw();
    expect(world.attempts).toHaveLength(1);
    expect(seen).toEqual([["1", "2", "3"]]);
  });

  test("keeps it for lingerMs if asked to", () => {
    const { world, options } = scripted();
    const store = createStore("https://a.example/", { ...options, lingerMs: 5_000 });
    store.subscribe(() => {})();
    vi.advanceTimersByTime(4_999);
    expect(world.last.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(world.last.aborted).toBe(true);
  });

  test("leaving twice is leaving once", () => {
    const { world, store, leave } = open();
    const other = store.subscribe(() => {});
    leave();
    leave();
    vi.runAllTimers();
    expect(world.last.aborted).toBe(false);
    other();
    vi.runAllTimers();
    expect(world.last.aborted).toBe(true);
  });

  test("opens nothing without a URL, and says closed", () => {
    const { world, options } = scripted();
    for (const url of [null, undefined, ""]) {
      const store = createStore(url, options);
      store.subscribe(() => {})();
      store.reopen();
      vi.runAllTimers();
      expect(store.get().state).toBe("closed");
    }
    expect(world.attempts).toHaveLength(0);
  });

  test("lets a mistake in the call through to whoever makes it or looks", () => {
    const { options } = scripted();
    const store = createStore("/relative", { frame: options.frame });
    for (let looks = 0; looks < 2; looks += 1)
      expect(() => store.subscribe(() => {})).toThrow(/Cannot connect: url is "\/relative"/);
    expect(() => createStore("/", { keepLast: 0 })).toThrow(
      "Cannot make store: keepLast is 0, expected a whole number above 0",
    );
    expect(() => createStore("/", { keepLast: 1.5 })).toThrow(RangeError);
  });
});

describe("telling", () => {
  test("happens once a frame, whatever came, in order; the view between frames is the same object", async () => {
    const { world, frames, store, seen } = open();
    const first = store.get();
    world.last.respond();
    for (let i = 0; i < 1_000; i += 1) await send(world, `data: ${i}\n\n`);
    expect(store.get()).toBe(first);
    expect(seen).toEqual([]);
    frames.draw();
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ state: "open", data: Array.from({ length: 1_000 }, (_, i) => `${i}`) });
    frames.draw();
    expect(seen).toHaveLength(1);
    await send(world, "id: 7\ndata: x\n\n");
    frames.draw();
    expect(seen).toHaveLength(2);
    expect(seen[1]!.lastEventId).toBe("7");
  });

  test("comes to all who look, and to none who has left", async () => {
    const { world, frames, store, leave, seen } = open();
    let others = 0;
    store.subscribe(() => (others += 1));
    leave();
    world.last.respond();
    frames.draw();
    expect(seen).toEqual([]);
    expect(others).toBe(1);
  });

  test("is in the next animation frame, or after 250 ms where those stand still", () => {
    const waiting = new Map<number, () => void>();
    vi.stubGlobal("requestAnimationFrame", (run: () => void) => {
      waiting.set(waiting.size + 1, run);
      return waiting.size;
    });
    vi.stubGlobal("cancelAnimationFrame", (handle: number) => waiting.delete(handle));
    let told = 0;
    nextFrame(() => (told += 1));
    waiting.get(1)!();
    vi.runAllTimers();
    expect(told).toBe(1);
    waiting.clear();
    nextFrame(() => (told += 1));
    vi.advanceTimersByTime(249);
    expect(told).toBe(1);
    vi.advanceTimersByTime(1);
    expect(told).toBe(2);
    expect(waiting.size).toBe(0);
    nextFrame(() => (told += 1))();
    vi.runAllTimers();
    expect([told, waiting.size]).toEqual([2, 0]);
  });

  test("is some 60 times a second where there are no frames", () => {
    let told = 0;
    nextFrame(() => (told += 1));
    vi.advanceTimersByTime(16);
    expect(told).toBe(1);
  });
});

describe("data", () => {
  test("is the newest message by default", async () => {
    const { world, frames, options } = scripted();
    const store = createStore("https://a.example/", options);
    store.subscribe(() => {});
    world.last.respond();
    await send(world, "data: 1\n\nid: 2\nevent: price\ndata: 2\n\n");
    frames.draw();
    expect(store.get().data).toEqual({ event: "price", data: "2", id: "2" });
    expect(store.get().lastEventId).toBe("2");
  });

  test("is a list of the newest with keepLast: another list only when there is another message", async () => {
    const { world, frames, options } = scripted();
    const store = createStore("https://a.example/", { ...options, keepLast: 3 });
    expect(store.get().data).toEqual([]);
    store.subscribe(() => {});
    world.last.respond();
    const texts = () => store.get().data.map(({ data }) => data);
    for (let i = 1; i <= 2; i += 1) await send(world, `data: ${i}\n\n`);
    frames.draw();
    expect(texts()).toEqual(["1", "2"]);
    for (let i = 3; i <= 20; i += 1) await send(world, `data: ${i}\n\n`);
    const before = store.get().data;
    expect(before).toHaveLength(2);
    frames.draw();
    expect(texts()).toEqual(["18", "19", "20"]);
    const list = store.get().data;
    world.last.end();
    await world.settle();
    frames.draw();
    expect(store.get().state).toBe("waiting");
    expect(store.get().data).toBe(list);
  });

  test("begins with initial, a list of messages that a server rendered too", async () => {
    const { world, frames, options } = scripted();
    const store = createStore("https://a.example/", {
      ...options,
      keepLast: 2,
      initial: [{ event: "message", data: "0", id: "4" }],
      lastEventId: "4",
    });
    store.subscribe(() => {});
    expect(world.last.request.headers["last-event-id"]).toBe("4");
    world.last.respond();
    await send(world, "id: 5\ndata: 1\n\n");
    frames.draw();
    expect(store.get().data.map(({ id }) => id)).toEqual(["4", "5"]);
  });

  test("that is the same value and another state are another view; nothing new is none", async () => {
    const { world, frames, options } = scripted();
    let tellings = 0;
    const store = createStore("https://a.example/", { ...options, initial: 0, reduce: (count) => count });
    store.subscribe(() => (tellings += 1));
    world.last.respond();
    frames.draw();
    expect(tellings).toBe(1);
    frames.draw();
    expect(tellings).toBe(1);
  });

  test("of a reducer that throws ends with what there was, as truncated, and the error is reported as uncaught", async () => {
    const { world, frames, options } = scripted();
    const uncaught: unknown[] = [];
    const listener = (reason: unknown) => void uncaught.push(reason);
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection").on("unhandledRejection", listener);
    const mistake = new TypeError("no such token");
    const errors: EventStreamError[] = [];
    const store = createStore("https://a.example/", {
      ...options,
      initial: "",
      reduce(text, { data }) {
        if (data === "bad") throw mistake;
        return text + data;
      },
      onError: (error) => void errors.push(error),
    });
    store.subscribe(() => {});
    world.last.respond();
    await send(world, "id: 1\ndata: a\n\nid: 2\ndata: bad\n\nid: 3\ndata: c\n\n");
    frames.draw();
    const { data, state, error, verdict, lastEventId } = store.get();
    expect({ data, state, lastEventId }).toEqual({ data: "a", state: "closed", lastEventId: "1" });
    expect(error).toMatchObject({ code: "handler", cause: mistake, willRetry: false });
    expect(error!.message).toBe('Cannot reduce message "message": TypeError: no such token');
    expect(verdict).toEqual({ reason: "truncated", cause: error });
    expect(errors).toEqual([error]);
    expect(world.last.aborted).toBe(true);
    await new Promise((resolve) => void setImmediate(resolve));
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other as never);
    expect(uncaught).toEqual([mistake]);
  });
});

describe("errors and ends", () => {
  test("the error stands while the stream does not flow, and not for a message that was passed over", async () => {
    const { world, frames, options } = scripted();
    const errors: string[] = [];
    const store = createStore("https://a.example/", {
      ...options,
      json: true,
      onError: ({ code }) => void errors.push(code),
    });
    store.subscribe(() => {});
    world.last.respond(503);
    await world.settle();
    frames.draw();
    expect(store.get()).toMatchObject({ state: "waiting", error: { code: "status", status: 503 } });
    await world.advance(2_000);
    world.last.respond();
    await send(world, "data: not JSON\n\n");
    frames.draw();
    expect(store.get()).toMatchObject({ state: "open", error: undefined, verdict: undefined });
    expect(errors).toEqual(["status", "invalid"]);
  });

  test.each([
    ["complete", "event: done\ndata: !\n\n", { reason: "complete" }],
    ["truncated", "data: b\n\nda", { reason: "truncated" }],
  ])("a %s answer says so", async (_, rest, verdict) => {
    const { world, frames, options } = scripted();
    const store = createStore("https://a.example/", {
      ...options,
      method: "POST",
      body: { q: "?" },
      until: "done",
      initial: "",
      reduce: (text, { event, data }) => (event === "message" ? text + data : text),
    });
    store.subscribe(() => {});
    world.last.respond();
    await send(world, "data: a\n\n");
    await send(world, rest);
    world.last.end();
    await world.settle();
    frames.draw();
    const view = store.get();
    expect(view).toMatchObject({ state: "closed", verdict });
    expect(view.error).toBe(view.verdict!.cause);
    expect(view.data).toBe(_ === "complete" ? "a" : "ab");
    // Whoever looks again sees the answer, and does not ask for another.
    vi.runAllTimers();
    store.subscribe(() => {});
    expect(world.attempts).toHaveLength(1);
  });

  test("a refusal is gave-up", async () => {
    const { world, frames, store } = open();
    world.last.respond(404);
    await world.settle();
    frames.draw();
    expect(store.get()).toMatchObject({ verdict: { reason: "gave-up" }, error: { status: 404 } });
  });

  test("an abort is no error", async () => {
    const { world, frames, options } = scripted();
    const abort = new AbortController();
    const store = createStore("https://a.example/", { ...options, signal: abort.signal });
    store.subscribe(() => {});
    world.last.respond();
    abort.abort("enough");
    await world.settle();
    frames.draw();
    expect(store.get()).toMatchObject({ verdict: { reason: "aborted", cause: "enough" }, error: undefined });
  });

  test("close keeps the data and is final until reopen", async () => {
    const { world, frames, store } = open();
    world.last.respond();
    await send(world, "data: 1\n\n");
    store.close();
    expect(world.last.aborted).toBe(true);
    await send(world, "data: 2\n\n");
    frames.draw();
    expect(store.get()).toMatchObject({ state: "closed", data: ["1"], verdict: { reason: "closed" } });
    store.subscribe(() => {});
    expect(world.attempts).toHaveLength(1);
    store.reopen();
    frames.draw();
    expect(world.attempts).toHaveLength(2);
    expect(store.get()).toMatchObject({ state: "connecting", verdict: undefined });
  });
});

describe("coming back", () => {
  test("goes on from the last event ID with the data as it is", async () => {
    const { world, frames, store, leave } = open();
    world.last.respond();
    await send(world, "id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n");
    leave();
    vi.runAllTimers();
    expect(store.get()).toMatchObject({ data: ["1", "2"], state: "connecting" });
    store.subscribe(() => {});
    expect(world.attempts).toHaveLength(2);
    expect(world.last.request.headers["last-event-id"]).toBe("2");
    world.last.respond();
    await send(world, "id: 3\ndata: 3\n\n");
    frames.draw();
    expect(store.get().data).toEqual(["1", "2", "3"]);
  });

  test("begins anew from initial without one, since the stream does", async () => {
    const { world, frames, store, leave } = open();
    world.last.respond();
    await send(world, "data: 1\n\n");
    leave();
    vi.runAllTimers();
    store.subscribe(() => {});
    world.last.respond();
    await send(world, "data: 1\n\n");
    frames.draw();
    expect(store.get().data).toEqual(["1"]);
  });

  test("is from the last message that was reduced, not from one that still waits for a handler", async () => {
    const { world, options } = scripted();
    const store = createStore("https://a.example/", {
      ...options,
      keepLast: 9,
      onMessage: () => new Promise(() => {}),
    });
    store.subscribe(() => {});
    world.last.respond();
    await send(world, "id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n");
    store.reopen();
    expect(world.last.request.headers["last-event-id"]).toBe("1");
  });

  test("the connection that was left says nothing any more", async () => {
    const { world, frames, store } = open();
    const [old] = world.attempts;
    old!.respond();
    store.reopen();
    world.last.respond();
    void old!.send("data: old\n\n");
    old!.end();
    await send(world, "data: new\n\n");
    frames.draw();
    expect(store.get()).toMatchObject({ state: "open", data: ["new"], error: undefined });
  });
});

describe("options that come anew", () => {
  test("options other than functions, headers and body stay as they were when it was opened: keepLast", async () => {
    const { world, frames, options } = scripted();
    const store = renewableStore<readonly unknown[] | undefined>("https://a.example/", {
      ...options,
      keepLast: 2,
    });
    store.subscribe(() => {});
    world.last.respond();
    for (const keepLast of [2, undefined, 1]) {
      store.renew({ ...options, keepLast });
      await send(world, "data: x\n\ndata: y\n\ndata: z\n\n");
      frames.draw();
      expect(store.get()).toMatchObject({ state: "open", data: [{ data: "y" }, { data: "z" }] });
    }
    store.close();
  });

  test("have their functions, headers and body used from then on, without another connection", async () => {
    const { world, frames, options, store } = open();
    const calls: string[] = [];
    const renewed = (name: string) => ({
      ...options,
      initial: [],
      reduce: (list: readonly string[], { data }: ParsedMessage) => [...list, `${name} ${data}`],
      headers: { "x-name": name },
      onMessage: () => void calls.push(name),
      onState: (state: string) => void calls.push(`${name} ${state}`),
    });
    world.last.respond();
    store.renew(renewed("one"));
    await send(world, "data: 1\n\n");
    store.renew(renewed("two"));
    await send(world, "data: 2\n\n");
    expect(world.attempts).toHaveLength(1);
    frames.draw();
    expect(store.get().data).toEqual(["one 1", "two 2"]);
    expect(calls).toEqual(["one", "two"]);
    store.reopen();
    store.renew(renewed("three"));
    expect(world.last.request.headers["x-name"]).toBe("two");
    world.last.end();
    await world.advance(5_000);
    expect(world.last.request.headers["x-name"]).toBe("three");
  });

  test("what opens connections in another way gets what was given", () => {
    const given: unknown[] = [];
    let closed = 0;
    const headers = { a: "1" };
    const store = createStore("/x", {
      headers,
      body: () => "b",
      connect(url, options) {
        given.push(url, options.headers, typeof options.body);
        return { ended: new Promise(() => {}), close: () => void (closed += 1) };
      },
    });
    store.subscribe(() => {})();
    vi.runAllTimers();
    expect(given).toEqual(["/x", headers, "function"]);
    expect(closed).toBe(1);
  });
});

test("types say what data is", () => {
  const price = z.object({ bid: z.number() });
  expectTypeOf(createStore("/").get().data).toEqualTypeOf<ParsedMessage | undefined>();
  expectTypeOf(createStore("/", { json: true }).get().data).toEqualTypeOf<DecodedMessage | undefined>();
  expectTypeOf(createStore("/", { keepLast: 9 }).get().data).toEqualTypeOf<readonly ParsedMessage[]>();
  type Message = DecodedMessage<"price", { bid: number }> | DecodedMessage<"halt", string>;
  const events = { price, halt: v.string() };
  expectTypeOf(createStore("/", { events }).get().data).toEqualTypeOf<Message | undefined>();
  expectTypeOf(createStore("/", { events, keepLast: 9 }).get().data).toEqualTypeOf<readonly Message[]>();
  const total = createStore("/", {
    events,
    initial: 0,
    reduce(sum, message) {
      expectTypeOf(message).toEqualTypeOf<Message>();
      return message.event === "price" ? sum + message.data.bid : sum;
    },
    onMessage: (message) => expectTypeOf(message).toEqualTypeOf<Message>(),
  });
  expectTypeOf(total.get().data).toEqualTypeOf<number>();
  // @ts-expect-error -- What reduces needs something to begin with.
  createStore("/", { reduce: (sum: number) => sum });
  // @ts-expect-error -- A list is reduced, or kept.
  createStore("/", { initial: [], reduce: (list: string[]) => list, keepLast: 9 });
});

describe("what is not ours", () => {
  test("a subscriber that throws is reported, and the others hear", async () => {
    const listeners = process.listeners("unhandledRejection");
    const uncaught: unknown[] = [];
    process
      .removeAllListeners("unhandledRejection")
      .on("unhandledRejection", (error) => uncaught.push(error));
    const { world, frames, store } = open();
    const boom = new Error("boom");
    const heard: string[] = [];
    store.subscribe(() => {
      throw boom;
    });
    store.subscribe(() => heard.push(store.get().state));
    world.last.respond();
    await send(world, "data: 1\n\n");
    frames.draw();
    vi.useRealTimers();
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
    expect([heard, uncaught]).toEqual([["open"], [boom]]);
  });

  test("a frame that throws is reported, and the next frame of the platform draws", async () => {
    const listeners = process.listeners("unhandledRejection");
    const uncaught: unknown[] = [];
    process
      .removeAllListeners("unhandledRejection")
      .on("unhandledRejection", (error) => uncaught.push(error));
    const { world, options } = scripted();
    const boom = new Error("boom");
    const store = createStore("https://a.example/", {
      ...options,
      frame: () => {
        throw boom;
      },
    });
    store.subscribe(() => {});
    world.last.respond();
    await send(world, "data: 1\n\n");
    await vi.advanceTimersByTimeAsync(300);
    expect(store.get().data?.data).toBe("1");
    store.close();
    vi.useRealTimers();
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
    expect(new Set(uncaught)).toEqual(new Set([boom]));
  });
});

test("share fits as connect, with a name and headers from a function", () => {
  const make = () =>
    createStore("/prices", { connect: share, name: "prices", headers: () => ({ token: "t" }) });
  expect(make).not.toThrow();
});
