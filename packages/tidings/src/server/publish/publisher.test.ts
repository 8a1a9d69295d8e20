import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, onTestFinished, test } from "vitest";
import { memoryLog } from "../../log/memory/memory-log.ts";
import { createHub } from "../hub/create-hub.ts";
import type { Publication } from "./publication.ts";
import { Publisher, type PublishLimits } from "./publisher.ts";

async function createWorld(limits: Partial<PublishLimits> = {}) {
  const log = memoryLog();
  let nowMs = 0;
  const counters = { published: 0 };
  const retention = { messages: 100, bytes: 1e6, ageMs: Infinity };
  const opened = log.open({ retention, onTail() {} });
  const publisher = new Publisher(
    log,
    Promise.resolve(opened),
    {
      messageBytes: 100,
      messagesPerPublish: 3,
      bytesPerPublish: 1_000,
      publishesPerSecond: Infinity,
      checkData: undefined,
      ...limits,
    },
    counters,
    () => nowMs,
  );
  const { epoch } = await opened;
  return {
    counters,
    publisher,
    epoch,
    at: (ms: number) => {
      nowMs = ms;
    },
    publish: (message: unknown, topic: unknown = "a", idempotencyKey?: unknown) =>
      publisher.publish(
        [{ topic: topic as string, message: message as Publication }],
        idempotencyKey === undefined ? undefined : { idempotencyKey: idempotencyKey as string },
      ),
  };
}

