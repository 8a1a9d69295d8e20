/** The interface of the resumable-stream package over answers, held to the types and the behaviour of the package. */
import type { ResumableStreamContext as PackageContext } from "resumable-stream/generic";
import { createResumableStreamContext } from "tidings/integrations/resumable-stream";
import { createAnswers } from "tidings/server";
import { memoryLog } from "tidings/log";
import { afterEach, describe, expect, it, vi } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

function source(): { stream: ReadableStream<string>; write: (text: string) => void; close: () => void } {
  let controller!: ReadableStreamDefaultController<string>;
  const stream = new ReadableStream<string>({ start: (given) => void (controller = given) });
  return { stream, write: (text) => controller.enqueue(text), close: () => controller.close() };
}

function strings(...chunks: string[]): ReadableStream<string> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function textOf(stream: ReadableStream<string> | null | undefined): Promise<string> {
  let text = "";
  for await (const chunk of stream!) text += chunk;
  return text;
}

describe.each([
  ["in memory", undefined],
  ["in a log", memoryLog],
])("createResumableStreamContext(), %s", (_name, makeLog) => {
  function open(): { context: PackageContext; waited: Promise<unknown>[] } {
    const waited: Promise<unknown>[] = [];
    const answers = createAnswers({
      ...(makeLog && { log: makeLog(), joinMs: 0 }),
      onError: () => undefined,
    });
    closers.push(() => answers.close());
    const context = createResumableStreamContext({
      answers,
      waitUntil: (promise) => void waited.push(promise),
    });
    return { context, waited };
  }

  it("creates a stream, and any reader can join it, from any character", async () => {
    const { context, waited } = open();
    expect(await context.hasExistingStream("a")).toBeNull();
    expect(await context.resumeExistingStream("a")).toBeUndefined();
    const { stream, write, close } = source();
    const first = await context.resumableStream("a", () => stream);
    write("1\r\n");
    const second = await context.resumableStream("a", () => {
      throw new Error("must not be called");
    });
    const third = await context.resumeExistingStream("a", 2);
    expect(await context.hasExistingStream("a")).toBe(true);
    write("2\n\n3");
    close();
    expect(await Promise.all([first, second, third].map(textOf))).toEqual([
      "1\r\n2\n\n3",
      "1\r\n2\n\n3",
      "\n2\n\n3",
    ]);
    await Promise.all(waited);
    expect(waited).toHaveLength(1);
  });

  it("gives null for a stream that is done", async () => {
    const { context } = open();
    const { stream, write, close } = source();
    const first = await context.createNewResumableStream("a", () => stream);
    write("x");
    close();
    expect(await textOf(first)).toBe("x");
    expect(await context.resumableStream("a", () => stream)).toBeNull();
    expect(await context.resumeExistingStream("a")).toBeNull();
    expect(await context.hasExistingStream("a")).toBe("DONE");
  });

  it("goes on when the first reader leaves", async () => {
    const { context } = open();
    const { stream, write, close } = source();
    const first = await context.resumableStream("a", () => stream);
    write("1");
    const reader = first!.getReader();
    expect((await reader.read()).value).toBe("1");
    await reader.cancel();
    const second = await context.resumableStream("a", () => stream);
    write("2");
    close();
    expect(await textOf(second)).toBe("12");
  });

  it("fails for its readers when its source does", async () => {
    const { context } = open();
    const first = await context.resumableStream(
      "a",
      () =>
        new ReadableStream({
          pull() {
            throw new Error("the model is gone");
          },
        }),
    );
    await expect(textOf(first)).rejects.toMatchObject({ code: "failed" });
  });

  it("takes a number of characters that came with the request, whatever it is", async () => {
    const { context } = open();
    const made = await context.resumableStream("a", () => strings("ab", "cd"), -3);
    expect(await textOf(made)).toBe("abcd");
  });

  it("goes on when the platform's waitUntil refuses, outside of a request say", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const answers = createAnswers();
    const waitUntil = (): never => {
      throw new Error("outside of a request");
    };
    const context = createResumableStreamContext({ answers, waitUntil });
    expect(await textOf(await context.resumableStream("a", () => strings("1")))).toBe("1");
    expect(String(log.mock.calls[0]![0])).toContain("outside of a request");
    log.mockRestore();
    await answers.close();
  });
});
