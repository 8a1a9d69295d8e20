import { afterAll, describe, expect, it, vi } from "vitest";
import { until } from "../../../../../../test/support/hub-server.ts";
import { aiSdk } from "../../../dialects/index.ts";
import type { Log, OpenLogOptions, Tail } from "../../../log/log.ts";
import { LogError } from "../../../log/log.ts";
import { memoryLog, type MemoryLogOptions } from "../../../log/memory/memory-log.ts";
import type { Publication } from "../../publish/publication.ts";
import type { Answers, AnswersOptions } from "../answers.ts";
import { createAnswers } from "../create-answers.ts";
import type { Generate } from "../producer.ts";

// Some of these wait for a lease of a second, so that they wait together, and nothing is closed before all are over.
const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

/** One log, as several processes open it. What is appended reaches each of them a little later. */
function sharedLog(settings: MemoryLogOptions = {}): { open: () => Log; cut: (log: Log) => void } {
  const inner = memoryLog(settings);
  const openers = new Map<Log, { options: OpenLogOptions; cut: boolean }>();
  let opened: ReturnType<Log["open"]> | undefined;
  const handOn = (tail: Tail): void => {
    for (const opener of openers.values()) {
      if (!opener.cut) setTimeout(() => opener.cut || opener.options.onTail(tail), 1);
    }
  };
  return {
    /** The process of this log is dead, or stands still. */
    cut: (log) => {
      openers.get(log)!.cut = true;
    },
    open() {
      const log: Log = {
        async open(options) {
          opened ??= inner.open({ ...options, onTail: handOn });
          await opened;
          const position = await inner.head();
          openers.set(log, { options, cut: false });
          return position;
        },
        async append(drafts, options) {
          if (openers.get(log)!.cut) return new Promise<never>(() => undefined);
          return inner.append(drafts, options);
        },
        read: (request) => inner.read(request),
        head: () => inner.head(),
        stats: () => inner.stats(),
        close: async () => void openers.delete(log),
      };
      return log;
    },
  };
}

function open(log: Log, options: AnswersOptions = {}): Answers<Publication> {
  const answers = createAnswers({ onError: () => undefined, joinMs: 0, ...options, log });
  cleanups.push(() => answers.close());
  return answers;
}

const request = (cursor = ""): Request =>
  new Request("http://localhost/", { headers: cursor === "" ? {} : { "last-event-id": cursor } });

function stepper(): {
  generate: Generate<Publication>;
  step: (data: unknown) => void;
  finish: () => void;
  calls: () => number;
  stopped: () => boolean;
} {
  let calls = 0;
  let stopped = false;
  let done = false;
  let wake: (() => void) | undefined;
  const waiting: unknown[] = [];
  return {
    async *generate({ signal }) {
      calls += 1;
      signal.addEventListener("abort", () => {
        stopped = true;
        wake?.();
      });
      for (;;) {
        while (waiting.length > 0) yield { data: waiting.shift() };
        if (done || signal.aborted) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    step: (data) => {
      waiting.push(data);
      wake?.();
    },
    finish: () => {
      done = true;
      wake?.();
    },
    calls: () => calls,
    stopped: () => stopped,
  };
}

const dataOf = (text: string): string[] => [...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1]!);
const COMPLETE = '{"complete":true}';

it("holds a subscriber, and all together, to their limits when answers are asked for at once", async () => {
  const answers = open(sharedLog().open(), { answersPerSubscriber: 3, answers: 5 });
  const start = (id: number, subscriber: string) =>
    answers.start(`${id}`, stepper().generate, { subscriber }).then(
      (started) => `${started}`,
      (error: unknown) => (error as { code: string }).code,
    );
  const outcomes = await Promise.all([
    ...[1, 2, 3, 4, 5].map((id) => start(id, "ann")),
    ...[6, 7, 8].map((id) => start(id, "bob")),
  ]);
  expect(outcomes.map((outcome) => outcome === "true")).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
    true,
    false,
  ]);
  expect(new Set(outcomes)).toEqual(new Set(["true", "too-many-answers"]));
});

it("keeps an answer that it saw end for keepMs, whatever the clock of the log or of this machine says then", async () => {
  const skewMs = 3_600_000;
  const keepMs = 60_000;
  for (const skew of [-skewMs, skewMs]) {
    const answers = open(memoryLog({ now: () => Date.now() + skew }), { keepMs });
    await (await answers.resumable(request(), "a", () => [{ data: "1" }])).text();
    const [wallMs, nowMs] = [Date.now(), performance.now()];
    for (const jump of [0, -skewMs, skewMs]) {
      const wall = vi.spyOn(Date, "now").mockReturnValue(wallMs + jump);
      expect(await answers.state("a")).toMatchObject({ state: "complete" });
      wall.mockRestore();
    }
    const clock = vi.spyOn(performance, "now").mockReturnValue(nowMs + keepMs);
    expect(await answers.state("a")).toBeUndefined();
    clock.mockRestore();
  }
});

