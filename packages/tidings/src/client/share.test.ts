import { describe, expect, test, vi } from "vitest";

import {
  chanceFrom,
  createShareWorld,
  type ShareWorld,
  type Tab,
} from "../../../../test/support/share/share-world.ts";
import { EventStreamError } from "./core/event-stream-error.ts";
import { shareName } from "./share/share-name.ts";
import { share, type ShareOptions } from "./share.ts";

// More, and others: SHARE_SEEDS=2000 SHARE_FIRST_SEED=1001 npx vitest --project unit client/share
const SEEDS = Number(process.env["SHARE_SEEDS"] ?? 60);
const FIRST_SEED = Number(process.env["SHARE_FIRST_SEED"] ?? 1);

const upTo = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);

describe("share()", () => {
  test("reads once for all tabs, and tells each of them everything", async () => {
    const world = await openWorld(12);
    world.publish(100);
    await world.advance(1000);
    for (const { numbers } of world.tabs) expect(numbers).toEqual(upTo(1, 100));
    expect(world.mostConnections).toBe(1);
    expect(rolesOf(world)).toEqual(["leader", ...Array<string>(11).fill("follower")]);
    for (const { connection } of world.tabs) {
      expect([connection.state, connection.lastEventId]).toEqual(["open", world.cursorOf(100)]);
    }
  });

  test("a callback that throws is reported, and changes nothing else", async () => {
    const mistake = new Error("the application's mistake");
    const uncaught = vi.fn();
    vi.stubGlobal("reportError", uncaught);
    const failing = () => {
      throw mistake;
    };
    const world = await openWorld(3, { onOpen: failing, onState: failing, onError: failing });
    world.publish(2);
    await world.advance(50);
    expect(world.tabs.map(({ numbers }) => numbers)).toEqual([upTo(1, 2), upTo(1, 2), upTo(1, 2)]);
    expect(uncaught.mock.calls.length).toBeGreaterThanOrEqual(6);
    expect(new Set(uncaught.mock.calls.flat())).toEqual(new Set([mistake]));
    vi.unstubAllGlobals();
  });

  test("a page that is shown again keeps its place, though the stream says nothing but that it is alive", async () => {
    const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    const page = new EventTarget();
    vi.stubGlobal("navigator", { onLine: true });
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    vi.stubGlobal("document", document);
    const told: string[] = [];
    const world = await openWorld(2, {
      onState: (state) => void told.push(state),
      onError: (error) => void told.push(error.message),
    });
    for (const state of ["hidden", "visible"]) {
      document.visibilityState = state;
      document.dispatchEvent(new Event("visibilitychange"));
      for (let beats = 0; beats < 10; beats++) {
        world.say(":\n\n");
        await world.advance(5000);
      }
    }
    expect([told, rolesOf(world), world.connections]).toEqual([["open", "open"], ["leader", "follower"], 1]);
    vi.unstubAllGlobals();
  });

  test("close() ends one tab, and another takes over from where the leader stood", async () => {
    const world = await openWorld(3);
    world.publish(2);
    await world.advance(1000);
    world.tabs[0]!.connection.close();
    world.publish(2);
    await world.advance(1000);
    expect(world.tabs.map(({ numbers }) => numbers)).toEqual([upTo(1, 2), upTo(1, 4), upTo(1, 4)]);
    expect(rolesOf(world)).toEqual(["follower", "leader", "follower"]);
    expect([world.connections, world.channels]).toEqual([1, 2]);
    expect(await world.tabs[0]!.connection.ended).toEqual({ reason: "closed" });
  });

  test("a leader that is silent loses its role within takeoverMs and a little, and learns it when it wakes", async () => {
    const world = await openWorld(3, { takeoverMs: 4000 });
    world.tabs[0]!.freeze(false);
    world.publish(1);
    await world.advance(3000);
    expect(rolesOf(world)).toEqual(["leader", "follower", "follower"]);
    await world.advance(2500);
    expect(rolesOf(world).filter((role) => role === "leader")).toHaveLength(2);
    world.tabs[0]!.thaw();
    world.publish(1);
    await world.advance(5000);
    expect(rolesOf(world)[0]).toBe("follower");
    for (const { numbers } of world.tabs) expect(numbers).toEqual([1, 2]);
    expect(world.connections).toBe(1);
  });

  test("a quiet stream costs no tab its lead, however long it is quiet", async () => {
    const world = await openWorld(4);
    await world.advance(3_600_000);
    expect(rolesOf(world)).toEqual(["leader", "follower", "follower", "follower"]);
    expect(world.mostConnections).toBe(1);
  });

  describe("a tab that joins", () => {
    test("without a cursor gets what comes from now on, and has a cursor at once", async () => {
      const world = await openWorld(1);
      world.publish(3);
      await world.advance(1000);
      const tab = await world.open();
      await world.advance(1000);
      expect(tab.connection.lastEventId).toBe(world.cursorOf(3));
      world.publish(1);
      await world.advance(1000);
      expect(tab.numbers).toEqual([4]);
    });

    test("with a cursor that the leader still knows gets what it missed from the leader", async () => {
      const world = await openWorld(1);
      world.publish(5);
      await world.advance(1000);
      const tab = await world.open({ lastEventId: world.cursorOf(2) });
      await world.advance(1000);
      expect(tab.numbers).toEqual([3, 4, 5]);
      expect(world.mostConnections).toBe(1);
    });

    test("with an older cursor asks the server, over a connection that ends when it has caught up", async () => {
      const world = await openWorld(1, { maxRecentMessages: 2 });
      world.publish(5);
      await world.advance(1000);
      const tab = await world.open({ lastEventId: world.cursorOf(0) });
      await world.advance(1000);
      expect(tab.numbers).toEqual(upTo(1, 5));
      expect([world.mostConnections, world.connections, tab.connection.role]).toEqual([2, 1, "follower"]);
      world.publish(1);
      await world.advance(1000);
      expect(tab.numbers).toEqual(upTo(1, 6));
    });

    test("without a cursor begins as the server begins, by default, and with what comes from now on if asked to", async () => {
      for (const [begin, ids, most] of [
        [undefined, "cursors", 2],
        [undefined, "opaque", 2],
        ["now", "cursors", 1],
      ] as const) {
        const world = createShareWorld(chanceFrom(1), ids);
        await world.open();
        await world.advance(1000);
        world.publish(3);
        await world.advance(1000);
        const tab = await world.open(begin ? { begin } : {});
        await world.advance(1000);
        world.publish(1);
        await world.advance(1000);
        expect([begin, ids, world.mostConnections, world.connections]).toEqual([begin, ids, most, 1]);
        expect(tab.numbers).toEqual([4]);
      }
    });

    test("without a cursor begins now where the stream has no ids, by which the two could meet", async () => {
      const world = createShareWorld(chanceFrom(1), "none");
      await world.open();
      await world.advance(1000);
      world.say("data: 1\n\n");
      await world.advance(1000);
      const tab = await world.open();
      await world.advance(1000);
      world.say("data: 2\n\n");
      await world.advance(1000);
      expect([tab.numbers, world.mostConnections]).toEqual([[2], 1]);
    });

    test("and begins with a request gets what the server begins with", async () => {
      const world = await openWorld(1);
      world.publish(5);
      await world.advance(1000);
      const tab = await world.open({ begin: "request" });
      await world.run(1);
      expect(world.mostConnections).toBe(1);
      await world.advance(1000);
      expect([world.mostConnections, world.connections]).toEqual([2, 1]);
      world.publish(1);
      await world.advance(1000);
      expect(tab.numbers).toEqual([6]);
    });
  });

  describe("the end", () => {
    test("that the server sets reaches all tabs as complete", async () => {
      const world = await openWorld(3);
      world.refuse(204);
      world.cut();
      await world.advance(60_000);
      for (const { connection } of world.tabs) expect(await connection.ended).toEqual({ reason: "complete" });
      expect([world.connections, world.locks, world.channels]).toEqual([0, 0, 0]);
    });

    test("that until names reaches all tabs, though the leader leaves on that very message", async () => {
      const world = await openWorld(1, { until: "done" });
      const other = await world.open();
      await world.advance(1000);
      world.say("event: done\nid: z\ndata: 1\n\n");
      await world.advance(1000);
      for (const { connection, numbers } of [world.tabs[0]!, other]) {
        expect(numbers).toEqual([1]);
        expect(await connection.ended).toEqual({ reason: "complete" });
      }
      expect([world.connections, world.locks, world.channels]).toEqual([0, 0, 0]);
    });

    test("that is a refusal reaches all tabs with what the server said, and every error before it", async () => {
      const errors: string[] = [];
      const world = await openWorld(2, {
        onError: ({ code, status, willRetry }) => void errors.push(`${code} ${status} ${willRetry}`),
      });
      world.refuse(404);
      world.cut();
      await world.advance(60_000);
      for (const { connection } of world.tabs) {
        const verdict = await connection.ended;
        expect(verdict).toMatchObject({
          reason: "gave-up",
          cause: { code: "status", status: 404, willRetry: false },
        });
        expect(verdict.cause).toBeInstanceOf(EventStreamError);
      }
      expect(errors.sort()).toEqual([
        "network undefined true",
        "network undefined true",
        "status 404 false",
        "status 404 false",
      ]);
    });

    test("throws its cause at a reader, after the messages before it", async () => {
      const world = await openWorld(1);
      const tab = await world.open({}, "sharing", "reads");
      await world.advance(1000);
      world.publish(2);
      await world.advance(1000);
      world.refuse(404);
      world.cut();
      const taken: string[] = [];
      const reading = (async () => {
        for await (const { data } of tab.connection) taken.push(data);
      })();
      const failed = reading.then(
        () => "nothing",
        (error: unknown) => error,
      );
      await world.advance(60_000);
      expect(await failed).toMatchObject({ code: "status", status: 404 });
      expect(taken).toEqual(["1", "2"]);
    });

    test("by a signal is one tab's own", async () => {
      const controller = new AbortController();
      const world = await openWorld(1);
      const tab = await world.open({ signal: controller.signal });
      controller.abort("enough");
      expect(await tab.connection.ended).toEqual({ reason: "aborted", cause: "enough" });
      await world.advance(1000);
      expect([world.tabs[0]!.connection.state, world.channels]).toEqual(["open", 1]);
    });
  });

  test("reports the state of the leader's connection to all tabs", async () => {
    const states: string[][] = [[], []];
    const opened: unknown[] = [];
    const world = createShareWorld(chanceFrom(1));
    for (const told of states) {
      await world.open({
        onState: (state) => void told.push(state),
        onOpen: (response) =>
          void opened.push([
            response.status,
            response.url,
            response.header("content-type"),
            response.header("x"),
          ]),
      });
    }
    await world.advance(1000);
    world.cut();
    await world.advance(10_000);
    for (const told of states) expect(told).toEqual(["open", "waiting", "connecting", "open"]);
    expect(opened).toHaveLength(4);
    expect(opened).toEqual(opened.map(() => [200, "https://a.example/", "text/event-stream", null]));
  });

  test.each([{ maxQueuedMessages: 4 }, { maxQueuedBytes: 8 }])(
    "a slow reader holds back nobody, and gets everything at its own pace: %j",
    async (limits) => {
      const world = await openWorld(1);
      const slow = await world.open({ ...limits, maxRecentMessages: 2 });
      slow.hold();
      await world.advance(1000);
      world.publish(20);
      await world.advance(1000);
      expect(world.tabs[0]!.numbers).toEqual(upTo(1, 20));
      expect(slow.numbers).toEqual([1]);
      slow.letGo();
      await world.advance(1000);
      expect(slow.numbers).toEqual(upTo(1, 20));
      expect(world.connections).toBe(1);
    },
  );

  test("a slow reader that makes another attempt has what waits for it first", async () => {
    const world = await openWorld(1);
    const slow = await world.open({ maxQueuedMessages: 4 });
    slow.hold();
    await world.advance(1000);
    world.publish(20);
    await world.advance(1000);
    slow.connection.reconnect();
    await world.advance(1000);
    slow.letGo();
    await world.advance(1000);
    expect(slow.numbers).toEqual(upTo(1, 20));
  });

  test.each([{ maxQueuedMessages: 4 }, { maxQueuedBytes: 8 }])(
    "a slow reader of a stream without ids learns that it cannot keep up: %j",
    async (limits) => {
      const world = createShareWorld(chanceFrom(1), "none");
      await world.open();
      const slow = await world.open(limits);
      slow.hold();
      await world.advance(1000);
      for (let count = 0; count < 6; count++) world.say("data: 1\n\n");
      await world.advance(1000);
      slow.letGo();
      await world.advance(1000);
      expect(slow.numbers.length).toBeLessThan(6);
      expect(await slow.connection.ended).toMatchObject({
        reason: "gave-up",
        cause: { code: "too-large", message: expect.stringContaining("maxQueuedMessages (") as string },
      });
      expect(world.tabs[0]!.numbers).toHaveLength(6);
    },
  );

  test.each([
    "none",
    "no locks",
    "locks that throw",
    "locks that reject with nothing",
    "locks that never settle",
    "no channel",
    "a channel that throws",
  ] as const)("is a connection of its own where the platform has %s", async (platform) => {
    const world = createShareWorld(chanceFrom(1));
    for (let count = 0; count < 2; count++) await world.open({}, platform);
    // A lock that does not come is asked for by force, and then done without.
    await world.advance(platform === "locks that never settle" ? 30_000 : 1000);
    world.publish(3);
    await world.advance(1000);
    for (const { numbers, connection } of world.tabs) {
      expect([connection.role, connection.state, numbers]).toEqual(["alone", "open", [1, 2, 3]]);
    }
    expect([world.connections, world.channels, world.locks]).toEqual([2, 0, 0]);
    for (const { connection } of world.tabs) connection.close();
    await world.run(Infinity);
    expect(world.connections).toBe(0);
  });

  test("decodes in each tab as that tab asks", async () => {
    const world = await openWorld(1);
    const tab = await world.open({ json: true });
    const data: unknown[] = [];
    tab.connection.on("message", (message) => data.push(message.data));
    await world.advance(1000);
    world.publish(1);
    await world.advance(1000);
    expect(data).toEqual([1]);
  });

  // Two tabs may run two versions of the package, before and after a deployment. They do not hear each other if their words differ, for
  // which the number in the name is there: raise it in share-name.ts when you change this list.
  test("says what version 1 says", async () => {
    const said = vi.spyOn(globalThis, "structuredClone");
    const world = await openWorld(2);
    world.publish(3);
    await world.advance(1000);
    world.cut();
    await world.advance(3000);
    await world.open({ lastEventId: world.cursorOf(1) });
    await world.advance(1000);
    world.tabs[0]!.freeze(false);
    await world.advance(30_000);
    world.tabs[0]!.thaw();
    await world.advance(1000);
    world.refuse(401);
    world.cut();
    await world.advance(5000);
    const paths = new Set(said.mock.calls.flatMap(([words]) => pathsOf(words)));
    said.mockRestore();
    expect(shareName("https://a.example/", {})).toMatch(/^tidings\.share\.1 /);
    expect([...paths].sort()).toEqual(VERSION_1);
  });

  test("refuses what cannot be repeated by the tab that takes over", () => {
    const message = /^Cannot share: .*, expected a request that may be repeated/;
    expect(() => share("https://a.example/", { method: "POST" })).toThrow(message);
    expect(() => share("https://a.example/", { retry: false })).toThrow(message);
  });
});

