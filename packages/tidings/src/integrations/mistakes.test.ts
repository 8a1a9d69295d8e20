/** What the packages that these serve, and their clients, may hand in by mistake. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, describe, expect, it } from "vitest";
import { memoryLog } from "../log/index.ts";
import { lmdbLog } from "../log/lmdb/index.ts";
import { type Answers, type AnswersOptions, createAnswers, type Publication } from "../server/index.ts";
import { createMcpEvents } from "./mcp.ts";
import { createResumableStreamContext } from "./resumable-stream.ts";
import { createRunDurability } from "./tanstack-ai.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

function openAnswers(options: AnswersOptions = {}): Answers<Publication> {
  const answers = createAnswers({ onError: () => undefined, ...options });
  closers.push(() => answers.close());
  return answers;
}

it("MCP events are kept in a log, and in nothing else", () => {
  expect(() => createMcpEvents({ log: memoryLog as never })).toThrow(
    "Cannot keep events: log is a function, expected what memoryLog()",
  );
});

describe.each([undefined, null, "", 5, "\ud800"])(
  "a name that is %j is refused: all who lack theirs would share what is kept",
  (name) => {
    it("for a session", async () => {
      const events = createMcpEvents({ log: memoryLog() });
      closers.push(() => events.close());
      expect(() => events.forSession(name as never)).toThrow(
        /^Cannot keep events: sessionId is .*expected text/,
      );
      await expect(events.forSession("s").storeEvent(name as never, {} as never)).rejects.toThrow(
        "streamId is",
      );
    });

    it("for a run", () => {
      const runs = createRunDurability({ answers: openAnswers() });
      expect(() => runs({ runId: name as never })).toThrow(/^Cannot find run: runId is .*expected text/);
    });

    it("for a stream", async () => {
      const context = createResumableStreamContext({ answers: openAnswers() });
      const made = context.resumableStream(name as never, () => new ReadableStream<string>());
      await expect(made).rejects.toThrow(/^Cannot keep stream: streamId is .*expected text/);
      await expect(context.hasExistingStream(name as never)).rejects.toThrow("streamId is");
    });
  },
);

it.each([undefined, null, "run"])("a source of a run that is %j is refused", (source) => {
  const runs = createRunDurability({ answers: openAnswers() });
  expect(() => runs(source as never)).toThrow(/^Cannot find run: source is .*expected a Request/);
});

describe("what JSON cannot carry", () => {
  it("is no event, and the stream can be replayed", async () => {
    const events = createMcpEvents({ log: memoryLog() });
    closers.push(() => events.close());
    const store = events.forSession<object>("s");
    const first = await store.storeEvent("x", { n: 1 });
    for (const message of [undefined, () => undefined]) {
      await expect(store.storeEvent("x", message as never)).rejects.toThrow(
        /^Cannot store event: message is/,
      );
    }
    await store.storeEvent("x", { n: 2 });
    const sent: unknown[] = [];
    await store.replayEventsAfter(first, { send: async (_, message) => void sent.push(message) });
    expect(sent).toEqual([{ n: 2 }]);
  });

  it("is no chunk, and what follows is kept", async () => {
    const run = createRunDurability({ answers: openAnswers() })<unknown>({ runId: "r" });
    for (const chunks of [[{ n: 1 }, undefined], [() => 1], "text"]) {
      await expect(run.append(chunks as never)).rejects.toThrow(/^Cannot append to run: /);
    }
    await run.append([{ n: 2 }]);
    expect((await run.snapshot()).map(({ chunk }) => chunk)).toEqual([{ n: 2 }]);
  });
});

it("a chunk that the answer could not keep has no offset", async () => {
  const run = createRunDurability({ answers: openAnswers({ messages: 3 }) })<number>({ runId: "r" });
  await expect(run.append([1, 2, 3, 4, 5, 6])).rejects.toThrow("the answer has ended");
});

it.each(["memory", "lmdb"])("an event id that no log could have is unknown (%s)", async (kind) => {
  const path = mkdtempSync(join(tmpdir(), "tidings-mcp-"));
  closers.push(() => rmSync(path, { recursive: true, force: true }));
  const env = open({ path, overlappingSync: false, eventTurnBatching: false });
  closers.push(() => env.close());
  const events = createMcpEvents({ log: kind === "memory" ? memoryLog() : lmdbLog(env, { pollMs: false }) });
  closers.push(() => events.close());
  const store = events.forSession("s");
  const [cursor] = (await store.storeEvent("x", {} as never)).split("/");
  for (const id of [
    undefined,
    5,
    "",
    "/",
    `${cursor}/${"y".repeat(20_000)}`,
    `${cursor}/%E0%A4%A`,
    `${cursor}/%00`,
  ]) {
    expect(await store.getStreamIdForEventId(id as never)).toBeUndefined();
    await expect(store.replayEventsAfter(id as never, { send: async () => undefined })).rejects.toThrow(
      /^Cannot replay events: .* is not an event of this session/,
    );
  }
  await expect(store.storeEvent("z".repeat(2_000), {} as never)).rejects.toThrow(RangeError);
});