it("keeps an answer for keepMs where a process reads it that did not see it end, by the clock of the log", async () => {
  const HOUR = 3_600_000;
  const keepMs = 60_000;
  for (const skew of [-HOUR, HOUR]) {
    let passedMs = 0;
    const { open: openLog } = sharedLog({ now: () => Date.now() + skew + passedMs });
    const one = open(openLog(), { keepMs });
    await (await one.resumable(request(), "a", () => [{ data: "1" }])).text();
    for (const [sinceMs, state] of [
      [0, "complete"],
      [keepMs - 5_000, "complete"],
      [keepMs + 5_000, undefined],
    ] as const) {
      passedMs = sinceMs;
      const later = open(openLog(), { keepMs });
      expect((await later.state("a"))?.state, `${skew} ms, ${sinceMs} ms later`).toBe(state);
      if (state === undefined) continue;
      // What is left of the time counts from then on, whatever the clocks say.
      const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now() + keepMs - sinceMs);
      expect(await later.state("a")).toBeUndefined();
      clock.mockRestore();
    }
  }
});

it("does not follow every id that is asked for", async () => {
  const followed = new Set<string>();
  const log = sharedLog().open();
  log.follow = async (topics) => {
    for (const topic of topics) followed.add(topic);
    return 0;
  };
  log.unfollow = (topics) => {
    for (const topic of topics) followed.delete(topic);
  };
  const answers = open(log);
  const nowMs = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(nowMs);
  for (let n = 0; n < 5_000; n += 1) await answers.state(`${n}`);
  expect(followed.size).toBe(5_000);
  clock.mockReturnValue(nowMs + 1_500);
  await answers.state("one more");
  clock.mockRestore();
  expect([...followed]).toEqual(["answer/one more"]);
});

