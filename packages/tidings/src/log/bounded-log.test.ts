import { expect, test } from "vitest";
import { boundedLog } from "./bounded-log.ts";
import { type Draft, type Log, memoryLog, type OpenLogOptions, type Tail } from "./index.ts";

const retention = { messages: 100, bytes: 10_000_000, ageMs: 60_000 };
const opened: OpenLogOptions = { retention, onTail: () => undefined };
const drafts: readonly Draft[] = [{ topic: "a", body: new Uint8Array(10) }];
const topics = { exact: ["a"], matches: () => true };
const request = { topics, after: 0, maxMessages: 10, maxBytes: 1_000 };
const never = (): Promise<never> => new Promise(() => undefined);

/** A memory log of which some is other. */
function logWith(own: object): Log {
  const log = memoryLog();
  return new Proxy(log, {
    get: (_target, key) => {
      const value: unknown = Reflect.get(key in own ? own : log, key);
      return typeof value === "function" ? (value.bind(log) as unknown) : value;
    },
  });
}
const bounded = (own: object): Log => boundedLog("test", logWith(own));
const logError = (code: string, message: RegExp) =>
  expect.objectContaining({
    name: "LogError",
    code,
    message: expect.stringMatching(message) as string,
  }) as unknown;

test("a log of this package is left as it is, and one around it is not", () => {
  const log = memoryLog();
  expect(boundedLog("test", log)).toBe(log);
  const around = new Proxy(log, {});
  expect(boundedLog("test", around)).not.toBe(around);
  const copy = Object.assign(Object.create(log) as Log, {});
  expect(boundedLog("test", copy)).not.toBe(copy);
});

test.each([0, -1, Number.NaN, "5", null, false])("a deadline of %s is refused", (deadlineMs) => {
  expect(() => bounded({ deadlineMs })).toThrow(/^Cannot test: log\.deadlineMs is .*, expected /);
});

