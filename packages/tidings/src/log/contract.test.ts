/** The suite is for others' logs: it has to run under any runner, and to find what is wrong. */
import { describe, expect, it } from "vitest";
import { describeLog, type CreateLog } from "./contract.ts";
import type { Log } from "./log.ts";
import { memoryLog } from "./memory/memory-log.ts";

/** Runs the suite with a runner of our own. @returns The titles of the tests, and of those that failed. */
async function run(
  create: CreateLog,
): Promise<{ titles: string[]; failed: string[]; messages: Map<string, string> }> {
  const tests: { title: string; body: () => Promise<void> }[] = [];
  describeLog("a log", create, {
    describe: (_, body) => body(),
    it: (title, body) => tests.push({ title, body }),
  });
  const messages = new Map<string, string>();
  for (const { title, body } of tests)
    await body().catch((error: Error) => messages.set(title, error.message));
  return { titles: tests.map(({ title }) => title), failed: [...messages.keys()], messages };
}

/** A memory log with one thing done otherwise. */
function spoilt(change: (log: Log) => Partial<Log>): CreateLog {
  return ({ now }) => {
    const log = memoryLog({ now });
    const rest: Log = {
      open: (options) => log.open(options),
      append: (drafts, options) => log.append(drafts, options),
      read: (request) => log.read(request),
      head: () => log.head(),
      stats: () => log.stats(),
      close: () => log.close(),
    };
    return { ...rest, ...change(log) };
  };
}

function failsWithItsTail(log: Log): Partial<Log> {
  const failures: unknown[] = [];
  return {
    open: (options) => log.open({ ...options, onError: (error) => void failures.push(error) }),
    append: async (drafts, options) => {
      const appended = await log.append(drafts, options);
      if (failures.length > 0) throw failures.pop();
      return appended;
    },
  };
}

describe("describeLog()", () => {
  it("passes a right log under any runner", async () => {
    const { titles, failed } = await run(({ now }) => memoryLog({ now }));
    expect(failed).toEqual([]);
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles.length).toBeGreaterThan(30);
  });

  it("passes a log that says nothing of losses that its reader has seen", async () => {
    const terse = spoilt((log) => ({
      read: async (request) => {
        const page = await log.read(request);
        return { ...page, lostThrough: page.lostThrough > request.after ? page.lostThrough : 0 };
      },
    }));
    expect((await run(terse)).failed).toEqual([]);
  });

  it("says of a random run what was done, what was compared and with which bounds", async () => {
    const forgetful = spoilt((log) => ({
      read: async (request) => ({ ...(await log.read(request)), lostThrough: 0 }),
    }));
    const { messages } = await run(forgetful);
    expect(messages.get("agrees with the plainest log there is, run 1")).toMatch(
      /^With {"messages":\d+,"bytes":\d+,.*}, step \d+, read {"topics":\[.*"head":\d+}: lostThrough is 0, expected \d+/,
    );
    const deaf = spoilt((log) => ({ open: (options) => log.open({ ...options, onTail: () => undefined }) }));
    expect((await run(deaf)).messages.get("agrees with the plainest log there is, run 1")).toContain(
      "the offsets that were handed on to onTail: ",
    );
  });

  it.each<[string, (log: Log) => Partial<Log>, RegExp]>([
    [
      "forgets its tail",
      (log) => ({ open: (options) => log.open({ ...options, onTail: () => undefined }) }),
      /tail/,
    ],
    [
      "hands the tail on late",
      (log) => ({
        open: (options) =>
          log.open({
            ...options,
            onTail: (part) =>
              void new Promise((resolve) => void setTimeout(resolve, 5))
                .then(() => options.onTail(part))
                .catch(options.onError),
          }),
      }),
      /no later than append resolves/,
    ],
    ["ignores idempotency keys", (log) => ({ append: (drafts) => log.append(drafts) }), /idempotency key/],
    [
      "hides losses",
      (log) => ({ read: async (request) => ({ ...(await log.read(request)), lostThrough: 0 }) }),
      /tells a loss/,
    ],
    [
      "invents losses",
      (log) => ({
        read: async (request) => ({ ...(await log.read(request)), lostThrough: request.after + 1 }),
      }),
      /tells a loss/,
    ],
    [
      "drops entries at the ends of pages",
      (log) => ({
        read: async (request) => {
          const page = await log.read(request);
          return page.entries.length > 2 ? { ...page, entries: page.entries.slice(0, -1) } : page;
        },
      }),
      /joins without a seam/,
    ],
    [
      "keeps everything",
      (log) => ({
        open: (options) => log.open({ ...options, retention: { messages: 1e9, bytes: 1e9, ageMs: 1e9 } }),
      }),
      /discards the oldest/,
    ],
    ["takes a tail that throws for a failed append", failsWithItsTail, /when its tail throws/],
    ["stays open", () => ({ close: async () => undefined }), /once closed/],
  ])("finds a log that %s", async (_, change, title) => {
    const { failed } = await run(spoilt(change));
    expect(failed.some((one) => title.test(one))).toBe(true);
  });

  it("says what it needs where no runner is global", () => {
    expect(() => describeLog("a log", () => memoryLog())).toThrow(
      /expected \{ describe, it \} as third argument/,
    );
  });
});