describe.concurrent("answers in a log", () => {
  it("are produced in one process and read in any, from their beginning, from a cursor, and afterwards", async () => {
    const { open: openLog } = sharedLog();
    const [one, two, three] = [open(openLog()), open(openLog()), open(openLog())];
    const { generate, step, finish, calls } = stepper();
    const first = await one.resumable(request(), "a", generate);
    step("1");
    await until2(async () => (await two.state("a"))?.messages === 1);
    const second = await two.resume(request(), "a");
    const joined = await three.resumable(request(), "a", generate);
    step("2");
    step("3");
    finish();
    const texts = await Promise.all([first, second, joined].map((response) => response.text()));
    expect(dataOf(texts[0]!)).toEqual(["1", "2", "3", COMPLETE]);
    expect(texts[1]).toBe(texts[0]);
    expect(texts[2]).toBe(texts[0]);
    expect(calls()).toBe(1);

    const late = open(openLog());
    expect(await late.state("a")).toMatchObject({ state: "complete", messages: 4 });
    expect((await late.resume(request(), "a")).status).toBe(204);
    const id = /^id: (.*\.2)$/m.exec(texts[0]!)![1]!;
    expect(dataOf(await (await late.resume(request(id), "a")).text())).toEqual(["3", COMPLETE]);
    expect(dataOf(await (await late.resumable(request(), "a", generate)).text())).toHaveLength(4);
    const read: string[] = [];
    for await (const { data } of late.read("a")) read.push(data);
    expect(read).toEqual(["1", "2", "3", COMPLETE]);
    expect(calls()).toBe(1);
  });

  it("begin once, however many processes are asked at once", async () => {
    const { open: openLog } = sharedLog();
    const processes = Array.from({ length: 5 }, () => open(openLog()));
    let calls = 0;
    const generate: Generate<Publication> = () => [{ data: (calls += 1) }];
    const texts = await Promise.all(
      processes.flatMap((answers) =>
        [0, 1].map(async () => (await answers.resumable(request(), "a", generate)).text()),
      ),
    );
    expect(calls).toBe(1);
    expect(new Set(texts).size).toBe(1);
    expect(dataOf(texts[0]!)).toEqual(["1", COMPLETE]);
  });

  it("are stopped from any process, and a stale stop does nothing", async () => {
    const { open: openLog } = sharedLog();
    const [one, two] = [open(openLog()), open(openLog())];
    const { generate, step, stopped } = stepper();
    const response = await one.resumable(request(), "a", generate);
    step("1");
    await until2(async () => (await two.state("a"))?.messages === 1);
    expect([await two.stop("a"), await two.stop("b")]).toEqual([true, false]);
    expect(dataOf(await response.text())).toEqual(["1", '{"reason":"stopped"}']);
    expect(stopped()).toBe(true);
    await until2(async () => (await two.state("a"))?.state === "failed");
    expect([await two.stop("a"), await one.stop("a")]).toEqual([false, false]);
  });

  it("end with a verdict when their producer dies, once, and what it appends later counts for nothing", async () => {
    const { open: openLog, cut } = sharedLog();
    const dying = openLog();
    const one = open(dying, { leaseMs: 1_000 });
    const others = [open(openLog(), { leaseMs: 1_000 }), open(openLog(), { leaseMs: 1_000 })];
    const { generate, step, calls } = stepper();
    void one.resumable(request(), "a", generate);
    step("1");
    await until2(async () => (await others[0]!.state("a"))?.messages === 1);
    const readers = await Promise.all(others.map((answers) => answers.resume(request(), "a")));
    cut(dying);
    step("2");
    const texts = await Promise.all(readers.map((response) => response.text()));
    expect(dataOf(texts[0]!)).toEqual(["1", '{"reason":"lost"}']);
    expect(texts[1]).toBe(texts[0]);
    const again = await others[0]!.resumable(request(), "a", generate);
    expect(await again.text()).toBe(texts[0]);
    expect(calls()).toBe(1);
    const second = stepper();
    second.step("new");
    second.finish();
    const restarted = await others[1]!.resumable(request(), "a", second.generate, { restart: true });
    expect(dataOf(await restarted.text())).toEqual(["new", COMPLETE]);
  });

  it("live on while nothing comes, by their lease", async () => {
    const { open: openLog } = sharedLog();
    const [one, two] = [open(openLog(), { leaseMs: 1_000 }), open(openLog(), { leaseMs: 1_000 })];
    const { generate, step, finish } = stepper();
    void one.resumable(request(), "a", generate);
    await until2(async () => (await two.state("a")) !== undefined);
    const reader = await two.resume(request(), "a");
    await new Promise((resolve) => void setTimeout(resolve, 2_500));
    step("1");
    finish();
    expect(dataOf(await reader.text())).toEqual(["1", COMPLETE]);
  });

  it("fence a producer that was thought dead", async () => {
    const { open: openLog } = sharedLog();
    const slow = openLog();
    let held: (() => void)[] | undefined;
    const one = open(
      {
        ...slow,
        append: async (drafts, options) => {
          if (held !== undefined) await new Promise<void>((resolve) => held!.push(resolve));
          return slow.append(drafts, options);
        },
      },
      { leaseMs: 1_000 },
    );
    const two = open(openLog(), { leaseMs: 1_000 });
    const { generate, step, stopped } = stepper();
    const first = await one.resumable(request(), "a", generate);
    step("1");
    await until2(async () => (await two.state("a"))?.messages === 1);
    const reader = await two.resume(request(), "a");
    held = [];
    step("too late");
    const text = await reader.text();
    expect(dataOf(text)).toEqual(["1", '{"reason":"lost"}']);
    for (const release of held.splice(0)) release();
    expect(await first.text()).toBe(text);
    await until(stopped, "the stop of the generator");
  });

  it("go on when their producer is there again before the end of a lost one is in the log", async () => {
    const { open: openLog } = sharedLog();
    const held: (() => void)[] = [];
    let isHeld = false;
    let ending: (() => void) | undefined;
    const [slow, late] = [openLog(), openLog()];
    const options = { leaseMs: 1_000 };
    const one = open(
      {
        ...slow,
        append: async (drafts, appendOptions) => {
          if (isHeld) await new Promise<void>((resolve) => held.push(resolve));
          return slow.append(drafts, appendOptions);
        },
      },
      options,
    );
    const two = open(
      {
        ...late,
        append: async (drafts, appendOptions) => {
          if (drafts[0]!.key!.startsWith("end:")) await new Promise<void>((resolve) => (ending = resolve));
          return late.append(drafts, appendOptions);
        },
      },
      options,
    );
    const { generate, step, finish } = stepper();
    const first = await one.resumable(request(), "a", generate);
    step("1");
    await until2(async () => (await two.state("a"))?.messages === 1);
    const reader = await two.resume(request(), "a");
    isHeld = true;
    await until2(async () => ending !== undefined);
    isHeld = false;
    for (const release of held.splice(0)) release();
    step("2");
    await until2(async () => (await two.state("a"))?.messages === 2);
    ending!();
    await new Promise((resolve) => void setTimeout(resolve, 50));
    step("3");
    finish();
    const text = await reader.text();
    expect(dataOf(text)).toEqual(["1", "2", "3", COMPLETE]);
    expect(await first.text()).toBe(text);
  });

  it("are not ended by a process that cannot ask the log", async () => {
    const { open: openLog } = sharedLog();
    const away = openLog();
    let isAway = false;
    const refuse = (): never => {
      throw new LogError("failed", "Cannot read log: it is away");
    };
    const one = open(openLog(), { leaseMs: 1_000 });
    const two = open(
      {
        ...away,
        // Its tail says nothing of it.
        open: (options) => away.open({ ...options, onTail: (tail) => isAway || options.onTail(tail) }),
        head: async () => (isAway ? refuse() : away.head()),
        read: async (request) => (isAway ? refuse() : away.read(request)),
      },
      { leaseMs: 1_000 },
    );
    const { generate, step, finish } = stepper();
    const first = await one.resumable(request(), "a", generate);
    step("1");
    await until2(async () => (await two.state("a"))?.messages === 1);
    const reader = await two.resume(request(), "a");
    isAway = true;
    await new Promise((resolve) => void setTimeout(resolve, 3_000));
    isAway = false;
    step("2");
    finish();
    expect(dataOf(await first.text())).toEqual(["1", "2", COMPLETE]);
    expect(dataOf(await reader.text())).toEqual(["1", "2", COMPLETE]);
  });

  describe("of a process whose log refuses what another answer is too large for", () => {
    /** Starts one such answer after the other, until it is stopped. */
    function refusing(log: Log, options: AnswersOptions): Answers<Publication> {
      const answers = open(
        {
          ...log,
          append: async (drafts, options) => {
            if (drafts.some(({ body }) => body.length > 100_000)) throw new LogError("failed", "too large");
            return log.append(drafts, options);
          },
        },
        options,
      );
      let count = 0;
      const start = () => answers.start(`large ${(count += 1)}`, () => [{ data: "x".repeat(200_000) }]);
      const timer = setInterval(() => void start().catch(() => undefined), 500);
      cleanups.push(() => clearInterval(timer));
      return answers;
    }

    it("are ended when their producer dies", async () => {
      const { open: openLog, cut } = sharedLog();
      const log = openLog();
      const one = open(log, { leaseMs: 1_000 });
      const two = refusing(openLog(), { leaseMs: 1_000 });
      const { generate, step } = stepper();
      await one.start("a", generate);
      step("1");
      await until2(async () => (await two.state("a"))?.messages === 1);
      const reader = await two.resume(request(), "a");
      cut(log);
      expect(dataOf(await reader.text())).toEqual(["1", '{"reason":"lost"}']);
    });

    it("are stopped when nobody reads them", async () => {
      const { generate, step, stopped } = stepper();
      const answers = refusing(sharedLog().open(), { abandonMs: 1_000, leaseMs: 1_000 });
      const response = await answers.resumable(request(), "a", generate);
      step("1");
      await response.body!.cancel();
      await expect.poll(stopped, { timeout: 10_000 }).toBe(true);
    });
  });

  it("are whole when the log is away for a while, also where it took what it did not acknowledge", async () => {
    const { open: openLog } = sharedLog();
    const log = openLog();
    let isAway = false;
    const errors: unknown[] = [];
    let appends = 0;
    const one = open(
      {
        ...log,
        append: async (drafts, options) => {
          if (isAway && (appends += 1) % 2 === 0) await log.append(drafts, options);
          if (isAway) throw new LogError("failed", "Cannot append to log: it is away");
          return log.append(drafts, options);
        },
      },
      { leaseMs: 1_000, onError: (error) => errors.push(error) },
    );
    const { generate, step, finish } = stepper();
    const response = await one.resumable(request(), "a", generate);
    step("1");
    isAway = true;
    step("2");
    step("3");
    await until2(async () => appends >= 5);
    isAway = false;
    step("4");
    finish();
    const text = await response.text();
    expect(dataOf(text)).toEqual(["1", "2", "3", "4", COMPLETE]);
    const late = open(openLog());
    expect(await (await late.resumable(request(), "a", generate)).text()).toBe(text);
    expect(errors[0]).toMatchObject({ code: "failed" });
  });

  it("count readers of other processes before they are abandoned", async () => {
    const { open: openLog } = sharedLog();
    const options = { abandonMs: 1_000 };
    const [one, two] = [open(openLog(), options), open(openLog(), options)];
    const { generate, step, stopped } = stepper();
    const first = await one.resumable(request(), "a", generate);
    step("1");
    await until2(async () => (await two.state("a"))?.messages === 1);
    const reader = await two.resume(request(), "a");
    await first.body!.cancel();
    await new Promise((resolve) => void setTimeout(resolve, 2_500));
    expect(stopped()).toBe(false);
    await reader.body!.cancel();
    await until(stopped, "the stop");
  });

  it("cut their readers when the log cannot take them, and report it", async () => {
    const { open: openLog } = sharedLog();
    const log = openLog();
    let full = false;
    const errors: unknown[] = [];
    const answers = open(
      {
        ...log,
        append: async (drafts, options) => {
          if (full) throw new LogError("full", "Cannot append to log: the disk is full");
          return log.append(drafts, options);
        },
      },
      { onError: (error) => errors.push(error) },
    );
    const { generate, step, stopped } = stepper();
    const response = await answers.resumable(request(), "a", generate);
    full = true;
    step("1");
    await expect(response.text()).rejects.toThrow(/./);
    await until(stopped, "the stop");
    expect(errors).toMatchObject([{ code: "full" }]);
    expect((await answers.resumable(request(), "b", generate)).status).toBe(503);
  });

  it("are 410 and begin anew after keepMs", async () => {
    const { open: openLog } = sharedLog();
    const [one, two] = [open(openLog(), { keepMs: 100 }), open(openLog(), { keepMs: 100 })];
    let calls = 0;
    const generate: Generate<Publication> = () => [{ data: (calls += 1) }];
    const text = await (await one.resumable(request(), "a", generate)).text();
    await until2(async () => (await two.state("a")) === undefined);
    const id = /^id: (.*)$/m.exec(text)![1]!;
    expect((await two.resumable(request(id), "a", generate)).status).toBe(410);
    expect(dataOf(await (await two.resumable(request(), "a", generate)).text())).toEqual(["2", COMPLETE]);
  });

  it("refuse ids that cannot be topics", async () => {
    const answers = open(memoryLog());
    for (const id of ["a\nb", "x".repeat(2_000)]) {
      expect((await answers.resumable(request(), id, () => [])).status).toBe(400);
    }
  });

  it.each([
    ["first", []],
    ["later", [{ data: "1" }]],
  ])("fail once, and are kept, where a message that cannot be encoded comes %s", async (_when, before) => {
    const answers = open(memoryLog());
    let calls = 0;
    const generate: Generate<Publication> = async function* () {
      calls += 1;
      yield* before;
      // What came before is in the log.
      await new Promise((resolve) => void setTimeout(resolve, 20));
      yield { event: "a\nb", data: "2" };
    };
    for (let reader = 0; reader < 2; reader += 1) {
      const text = await (await answers.resumable(request(), "a", generate)).text();
      expect(dataOf(text)).toEqual([...before.map(({ data }) => data), '{"reason":"failed"}']);
      const ids = [...text.matchAll(/^id: .*\.(\d+)$/gm)].map((match) => Number(match[1]));
      expect(ids).toEqual(ids.map((_, index) => index + 1));
    }
    expect(await answers.state("a")).toMatchObject({ state: "failed", reason: "failed" });
    expect(calls).toBe(1);
  });

  it("say in their dialect that the producer is lost", async () => {
    const { open: openLog, cut } = sharedLog();
    const dying = openLog();
    const options = { leaseMs: 1_000, dialect: aiSdk(), onError: () => undefined };
    const one = createAnswers({ ...options, log: dying });
    const two = createAnswers({ ...options, log: openLog() });
    cleanups.push(() => two.close());
    void one.resumable(request(), "a", async function* () {
      yield { type: "start" };
      await new Promise(() => undefined);
    });
    await until2(async () => (await two.state("a"))?.messages === 1);
    cut(dying);
    const text = await (await two.resume(request(), "a")).text();
    expect(dataOf(text).slice(1)).toEqual([
      '{"type":"error","errorText":"The server that produced the answer went away"}',
      "[DONE]",
    ]);
    expect(await two.state("a")).toMatchObject({ state: "failed", reason: "lost" });
  });
});

async function until2(condition: () => Promise<boolean>): Promise<void> {
  await expect.poll(condition).toBe(true);
}