async function openWorld(tabs: number, options: ShareOptions = {}): Promise<ShareWorld> {
  const world = createShareWorld(chanceFrom(1));
  for (let count = 0; count < tabs; count++) await world.open(options);
  await world.advance(1000);
  return world;
}

function rolesOf({ tabs }: ShareWorld): string[] {
  return tabs.map(({ connection }) => connection.role);
}

describe.each(["cursors", "opaque"] as const)("with ids that are %s", (ids) => {
  test("random joins, closes, crashes, freezes, cuts and slow readers lose nothing, double nothing and change no order", async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const { story, seen, due } = await simulate(seed, ids);
      expect(seen, `seed ${seed}: ${story.join(", ")}`).toEqual(due);
    }
  }, 120_000);
});

interface Outcome {
  readonly story: string[];
  readonly seen: unknown;
  readonly due: unknown;
}

/** A story that chance tells. @returns What was seen of it, and what should have been. */
async function simulate(seed: number, ids: "cursors" | "opaque"): Promise<Outcome> {
  const story: string[] = [];
  const chance = chanceFrom(seed * 2654435761);
  const world = createShareWorld(chance, ids);
  const begins = new Map<Tab, number>();
  const options = { maxRecentMessages: 8, maxQueuedMessages: 6, takeoverMs: 10_000, retry: { baseMs: 100 } };
  const some = (of: (tab: Tab) => boolean): Tab | undefined => {
    const those = world.tabs.filter((tab) => !tab.dead && tab.connection.state !== "closed" && of(tab));
    return those[chance(those.length)];
  };
  const actions: Record<string, () => unknown> = {
    open: async () => {
      if (world.tabs.filter((tab) => !tab.dead && tab.connection.state !== "closed").length > 6) return;
      const from = chance(2) === 0 ? undefined : chance(world.head + 1);
      const tab = await world.open({
        ...options,
        ...(from !== undefined && { lastEventId: world.cursorOf(from) }),
        ...(chance(4) === 0 && { begin: "request" }),
      });
      if (from !== undefined) begins.set(tab, from + 1);
    },
    publish: () => world.publish(1 + chance(4)),
    burst: () => world.publish(chance(20)),
    close: () => some(() => true)?.connection.close(),
    crash: () => some(() => true)?.crash(),
    "crash leader": () => some(({ connection }) => connection.role === "leader")?.crash(),
    freeze: () => some(({ frozen }) => !frozen)?.freeze(chance(2) === 0),
    "freeze leader": () =>
      some(({ frozen, connection }) => !frozen && connection.role === "leader")?.freeze(chance(2) === 0),
    thaw: () => some(({ frozen }) => frozen)?.thaw(),
    hold: () => some(() => true)?.hold(),
    "let go": () => some(() => true)?.letGo(),
    reconnect: () => some(() => true)?.connection.reconnect(),
    cut: () => world.cut(),
    advance: () => world.advance(chance(20_000)),
  };
  const names = Object.keys(actions);
  for (let count = 10 + chance(40); count > 0; count--) {
    const name = chance(3) === 0 ? ["open", "publish"][chance(2)]! : names[chance(names.length)]!;
    story.push(name);
    await actions[name]!();
    await world.run(chance(12));
  }
  for (const tab of world.tabs) {
    if (tab.frozen && !tab.dead) tab.thaw();
    tab.letGo();
  }
  await world.advance(60_000);
  world.publish();
  await world.advance(60_000);

  const living = world.tabs.filter((tab) => !tab.dead && tab.connection.state !== "closed");
  const numbers = world.tabs.map((tab) => tab.numbers);
  const dueNumbers = world.tabs.map((tab) => {
    const first = begins.get(tab) ?? tab.numbers[0] ?? 1;
    return upTo(first, living.includes(tab) ? world.head : (tab.numbers.at(-1) ?? first - 1));
  });
  const { connections } = world;
  const leaders = living.filter(({ connection }) => connection.role === "leader").length;
  for (const tab of living) tab.connection.close();
  await world.run(Infinity);
  const timers = world.tabs.reduce((sum, tab) => sum + tab.timers, 0);
  const one = living.length > 0 ? 1 : 0;
  return {
    story,
    seen: { numbers, connections, leaders, left: [world.connections, world.locks, world.channels, timers] },
    due: { numbers: dueNumbers, connections: one, leaders: one, left: [0, 0, 0, 0] },
  };
}

