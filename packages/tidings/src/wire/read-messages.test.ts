import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { LimitError } from "./limit-error.ts";
import { type MessageSource, readBatches, readMessages } from "./read-messages.ts";

const STREAM = "id: 1\ndata: 一\n\ndata: b\n\n: x\n\ndata: c\n\ndata: d";
const bytes = new TextEncoder().encode(STREAM);

/** The stream in chunks of 7 bytes, and what becomes of it. */
function source() {
  const state = { pulled: 0, cancelled: 0 };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = bytes.slice(state.pulled, state.pulled + 7);
        state.pulled += 7;
        if (chunk.length > 0) controller.enqueue(chunk);
        else controller.close();
      },
      cancel() {
        state.cancelled++;
      },
    },
    { highWaterMark: 0 },
  );
  return { state, stream };
}

const sources: [string, () => MessageSource][] = [
  ["a Response", () => new Response(bytes)],
  ["a ReadableStream of bytes", () => source().stream],
  [
    "a ReadableStream of strings",
    () => source().stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>),
  ],
  ["a Node stream", () => Readable.from([Buffer.from(bytes.subarray(0, 9)), Buffer.from(bytes.subarray(9))])],
  [
    "an async generator",
    async function* () {
      yield STREAM.slice(0, 20);
      yield STREAM.slice(20);
    },
  ],
];

describe.each(sources)("the messages of %s", (_, create) => {
  test("come one by one, and the end with what was cut off", async () => {
    const ends: unknown[] = [];
    const data: string[] = [];
    for await (const message of readMessages(create(), { onEnd: (end) => ends.push(end) }))
      data.push(message.data);
    expect(data).toEqual(["一", "b", "c"]);
    expect(ends).toEqual([{ truncated: true, unfinished: { event: "message", data: "d", id: "1" } }]);
  });

  test("come in arrays, none of them empty", async () => {
    const batches: string[][] = [];
    for await (const batch of readBatches(create())) batches.push(batch.map(({ data }) => data));
    expect(batches.flat()).toEqual(["一", "b", "c"]);
    expect(batches.every(({ length }) => length > 0)).toBe(true);
  });
});

describe("reading messages", () => {
  test("ends at once with a Response that has no body", async () => {
    expect(await readMessages(new Response(null)).next()).toEqual({ done: true, value: undefined });
  });

  test("reads of the source what was asked for and no more", async () => {
    const { state, stream } = source();
    const messages = readMessages(stream);
    expect(state.pulled).toBe(0);
    await messages.next();
    expect(state.pulled).toBe(21);
  });

  test("cancels the source when the loop is left, and lets go of it", async () => {
    const { state, stream } = source();
    for await (const message of readMessages(stream)) {
      expect(message.data).toBe("一");
      break;
    }
    expect(state.cancelled).toBe(1);
    expect(stream.locked).toBe(false);
  });

  test("destroys a Node stream when the loop is left", async () => {
    const stream = Readable.from([Buffer.from("data: a\n\n"), Buffer.from("data: b\n\n")]);
    for await (const _ of readMessages(stream)) break;
    expect(stream.destroyed).toBe(true);
  });

  test("keeps the order of calls that did not wait for each other", async () => {
    const messages = readMessages(source().stream);
    const results = await Promise.all([messages.next(), messages.next(), messages.next(), messages.next()]);
    expect(results.map(({ done, value }) => (done ? "done" : value.data))).toEqual(["一", "b", "c", "done"]);
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  test("fails with the source", async () => {
    const failing = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error("lost"));
      },
    });
    await expect(readMessages(failing).next()).rejects.toThrow("lost");
  });

  test("fails at a limit, and cancels the source", async () => {
    const { state, stream } = source();
    await expect(readMessages(stream, { maxMessageBytes: 0.5 }).next()).rejects.toThrow(LimitError);
    expect(state.cancelled).toBe(1);
  });

  test.each<[string, () => unknown]>([
    ["gives nothing", () => undefined],
    [
      "throws",
      () => {
        throw new Error("cannot");
      },
    ],
    ["rejects", () => Promise.reject(new Error("cannot"))],
  ])(
    "leaves a reader whose cancel() %s, and which has no releaseLock(), without a word",
    async (_name, cancel) => {
      const read = () => Promise.resolve({ done: false, value: "data: a\n\n" });
      const body = { getReader: () => ({ read, cancel }) };
      let data = "";
      for await (const message of readMessages({ body } as never)) {
        ({ data } = message);
        break;
      }
      expect(data).toBe("a");
      await expect(readMessages({ body } as never, { maxMessageBytes: 0.5 }).next()).rejects.toThrow(
        LimitError,
      );
    },
  );

  test("starts from a stored last event ID", async () => {
    const { value } = await readMessages(new Response("data: a\n\n"), { lastEventId: "9" }).next();
    expect(value!.id).toBe("9");
  });

  test.each(["data: a\n\n", null, undefined, 7, {}, ["data: a\n\n"]])("refuses %o at the call", (source) => {
    for (const read of [readMessages, readBatches]) {
      expect(() => read(source as never)).toThrow(/^Cannot read messages: source is .*, expected a Response/);
    }
  });
});

describe("leaving while the source is waited for", () => {
  const DONE = { done: true, value: undefined };
  const sources: [name: string, make: (cancelled: () => void) => unknown][] = [
    [
      "a stream",
      (cancelled) =>
        new ReadableStream({ start: (controller) => controller.enqueue("data: 1\n\n"), cancel: cancelled }),
    ],
    [
      "a stream of Node's",
      (cancelled) => {
        const stream = new Readable({ read() {}, destroy: (error, done) => (cancelled(), done(error)) });
        stream.push("data: 1\n\n");
        return stream;
      },
    ],
    [
      "an iterator",
      (cancelled) => {
        let calls = 0;
        return {
          [Symbol.asyncIterator]: () => ({
            next: () =>
              (calls += 1) === 1 ? Promise.resolve({ value: "data: 1\n\n" }) : new Promise(() => {}),
            return: () => (cancelled(), Promise.resolve(DONE)),
          }),
        };
      },
    ],
  ];

  test.each(sources)("cancels %s at once, and it has not ended by itself", async (_name, make) => {
    let [cancelled, ended] = [0, 0];
    const given = make(() => (cancelled += 1)) as AsyncIterable<string>;
    const messages = readMessages(given, { onEnd: () => (ended += 1) });
    expect((await messages.next()).value).toMatchObject({ data: "1" });
    const waiting = messages.next();
    waiting.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve));
    void messages.return!();
    await expect.poll(() => cancelled).toBeGreaterThan(0);
    expect(ended).toBe(0);
  });

  test("tells who waits that it is over", async () => {
    const messages = readMessages(new ReadableStream<string>({}));
    const waiting = messages.next();
    expect([await messages.return!(), await waiting]).toEqual([DONE, DONE]);
  });
});

test.each([
  ["getReader()", { getReader: () => Promise.reject(new Error("mistake")) }],
  ["[Symbol.asyncIterator]()", { [Symbol.asyncIterator]: () => Promise.reject(new Error("mistake")) }],
])("a promise from %s is named, and its rejection is taken", async (call, given) => {
  const messages = readMessages(given as never);
  await expect(messages.next()).rejects.toThrow(`source.${call} returned a promise`);
});
