/**
 * Ids, topics and cursors as applications take them from a path, a query or a body and pass on. Whatever they are, the call gives a result
 * or an error of ours; what is already there stays readable.
 */
import { describe, expect, it } from "vitest";
import { createResumableStreamStore } from "../../packages/tidings/src/integrations/assistant-stream.ts";
import { createMcpEvents } from "../../packages/tidings/src/integrations/mcp.ts";
import { createResumableStreamContext } from "../../packages/tidings/src/integrations/resumable-stream.ts";
import { createRunDurability } from "../../packages/tidings/src/integrations/tanstack-ai.ts";
import { memoryLog, parseCursor } from "../../packages/tidings/src/log/index.ts";
import { createAnswers, createHub, resumable } from "../../packages/tidings/src/server/index.ts";
import { countUncaught } from "../support/uncaught.ts";
import { nameTakers } from "./foreign-peers.ts";

const uncaught = countUncaught();

/** What a query parser, a JSON body or a path gives. */
const NAMES: readonly unknown[] = [
  "",
  " ",
  "__proto__",
  "constructor",
  "toString",
  "\0",
  "\u0001a",
  "a\r\nb",
  "\ud800",
  "\ufeff",
  "é/信",
  "a/*",
  "*",
  ":id",
  "..",
  "e.1",
  "e.99999999999999999999",
  "__proto__.1",
  "%00",
  "x".repeat(100_000),
  undefined,
  null,
  0,
  -1,
  Number.NaN,
  true,
  [],
  ["a", "b"],
  {},
  { toString: null },
  { length: -1 },
  Symbol("name"),
  () => "name",
];

const shown = (name: unknown): string =>
  typeof name === "string" ? JSON.stringify(name.slice(0, 30)) : Object.prototype.toString.call(name);

type Call = (name: never) => unknown;

const log = memoryLog();
const hub = createHub({ log: memoryLog(), presence: true });
const answers = createAnswers({ onError: () => undefined });
const shared = createAnswers({ log, onError: () => undefined });
const generate = () => [{ data: "1" }];
const request = () => new Request("http://a/");
const mcp = createMcpEvents({ log: memoryLog() });
const session = mcp.forSession("session");
const context = createResumableStreamContext({ answers, waitUntil: null });
const store = createResumableStreamStore({ answers });
const runs = createRunDurability({ answers, startWithinMs: 1 });

/** The first step of an iterable, as a loop takes it. */
function first(source: AsyncIterable<unknown>): unknown {
  const iterator = source[Symbol.asyncIterator]();
  return iterator.next();
}

const both = (call: (answers_: typeof answers) => Call): readonly Call[] => [call(answers), call(shared)];

const calls: Readonly<Record<string, Call | readonly Call[]>> = {
  "Answers.read(id)": both((on) => (id) => on.read(id).next()),
  "Answers.resumable(id)": both((on) => (id) => on.resumable(request(), id, generate)),
  "Answers.resume(id)": both((on) => (id) => on.resume(request(), id)),
  "Answers.start(id)": both((on) => (id) => on.start(id, generate)),
  "Answers.state(id)": both((on) => (id) => on.state(id)),
  "Answers.stop(id)": both((on) => (id) => on.stop(id)),
  "resumable(id)": (id) => resumable(request(), id, generate),
  "Hub.inspect(id)": (id) => hub.inspect(id),
  "Hub.presence(topic)": (topic) => hub.presence(topic),
  "Hub.publish(topic)": (topic) => hub.publish(topic, { data: "1" }),
  "Hub.revoke(subscriber)": (subscriber) => hub.revoke(subscriber),
  "parseCursor(text)": (text) => parseCursor(text),
  "McpEvents.forSession(sessionId)": (id) => mcp.forSession(id),
  "McpEventStore.storeEvent(streamId)": (id) => session.storeEvent(id, {} as never),
  "McpEventStore.replayEventsAfter(lastEventId)": (id) =>
    session.replayEventsAfter(id, { send: async () => undefined }),
  "McpEventStore.getStreamIdForEventId(eventId)": (id) => session.getStreamIdForEventId(id),
  "ResumableStreamContext.createNewResumableStream(streamId)": (id) =>
    context.createNewResumableStream(id, () => new ReadableStream({ start: (c) => c.close() })),
  "ResumableStreamContext.hasExistingStream(streamId)": (id) => context.hasExistingStream(id),
  "ResumableStreamContext.resumableStream(streamId)": (id) =>
    context.resumableStream(id, () => new ReadableStream({ start: (c) => c.close() })),
  "ResumableStreamContext.resumeExistingStream(streamId)": (id) => context.resumeExistingStream(id),
  "ResumableStreamStore.acquire(streamId)": (id) => store.acquire(id),
  "ResumableStreamStore.acquireLease(streamId)": (id) => store.acquireLease(id),
  "ResumableStreamStore.append(streamId)": (id) => store.append(id, new Uint8Array(1)),
  "ResumableStreamStore.delete(streamId)": (id) => store.delete(id),
  "ResumableStreamStore.finalize(streamId)": (id) => store.finalize(id, "done"),
  "ResumableStreamStore.read(streamId)": (id) => first(store.read(id, undefined as never, {} as never)),
  "ResumableStreamStore.read(cursor)": (cursor) => first(store.read("nobody", cursor, {} as never)),
  "ResumableStreamStore.status(streamId)": (id) => store.status(id),
  "RunDurability.read(offset)": (offset) => first(runs({ runId: "a" }).read(offset)),
};

const elsewhere: readonly [pattern: RegExp, reason: string][] = [
  [/^(?:CursorStore\.set|storedCursor)/, "the client's: client/features/cursor.test.ts"],
  [/^EventStream\.comment/, "text of the application's own: server/one-stream"],
  [/^(?:TestRequest|describe(?:Shared)?Log)/, "the test kit"],
];

/** What it came to: a result, or an error of ours. */
async function outcomeOf(call: Call, name: unknown): Promise<string> {
  try {
    const given = call(name as never);
    const timedOut = new Promise<string>((resolve) => setTimeout(() => resolve("never settled"), 1_000));
    return await Promise.race([Promise.resolve(given).then(() => "result"), timedOut]);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("Cannot ")) return "result";
    // As the package has them whose store this is.
    if ((error as Error | null)?.name === "ResumableStreamError") return "result";
    return `${(error as Error)?.constructor?.name}: ${(error as Error)?.message}`;
  }
}

describe.each(Object.entries(calls))("%s", (_name, given) => {
  it("gives a result or an error of ours, whatever it is called with", async () => {
    const wrong: string[] = [];
    for (const call of [given].flat()) {
      for (const name of NAMES) {
        const outcome = await outcomeOf(call, name);
        if (outcome !== "result") wrong.push(`${shown(name)}: ${outcome}`);
      }
    }
    expect(wrong).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(uncaught).toEqual([]);
  });
});

it("has a case for everything in the package's declarations that takes a name", () => {
  const all = nameTakers();
  expect(all.length).toBeGreaterThan(25);
  expect(
    all.filter((name) => !(name in calls) && !elsewhere.some(([pattern]) => pattern.test(name))),
  ).toEqual([]);
  expect(Object.keys(calls).filter((name) => !all.includes(name))).toEqual([]);
});