test.each([
  [
    "append",
    (log: Log) => log.append(drafts),
    /^Cannot append to log: append has not settled .* may still append$/,
  ],
  [
    "read",
    (log: Log) => log.read(request),
    /^Cannot read log: read has not settled within 20 ms \(deadlineMs/,
  ],
  ["head", (log: Log) => log.head(), /^Cannot ask log where it is: head has not settled/],
  ["stats", (log: Log) => log.stats(), /^Cannot ask log for its statistics: stats has not settled/],
  ["open", (log: Log) => log.open(opened), /^Cannot open log: open has not settled/],
  ["follow", (log: Log) => log.follow!(["a"]), /^Cannot follow topics of log: follow has not settled/],
  ["enlist", (log: Log) => log.enlist!({}, drafts), /^Cannot append to log: enlist has not settled/],
])("%s that never settles is rejected", async (name, call, message) => {
  const log = bounded({ [name]: never, deadlineMs: 20 });
  await expect(call(log)).rejects.toEqual(logError("failed", message));
  await log.close();
});

test("an answer that comes too late is nobody's, and those that are in time come", async () => {
  const answers: ((value: unknown) => void)[] = [];
  const log = bounded({ head: () => new Promise((resolve) => answers.push(resolve)), deadlineMs: 20 });
  const late = log.head();
  await expect(late).rejects.toEqual(logError("failed", /head has not settled/));
  const position = { epoch: "e", head: 1 };
  const next = log.head();
  answers[0]!(position);
  answers[1]!(position);
  expect(await next).toEqual(position);
  await log.close();
});

test("what is under way when a log has closed is rejected, with one timer for all", async () => {
  const log = bounded({ read: never, append: never });
  await log.open(opened);
  const calls = [log.read(request), log.append(drafts), log.read(request)];
  const outcomes = Promise.allSettled(calls);
  await log.close();
  const closed = { status: "rejected", reason: logError("closed", /: it was closed/) };
  expect(await outcomes).toEqual([closed, closed, closed]);
});

test("what a log never answers counts until it does: then there is room again", async () => {
  const answers: ((value: unknown) => void)[] = [];
  const log = bounded({ append: () => new Promise((resolve) => answers.push(resolve)), deadlineMs: 20 });
  const large: Draft[] = [{ topic: "a", body: new Uint8Array(40 * 2 ** 20) }];
  await expect(log.append(large)).rejects.toEqual(logError("failed", /append has not settled/));
  await expect(log.append(large)).rejects.toEqual(logError("busy", /calls of append that hold \d+ bytes/));
  // Other methods have bounds of their own.
  await expect(log.stats()).resolves.toBeDefined();
  answers[0]!(undefined);
  await Promise.resolve();
  await Promise.resolve();
  const again = log.append(large);
  answers[1]!({ first: 1, last: 1, repeated: false });
  expect(await again).toEqual({ first: 1, last: 1, repeated: false });
  await log.close();
});

test.each([
  null,
  "yes",
  {},
  { first: 0, last: 0, repeated: false },
  { first: 1, last: 2 ** 52, repeated: false },
  { first: 1, last: 2 ** 52, repeated: true },
  { first: 1.5, last: 1.5, repeated: false },
  { first: 1, last: 1, offsets: "1", repeated: false },
  { first: 1, last: 1, offsets: [Number.NaN], repeated: false },
])("append that returns %j is refused", async (appended) => {
  const log = bounded({ append: async () => appended });
  await expect(log.append(drafts)).rejects.toThrow(
    /^Cannot append to log: append returned .*, expected \{ first, last, repeated \}$/,
  );
  await log.close();
});

const entry = { offset: 1, topic: "a", body: new Uint8Array(1), atMs: 1 };
const page = { entries: [entry], through: 1, lostThrough: 0 };
test.each([
  null,
  [],
  { ...page, entries: "yes" },
  { ...page, entries: [null] },
  { ...page, entries: [entry, entry] },
  { ...page, entries: [{ ...entry, body: "text" }] },
  { ...page, through: 0 },
  { ...page, through: Number.NaN },
  { ...page, lostThrough: undefined },
  { ...page, head: "1" },
])("read that returns %j is refused", async (given) => {
  const log = bounded({ read: async () => given });
  await expect(log.read(request)).rejects.toThrow(/^Cannot read log: read returned .*, expected \{ entries/);
  await log.close();
});

test("a page that does not lead on is refused: it would be read for ever", async () => {
  const log = bounded({ read: async () => page });
  expect(await log.read(request)).toBe(page);
  await expect(log.read({ ...request, after: 1 })).rejects.toThrow(/^Cannot read log: read returned/);
  await log.close();
});

test("a tail, a state and a position that are none are reported, and not handed on", async () => {
  let given: OpenLogOptions | undefined;
  const seen: unknown[] = [];
  const reported: string[] = [];
  const log = bounded({
    open: async (options: OpenLogOptions) => {
      given = options;
      return { epoch: "e", head: 0 };
    },
  });
  await log.open({
    retention,
    onTail: (tail) => seen.push(tail),
    onReset: (position) => seen.push(position),
    onState: (state) => seen.push(state),
    onError: (error) => reported.push((error as Error).message),
  });
  const tail: Tail = { after: 0, through: 1, entries: [entry] };
  given!.onTail(tail);
  given!.onTail({ ...tail, after: 1 });
  given!.onTail(null as never);
  given!.onReset!({ epoch: "f", head: 0 });
  given!.onReset!({ epoch: "" } as never);
  given!.onState!("interrupted");
  given!.onState!("gone" as never);
  expect(seen).toEqual([tail, { epoch: "f", head: 0 }, "interrupted"]);
  expect(reported).toEqual([
    expect.stringContaining("onTail was called with"),
    expect.stringContaining("onTail was called with null"),
    expect.stringContaining("onReset returned"),
    expect.stringContaining('onState was called with "gone"'),
  ]);
  await log.close();
});