describe("publish", () => {
  test("answers with the cursors, in order, and counts", async () => {
    const { publisher, epoch, counters } = await createWorld();
    const message = { data: 1 };
    const one = await publisher.publish([{ topic: "a", message }], undefined);
    expect(one).toEqual({ id: `${epoch}.1`, ids: [`${epoch}.1`], repeated: false });
    const three = await publisher.publish(
      ["a", "b", "a"].map((topic) => ({ topic, message })),
      undefined,
    );
    expect(three.ids).toEqual([2, 3, 4].map((offset) => `${epoch}.${offset}`));
    expect([three.id, counters.published]).toEqual([three.ids[2], 4]);
  });

  test.each(["a\0", "\u0001a", "a\u0002", "\u0003", "a\n", "\ud83d", "a\udc00b"])(
    "refuses the topic %j, which not every log can store",
    async (topic) => {
      const { publish, counters } = await createWorld();
      await expect(publish({ data: 1 }, topic)).rejects.toThrow(
        /^Cannot publish: topic is .*, expected well-formed text without control characters/,
      );
      expect(counters.published).toBe(0);
    },
  );

  test("refuses a key with half of a surrogate pair, which not every log can store", async () => {
    const { publish, counters } = await createWorld();
    await expect(publish({ data: 1, key: "a\ud800" })).rejects.toThrow(
      /key is "a\\ud800", expected no lone surrogate/,
    );
    await publish({ data: 1, key: "\u{1f600}" });
    expect(counters.published).toBe(1);
  });

  test.each([
    ["transacton", "transaction"],
    ["idempotencykey", "idempotencyKey"],
    ["key", "one of idempotencyKey, transaction"],
  ])("refuses the option %s: it would publish, and not as it was meant", async (name, meant) => {
    const { publisher, counters } = await createWorld();
    const messages = [{ topic: "a", message: { data: 1 } }];
    await expect(publisher.publish(messages, { [name]: {} })).rejects.toThrow(
      `Cannot publish: there is no option ${name}, expected ${meant}`,
    );
    expect(counters.published).toBe(0);
  });

  test("does once what has the same idempotency key", async () => {
    const { publish, counters } = await createWorld();
    const first = await publish({ data: "x" }, "a", "key");
    const again = await publish({ data: "x" }, "a", "key");
    expect(again).toEqual({ ...first, repeated: true });
    expect(counters.published).toBe(1);
  });

  test.each<
    [
      message: unknown,
      topic: unknown,
      key: unknown,
      error: typeof TypeError | typeof RangeError,
      text: string,
    ]
  >([
    [{ data: 1 }, "", undefined, TypeError, 'topic is "", expected a string that is not empty'],
    [{ data: 1 }, 7, undefined, TypeError, "topic is 7, expected a string that is not empty"],
    [{ data: 1 }, "t".repeat(1025), undefined, RangeError, "topic has 1025 bytes, expected 1024 or fewer"],
    [null, "a", undefined, TypeError, "message is null, expected an object such as { data }"],
    ["text", "a", undefined, TypeError, "message is of type string, expected an object such as { data }"],
    [
      { data: 1, id: "7" },
      "a",
      undefined,
      TypeError,
      "message has an id, expected none: the hub writes the cursor there",
    ],
    [
      { data: 1, retry: 7 },
      "a",
      undefined,
      TypeError,
      "message has a retry, expected none: set it per stream",
    ],
    [{ event: "e" }, "a", undefined, TypeError, "data is undefined, expected a value that JSON can carry"],
    [
      { data: 1, event: "gap" },
      "a",
      undefined,
      TypeError,
      'event is "gap", which is reserved for the hub, expected another',
    ],
    [{ data: 1, key: "" }, "a", undefined, TypeError, 'key is "", expected a string of 1 to 256 characters'],
    [{ data: 1, key: 5 }, "a", undefined, TypeError, "key is 5, expected a string of 1 to 256 characters"],
    [
      { data: "x".repeat(200) },
      "a",
      undefined,
      RangeError,
      "bytes, expected 100 or fewer (limits.messageBytes)",
    ],
    [
      { data: 1 },
      "a",
      "\ud800",
      TypeError,
      String.raw`idempotencyKey is "\ud800", expected no lone surrogate`,
    ],
    [{ data: 1 }, "a", "", TypeError, 'idempotencyKey is "", expected a string of 1 to 256 characters'],
    [{ data: 1 }, "a", "k".repeat(257), TypeError, `idempotencyKey is "${"k".repeat(100)}…", expected`],
    [
      { data: 1, key: "k".repeat(2_000) },
      "a",
      undefined,
      TypeError,
      `key is "${"k".repeat(100)}…", expected`,
    ],
  ])("refuses %j to %j, key %j", async (message, topic, key, kind, text) => {
    const { publish, counters } = await createWorld();
    const refused = await publish(message, topic, key).catch((error: unknown) => error as Error);
    expect(refused).toBeInstanceOf(kind);
    expect((refused as Error).message).toMatch(/^Cannot publish: /);
    expect((refused as Error).message).toContain(text);
    // And nothing of it is in the log.
    expect((await publish({ data: 1 })).id).toMatch(/\.1$/);
    expect(counters.published).toBe(1);
  });

  test.each([0, 4])("refuses %i messages at once", async (count) => {
    const { publisher } = await createWorld();
    const messages = Array.from({ length: count }, () => ({ topic: "a", message: { data: 1 } }));
    await expect(publisher.publish(messages, undefined)).rejects.toThrow(
      `Cannot publish: there are ${count} messages, expected 1 to 3 (limits.messagesPerPublish)`,
    );
  });

  test("publishes all of a batch or none", async () => {
    const { publisher, publish } = await createWorld();
    const batch = [
      { topic: "a", message: { data: 1 } },
      { topic: "a", message: { data: undefined } },
    ];
    await expect(publisher.publish(batch, undefined)).rejects.toThrow("data is undefined");
    expect((await publish({ data: 1 })).id).toMatch(/\.1$/);
  });

  test("says when to come back where it is too fast, and takes it then", async () => {
    const { publish, at } = await createWorld({ publishesPerSecond: 2 });
    await publish({ data: 1 });
    await publish({ data: 2 });
    await expect(publish({ data: 3 })).rejects.toMatchObject({ code: "too-fast", retryAfterMs: 500 });
    at(500);
    expect((await publish({ data: 3 })).id).toMatch(/\.3$/);
  });

  test("publishes nothing once it is closed", async () => {
    const { publisher, publish } = await createWorld();
    publisher.close();
    await expect(publish({ data: 1 })).rejects.toMatchObject({ name: "HubError", code: "closed" });
  });

  test("fails as the log did that could not be opened", async () => {
    const log = memoryLog();
    const limits = {
      messageBytes: 9,
      messagesPerPublish: 1,
      bytesPerPublish: 9,
      publishesPerSecond: Infinity,
      checkData: undefined,
    };
    const failed = Promise.reject(new Error("no disk"));
    const publisher = new Publisher(log, failed, limits, { published: 0 }, () => 0);
    await expect(publisher.publish([{ topic: "a", message: { data: 1 } }], undefined)).rejects.toThrow(
      "no disk",
    );
  });

  test("tells the diagnostics channel, with the time that it took", async () => {
    const { publish, epoch } = await createWorld();
    const told: unknown[] = [];
    const listen = (message: unknown) => void told.push(message);
    subscribe("tidings:publish", listen);
    onTestFinished(() => void unsubscribe("tidings:publish", listen));
    await publish({ data: 1 }, "prices");
    expect(told).toEqual([{ topics: ["prices"], ids: [`${epoch}.1`], repeated: false, tookMs: 0 }]);
  });
});

