import { describe, expect, test } from "vitest";
import { LimitError } from "./limit-error.ts";
import { MessageStream } from "./message-stream.ts";

function chunks(...parts: string[]) {
  const state = { pulled: 0, cancelled: undefined as unknown };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const part = parts[state.pulled++];
        if (part === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(part));
      },
      cancel(reason) {
        state.cancelled = reason;
      },
    },
    { highWaterMark: 0 },
  );
  return { state, stream };
}

async function collect(stream: ReadableStream<{ data: string }>): Promise<string[]> {
  const data: string[] = [];
  for await (const message of stream) data.push(message.data);
  return data;
}

describe("MessageStream", () => {
  test("turns bytes into messages", async () => {
    const { stream } = chunks(
      "data: a\n",
      "",
      "\nda",
      "ta: b\n\ndata: c\n\n",
      ": nothing\n\n",
      "data: d\n\n",
    );
    expect(await collect(stream.pipeThrough(new MessageStream()))).toEqual(["a", "b", "c", "d"]);
  });

  test("turns strings into messages, and reports the rest", async () => {
    const seen: unknown[] = [];
    const strings = new ReadableStream<string>({
      start(controller) {
        controller.enqueue(": x\nretry: 5\nid: 1\ndata: a\n\ndata: b");
        controller.close();
      },
    });
    const messages = new MessageStream({
      onComment: (text) => seen.push(text),
      onRetry: (ms) => seen.push(ms),
      onId: (id) => seen.push(id),
      onEnd: (end) => seen.push(end),
    });
    expect(await collect(strings.pipeThrough(messages))).toEqual(["a"]);
    expect(seen).toEqual([
      "x",
      5,
      "1",
      { truncated: true, unfinished: { event: "message", data: "b", id: "1" } },
    ]);
  });

  test("goes at the reader's pace", async () => {
    const { state, stream } = chunks(...Array.from({ length: 100 }, (_, n) => `data: ${n}\n\n`));
    const reader = stream.pipeThrough(new MessageStream()).getReader();
    expect((await reader.read()).value!.data).toBe("0");
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.pulled).toBeLessThan(5);
    expect((await reader.read()).value!.data).toBe("1");
  });

  test("cancels its source when its reader cancels", async () => {
    const { state, stream } = chunks("data: a\n\ndata: b\n\n", "data: c\n\n", "data: d\n\n");
    const reader = stream.pipeThrough(new MessageStream()).getReader();
    await reader.read();
    await reader.cancel("enough");
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.cancelled).toBe("enough");
  });

  test("fails with its source", async () => {
    const failing = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("data: a\n\n"));
      },
      pull(controller) {
        controller.error(new Error("lost"));
      },
    });
    const reader = failing.pipeThrough(new MessageStream()).getReader();
    await expect(async () => {
      for (;;) await reader.read();
    }).rejects.toThrow("lost");
  });

  test("fails at a limit, and cancels its source", async () => {
    const { state, stream } = chunks("data: a\n\n", `data: ${"x".repeat(100)}\n\n`, "data: b\n\n");
    const reader = stream.pipeThrough(new MessageStream({ maxMessageBytes: 50 })).getReader();
    expect((await reader.read()).value!.data).toBe("a");
    await expect(reader.read()).rejects.toThrow(LimitError);
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.cancelled).toBeInstanceOf(LimitError);
  });
});