test("a page that cannot share says so once, in the console", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  vi.stubGlobal("document", { baseURI: "http://lan.example/" });
  vi.stubGlobal("isSecureContext", false);
  vi.stubGlobal("navigator", {});
  for (let tab = 0; tab < 2; tab++) {
    const connection = share("http://127.0.0.1:1/", { retry: { attempts: 1 } });
    expect(connection.role).toBe("alone");
    connection.close();
  }
  vi.unstubAllGlobals();
  expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
    expect.stringContaining("cannot share its event stream, since it is not a secure context"),
  ]);
  warn.mockRestore();
});

/** Where something is, in what was said: `entry.message.data`. */
function pathsOf(words: unknown, path = ""): string[] {
  if (typeof words !== "object" || words === null) return [path];
  if (Array.isArray(words)) return words.flatMap((word) => pathsOf(word, `${path}[]`));
  return Object.entries(words)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => pathsOf(value, path === "" ? name : `${path}.${name}`));
}

const VERSION_1: readonly string[] = [
  "ask",
  "entry.id",
  "entry.message.data",
  "entry.message.event",
  "entry.message.id",
  "epoch",
  "error.cause",
  "error.code",
  "error.message",
  "error.name",
  "error.retryAfter",
  "error.status",
  "error.url",
  "error.willRetry",
  "from",
  "id",
  "lead",
  "resigned",
  "response.status",
  "response.type",
  "response.url",
  "seq",
  "state",
  "tail[].id",
  "tail[].message.data",
  "tail[].message.event",
  "tail[].message.id",
  "term",
  "to",
  "verdict.cause.code",
  "verdict.cause.message",
  "verdict.cause.name",
  "verdict.cause.retryAfter",
  "verdict.cause.status",
  "verdict.cause.url",
  "verdict.cause.willRetry",
  "verdict.reason",
];