describe("what cannot be read is an error of ours, with its cause", () => {
  const boom = new TypeError("boom");
  const revoked = (target: object): object => {
    const { proxy, revoke } = Proxy.revocable(target, {});
    revoke();
    return proxy;
  };
  const throwing = (name: string): object =>
    Object.defineProperty({ data: 1 }, name, {
      enumerable: true,
      get() {
        throw boom;
      },
    });

  test.each<[what: string, args: unknown[], reason: RegExp]>([
    [
      "a message that is a revoked Proxy",
      ["a", revoked({})],
      /^Cannot publish: message cannot be read \(TypeError: /,
    ],
    ["a list that is a revoked Proxy", [revoked([])], /^Cannot publish: messages cannot be read/],
    ["a message in a list", [[revoked({})]], /^Cannot publish: messages cannot be read/],
    [
      "options that are a revoked Proxy",
      ["a", { data: 1 }, revoked({})],
      /^Cannot publish: options cannot be read/,
    ],
    ...["data", "event", "key", "id", "retry"].map((name): [string, unknown[], RegExp] => [
      `a getter of ${name}`,
      ["a", throwing(name)],
      /^Cannot publish: message cannot be read \(TypeError: boom\)$/,
    ]),
    [
      "a getter of an option",
      ["a", { data: 1 }, throwing("transaction")],
      /^Cannot publish: options cannot be read/,
    ],
    [
      "data that is a revoked Proxy",
      ["a", { data: revoked({}) }],
      /^Cannot send message: data is not JSON \(TypeError: /,
    ],
    [
      "a getter in the data",
      ["a", { data: throwing("x") }],
      /^Cannot send message: data is not JSON \(TypeError: boom\)$/,
    ],
    [
      "a toJSON",
      [
        "a",
        {
          data: {
            toJSON: () => {
              throw boom;
            },
          },
        },
      ],
      /^Cannot send message: data is not JSON \(TypeError: boom\)$/,
    ],
    [
      "a toJSON that throws what has no words",
      [
        "a",
        {
          data: {
            toJSON: () => {
              throw Object.create(null);
            },
          },
        },
      ],
      /^Cannot send message: data is not JSON \(an object\)$/,
    ],
  ])("%s", async (_what, args, reason) => {
    const hub = createHub();
    onTestFinished(() => hub.drain({ overMs: 0 }));
    const error: unknown = await hub
      .publish(...(args as Parameters<typeof hub.publish>))
      .catch((error) => error);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(reason);
    expect(error).toHaveProperty("cause");
    expect(hub.stats().published).toBe(0);
  });
});

test.each([
  ["small messages", 1_000, "x"],
  ["large messages", 20, "x".repeat(1_000_000)],
])("a loop that publishes %s gives way to the event loop", async (_, count, data) => {
  const hub = createHub();
  onTestFinished(() => hub.drain({ overMs: 0, graceMs: 0 }));
  await hub.publish("a", { data });
  let turns = 0;
  let turning = setImmediate(function turn() {
    turns += 1;
    turning = setImmediate(turn);
  });
  onTestFinished(() => clearImmediate(turning));
  for (let n = 0; n < count; n++) await hub.publish("a", { data });
  expect(turns).toBeGreaterThan(5);
});
