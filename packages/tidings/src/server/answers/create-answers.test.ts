import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Reader, until } from "../../../../../test/support/hub-server.ts";
import { aiSdk, openai } from "../../dialects/index.ts";
import type { Publication } from "../publish/publication.ts";
import type { Answers, AnswersOptions } from "./answers.ts";
import { createAnswers, resumable } from "./create-answers.ts";
import type { Generate as GenerateOf } from "./producer.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

type Generate = GenerateOf<Publication>;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => void server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function serve(
  generate: Generate,
  options: AnswersOptions = {},
): Promise<{ answers: Answers<Publication>; url: string; errors: unknown[] }> {
  const errors: unknown[] = [];
  const answers = createAnswers({ onError: (error) => errors.push(error), ...options });
  cleanups.push(() => answers.close());
  const url = await listen((request, response) => {
    const id = new URL(request.url!, "http://localhost").searchParams.get("id") ?? "x";
    void answers.resumable(request, response, id, generate);
  });
  return { answers, url, errors };
}

async function read(url: string): Promise<Reader> {
  const reader = await Reader.open(url);
  cleanups.push(() => reader.cut());
  return reader;
}

/** A generator that is told when to go on. */
function stepper(): {
  generate: Generate;
  step: (text: string) => void;
  finish: () => void;
  calls: () => number;
  stopped: () => boolean;
} {
  let calls = 0;
  let stopped = false;
  let wake: (() => void) | undefined;
  let done = false;
  const texts: string[] = [];
  return {
    async *generate({ signal }) {
      calls += 1;
      signal.addEventListener("abort", () => {
        stopped = true;
        wake?.();
      });
      for (;;) {
        for (let text = texts.shift(); text !== undefined; text = texts.shift())
          yield { event: "token", data: text };
        if (done || signal.aborted) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    step: (text) => {
      texts.push(text);
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

const shown = (reader: Reader): string[] => reader.messages.map(({ event, data }) => `${event} ${data}`);
const COMPLETE = 'end {"complete":true}';

describe("resumable()", () => {
  it("streams an answer, ends it with the verdict, and stops whoever comes back for more", async () => {
    const { url } = await serve(async function* () {
      yield { event: "token", data: "你" };
      yield { event: "token", data: "好" };
    });
    const reader = await read(url);
    expect(await reader.ended).toEqual({ complete: true });
    expect(shown(reader)).toEqual(["token 你", "token 好", COMPLETE]);
    await reader.connect(url);
    expect(reader.status).toBe(204);
  });

  it("goes on while nobody reads, and sends clients that return what they missed: the generator is called once", async () => {
    const { generate, step, finish, calls } = stepper();
    const { url } = await serve(generate);
    const reader = await read(url);
    step("1");
    await reader.messagesUntil(1);
    reader.cut();
    step("2");
    step("3");
    await reader.connect(url);
    await reader.messagesUntil(3);
    const other = await read(url);
    step("4");
    finish();
    await Promise.all([reader.ended, other.ended]);
    expect(shown(reader)).toEqual(["token 1", "token 2", "token 3", "token 4", COMPLETE]);
    expect(shown(other)).toEqual(shown(reader));
    expect(shown(await finished(url))).toEqual(shown(reader));
    expect(calls()).toBe(1);
  });

  it("keeps answers apart by their id", async () => {
    let n = 0;
    const { url, answers } = await serve(() => [{ data: (n += 1) }]);
    expect(shown(await finished(`${url}?id=a`))[0]).toBe("message 1");
    expect(shown(await finished(`${url}?id=b`))[0]).toBe("message 2");
    expect(shown(await finished(`${url}?id=a`))[0]).toBe("message 1");
    expect(answers.size).toBe(2);
  });

  it("reports a generator that threw, without its message", async () => {
    const { url, errors } = await serve(async function* () {
      yield { data: "half" };
      throw new Error("the key is 12345");
    });
    const reader = await finished(url);
    expect(shown(reader)).toEqual(["message half", 'failed {"reason":"failed"}']);
    expect(errors).toMatchObject([{ message: "the key is 12345" }]);
    expect(reader.text).not.toContain("12345");
  });

  it("reports a message that cannot be sent", async () => {
    const { url, errors } = await serve(() => [{ data: 1, id: "mine" } as { data: number }]);
    expect(shown(await finished(url))).toEqual(['failed {"reason":"failed"}']);
    expect(errors).toMatchObject([{ message: expect.stringContaining("has an id") }]);
  });

  it("keeps nothing of a message beside its bytes while the generator goes on", async () => {
    const messages: WeakRef<object>[] = [];
    let isWaiting = false;
    const { url } = await serve(async function* ({ signal }) {
      for (let n = 0; n < 500; n += 1) {
        const data = { n };
        messages.push(new WeakRef(data));
        yield { data };
        if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
      }
      isWaiting = true;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const reader = await read(url);
    await reader.messagesUntil(500);
    await until(() => isWaiting, "the last message");
    const alive = (): number => {
      gc();
      return messages.filter((message) => message.deref() !== undefined).length;
    };
    // What the generator and the loop hold is the last one. A promise that lives as long as the answer would hold them all.
    await expect.poll(alive).toBeLessThan(10);
  });

  it("reports a message that is longer than clients take", async () => {
    const { url, errors } = await serve(() => [{ data: "x".repeat(2 ** 24 + 1) }], { bytes: 2 ** 26 });
    expect(shown(await finished(url))).toEqual(['failed {"reason":"failed"}']);
    expect(errors).toMatchObject([
      { message: expect.stringContaining("has 16777217 bytes, expected 16777216 or fewer") },
    ]);
  });

  it("ends an answer that is longer than is kept, and says so", async () => {
    const { url } = await serve(
      function* () {
        for (let i = 1; ; i += 1) yield { data: i };
      },
      { messages: 3 },
    );
    expect(shown(await finished(url)).slice(-2)).toEqual(["message 3", 'failed {"reason":"too-long"}']);
  });

  it("stops the generator when the answer is stopped", async () => {
    const { generate, step, stopped } = stepper();
    const { url, answers } = await serve(generate);
    const reader = await read(`${url}?id=a`);
    step("1");
    await reader.messagesUntil(1);
    expect([await answers.stop("a"), await answers.stop("a"), await answers.stop("b")]).toEqual([
      true,
      false,
      false,
    ]);
    await reader.ended;
    expect(shown(reader)).toEqual(["token 1", 'failed {"reason":"stopped"}']);
    expect(stopped()).toBe(true);
  });

  it("gives the verdict even when the generator does not look at its signal", async () => {
    const { url, answers } = await serve(async function* () {
      yield { data: 1 };
      await new Promise(() => undefined);
    });
    const reader = await read(`${url}?id=a`);
    await reader.messagesUntil(1);
    await answers.stop("a");
    await reader.ended;
    expect(shown(reader).at(-1)).toBe('failed {"reason":"stopped"}');
  });

  it("stops a generator that nobody reads, if asked to", async () => {
    const { generate, step, stopped } = stepper();
    const { url } = await serve(generate, { abandonMs: 100 });
    const reader = await read(url);
    step("1");
    await reader.messagesUntil(1);
    await new Promise((resolve) => void setTimeout(resolve, 250));
    expect(stopped()).toBe(false);
    reader.cut();
    await until(stopped, "the stop");
    await reader.connect(url);
    await reader.ended;
    expect(shown(reader).at(-1)).toBe('failed {"reason":"abandoned"}');
  });

  it("is not abandoned because its process was suspended: its readers have the time to return", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    const answers = createAnswers({ abandonMs: 10_000 });
    const left = new AbortController();
    let stopped = false;
    const response = await answers.resumable(
      new Request("http://localhost/", { signal: left.signal }),
      "a",
      async function* ({ signal }) {
        signal.addEventListener("abort", () => (stopped = true));
        yield { data: 1 };
        await new Promise(() => undefined);
      },
    );
    left.abort();
    await response.text();
    const turns = (ms: number): void => void vi.advanceTimersByTime(ms);
    turns(2_000);
    let nowMs = performance.now() + 3_600_000;
    vi.spyOn(performance, "now").mockImplementation(() => nowMs);
    for (let turn = 0; turn < 20; turn += 1, nowMs += 250) turns(250);
    expect(stopped).toBe(false);
    for (let turn = 0; turn < 20; turn += 1, nowMs += 250) turns(250);
    expect(stopped).toBe(true);
    await answers.close();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it("forgets an answer after keepMs, and says gone to whoever had a part of it", async () => {
    let calls = 0;
    const { url, answers } = await serve(() => [{ data: (calls += 1) }], { keepMs: 50 });
    const reader = await finished(url);
    await until(() => answers.size === 0, "forgetting");
    await reader.connect(url);
    await reader.ended;
    expect([reader.status, calls]).toEqual([410, 1]);
    expect(JSON.parse(reader.text.slice(reader.text.indexOf('{"status"')))).toMatchObject({ code: "gone" });
    expect(shown(await finished(url))[0]).toBe("message 2");
  });

  it("does not begin an answer for HEAD", async () => {
    const { generate, calls } = stepper();
    const { url, answers } = await serve(generate);
    expect((await fetch(url, { method: "HEAD" })).status).toBe(404);
    expect([calls(), answers.size]).toEqual([0, 0]);
    await read(url);
    expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
    expect(calls()).toBe(1);
  });

  it("refuses more answers than it may keep", async () => {
    const { generate } = stepper();
    const { url } = await serve(generate, { answers: 1 });
    await read(`${url}?id=a`);
    expect((await read(`${url}?id=b`)).status).toBe(503);
  });

  it("answers a Fetch request, with the default event of the end", async () => {
    const answer = (): Promise<Response> =>
      resumable(new Request("http://localhost/"), "fetch test", async function* () {
        yield { data: { n: 1 } };
      });
    const texts = await Promise.all([answer(), answer()].map(async (response) => (await response).text()));
    expect(texts[0]).toMatch(/data: \{"n":1\}\n\n.*event: end\ndata: \{"complete":true\}\n\n$/su);
    expect(texts[1]).toBe(texts[0]);
  });

  it("gives 204 for an answer that does not run, and joins one that does", async () => {
    const { generate, step, finish, calls } = stepper();
    const answers = open();
    const resume = (headers = {}): Promise<Response> =>
      answers.resume(new Request("http://localhost/", { headers }), "a");
    expect((await resume()).status).toBe(204);
    const started = await answers.resumable(new Request("http://localhost/"), "a", generate);
    step("1");
    const joined = await resume();
    finish();
    const text = await started.text();
    expect(await joined.text()).toBe(text);
    expect([(await resume()).status, calls()]).toEqual([204, 1]);
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map((match) => match[1]!);
    const rest = await resume({ "last-event-id": ids[0]! });
    expect(await rest.text()).toMatch(/^:\n\nid: \S+\nevent: end\ndata: {"complete":true}\n\n$/);
    expect((await resume({ "last-event-id": ids.at(-1)! })).status).toBe(204);
    expect((await resume({ "last-event-id": "other.1" })).status).toBe(410);
  });

  it("cannot be called complete by its own generator", async () => {
    const cases: [Generate, string[]][] = [
      // Held back until it is true.
      [() => [{ data: 1 }, { event: "end", data: { tokens: 7 } }], ["message 1", 'end {"tokens":7}']],
      [
        async function* () {
          yield { event: "end", data: "forged" };
          throw new Error("not at all");
        },
        ['failed {"reason":"failed"}'],
      ],
      [() => [{ event: "end", data: "forged" }, { data: 1 }], ['failed {"reason":"failed"}']],
      [() => [{ event: "failed", data: { reason: "mine" } }], ['failed {"reason":"mine"}']],
    ];
    for (const [generate, expected] of cases) {
      const { url } = await serve(generate);
      expect(shown(await finished(url))).toEqual(expected);
    }
  });

  it("gives the words of a failure that the application chooses", async () => {
    const { url } = await serve(
      () => {
        throw new Error("the key is 12345");
      },
      { describeError: (error, id) => `${id}: ${(error as Error).message.length} letters` },
    );
    expect(shown(await finished(url))).toEqual(['failed {"reason":"failed","message":"x: 16 letters"}']);
  });

  it("runs the finally of a generator whose message cannot be sent, and aborts its signal", async () => {
    const seen: string[] = [];
    const { url } = await serve(async function* ({ signal }) {
      signal.addEventListener("abort", () => seen.push("aborted"));
      try {
        yield { data: 1n };
        seen.push("went on");
      } finally {
        seen.push("finally");
      }
    });
    await finished(url);
    await until(() => seen.length === 2, "the finally");
    expect(seen).toEqual(["aborted", "finally"]);
  });

  it("cancels a ReadableStream that is stopped while nothing comes", async () => {
    const cancelled: unknown[] = [];
    const { url, answers } = await serve(
      () =>
        new ReadableStream<{ data: number }>({
          start: (controller) => controller.enqueue({ data: 1 }),
          cancel: (reason) => void cancelled.push(reason),
        }),
    );
    const reader = await read(`${url}?id=a`);
    await reader.messagesUntil(1);
    await answers.stop("a");
    await reader.ended;
    expect(shown(reader)).toEqual(["message 1", 'failed {"reason":"stopped"}']);
    expect(cancelled).toMatchObject([{ message: "Answer was stopped: stopped" }]);
  });

  it("forgets the one that ended first for the next", async () => {
    const { url, answers } = await serve(() => [{ data: 1 }], { answers: 2 });
    for (const id of ["a", "b", "c"]) await finished(`${url}?id=${id}`);
    expect(answers.size).toBe(2);
    expect([await answers.state("a"), (await answers.state("b"))?.state]).toEqual([undefined, "complete"]);
  });

  it("limits the answers and the streams of one subscriber", async () => {
    const answers = open({ answersPerSubscriber: 1, streamsPerSubscriber: 2 });
    const { generate } = stepper();
    const ask = async (id: string, subscriber: string): Promise<number> =>
      (await answers.resumable(new Request("http://localhost/"), id, generate, { subscriber })).status;
    expect(await ask("a", "ann")).toBe(200);
    expect([await ask("b", "ann"), await ask("c", "bob")]).toEqual([429, 200]);
    expect([await ask("a", "ann"), await ask("a", "ann"), await ask("a", "bob")]).toEqual([200, 429, 200]);
  });

  it("asks authorize, and gives the headers to refusals too", async () => {
    const answers = open({ headers: { "access-control-allow-origin": "*" } });
    const ask = async (authorize: AnswersOptions["authorize"]): Promise<[number, string | null]> => {
      const response = await answers.resumable(new Request("http://localhost/"), "a", () => [], {
        authorize,
      });
      return [response.status, response.headers.get("access-control-allow-origin")];
    };
    expect(await ask(() => false)).toEqual([403, "*"]);
    expect(await ask(() => ({ refuse: 401 }))).toEqual([401, "*"]);
    expect(await ask(() => Promise.reject(new TypeError("fetch failed")))).toEqual([503, "*"]);
    expect(await ask(() => "yes" as never)).toEqual([503, "*"]);
    expect(answers.size).toBe(0);
    expect(await ask(({ id, starts }) => id === "a" && starts)).toEqual([200, "*"]);
  });

  it("waits for authorize no longer than timeoutMs", async () => {
    const errors: unknown[] = [];
    const answers = open({ timeoutMs: 20, onError: (error) => errors.push(error) });
    let aborted: unknown;
    const response = await answers.resumable(new Request("http://localhost/"), "a", () => [], {
      authorize: ({ signal }) => {
        signal.addEventListener("abort", () => (aborted = signal.reason));
        return new Promise(() => {});
      },
    });
    expect([response.status, answers.size]).toEqual([503, 0]);
    expect(errors).toMatchObject([
      { message: "Cannot answer: authorize did not finish within 20 ms (timeoutMs)" },
    ]);
    expect(aborted).toBe(errors[0]);
  });

  it("ends a stream when its authorization does, without a verdict", async () => {
    const answers = open();
    const authorize = (): { expiresAtMs: number } => ({ expiresAtMs: Date.now() + 50 });
    const response = await answers.resumable(new Request("http://localhost/"), "a", stepper().generate, {
      authorize,
    });
    expect(await response.text()).toBe(":\n\n");
    expect((await answers.state("a"))?.state).toBe("running");
  });

  it("says what is known of an answer", async () => {
    const answers = open();
    const response = await answers.resumable(new Request("http://localhost/"), "a", () => {
      throw new Error("no");
    });
    await response.text();
    expect(await answers.state("a")).toMatchObject({ state: "failed", reason: "failed", messages: 1 });
    expect(await answers.state("b")).toBeUndefined();
  });

  it("starts one that failed again, if asked to", async () => {
    const answers = open();
    let calls = 0;
    const generate: Generate = () => {
      calls += 1;
      if (calls === 1) throw new Error("no");
      return [{ data: calls }];
    };
    const ask = async (options = {}): Promise<string> =>
      (await answers.resumable(new Request("http://localhost/"), "a", generate, options)).text();
    expect(await ask()).toContain("event: failed");
    expect(await ask()).toContain("event: failed");
    expect(await ask({ restart: true })).toContain("data: 2\n\n");
    expect(await ask({ restart: true })).toContain("data: 2\n\n");
  });

  it("lets others have a turn while a finished answer is read", async () => {
    const answers = createAnswers();
    cleanups.push(() => answers.close());
    await answers.start("a", () =>
      Array.from({ length: 8000 }, (_, n) => ({ data: `token ${n} of a long answer` })),
    );
    let count = 0;
    for await (const _ of answers.read("a")) count += 1;
    let turns = 0;
    let next = setImmediate(function again() {
      turns += 1;
      next = setImmediate(again);
    });
    for await (const _ of answers.read("a")) count += 1;
    clearImmediate(next);
    // With the message that says that it is complete.
    expect(count).toBe(2 * 8001);
    expect(turns).toBeGreaterThan(3);
  });

  it("is read in the process, from a cursor and as it comes", async () => {
    const answers = open();
    const { generate, step, finish } = stepper();
    await answers.resumable(new Request("http://localhost/"), "a", generate);
    step("1");
    const texts: string[] = [];
    let cursor = "";
    for await (const { event, data, id } of answers.read("a")) {
      texts.push(`${event} ${data}`);
      if (data === "1") {
        cursor = id;
        step("2");
        finish();
      }
    }
    expect(texts).toEqual(["token 1", "token 2", COMPLETE]);
    const rest: string[] = [];
    for await (const { data } of answers.read("a", { after: cursor })) rest.push(data);
    expect(rest).toEqual(["2", '{"complete":true}']);
    await expect(answers.read("b").next()).rejects.toMatchObject({ code: "gone" });
  });

  it("tells a reader in the process that an answer is not complete, and ends with its signal", async () => {
    const answers = open();
    const { generate, step } = stepper();
    await answers.resumable(new Request("http://localhost/"), "a", generate);
    step("1");
    const abort = new AbortController();
    const waiting = answers.read("a", { signal: abort.signal });
    await waiting.next();
    const next = waiting.next();
    abort.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    const reading = (async () => {
      for await (const _ of answers.read("a"));
    })();
    await answers.stop("a");
    await expect(reading).rejects.toMatchObject({ code: "stopped" });
  });

  it("has ended its streams when it is closed", async () => {
    const answers = createAnswers();
    const { generate, step } = stepper();
    let open = 0;
    const url = await listen((request, response) => {
      open += 1;
      response.on("close", () => (open -= 1));
      void answers.resumable(request, response, "x", generate);
    });
    const readers = await Promise.all([read(url), read(url)]);
    step("1");
    await readers[0].messagesUntil(1);
    await answers.close();
    expect(open).toBe(0);
    for (const reader of readers) {
      await reader.ended;
      expect(shown(reader).at(-1)).toBe('failed {"reason":"lost"}');
    }
  });

  it("waits for what runs when it is closed, then stops it, and tells its readers that it is lost: nobody stopped it", async () => {
    const answers = open();
    const quick = stepper();
    const slow = stepper();
    const texts = await Promise.all(
      [quick, slow].map(({ generate }, i) =>
        answers.resumable(new Request("http://localhost/"), String(i), generate),
      ),
    );
    const closing = answers.close({ graceMs: 100 });
    expect((await answers.resumable(new Request("http://localhost/"), "z", quick.generate)).status).toBe(503);
    quick.finish();
    await closing;
    expect(await texts[0]!.text()).toContain("event: end");
    expect(await texts[1]!.text()).toContain('event: failed\ndata: {"reason":"lost"}');
    expect(slow.stopped()).toBe(true);
  });

  it("is started without a request, once", async () => {
    const answers = open({ answersPerSubscriber: 1 });
    const { generate, step, finish, calls } = stepper();
    expect([await answers.start("a", generate), await answers.start("a", generate)]).toEqual([true, false]);
    const response = await answers.resume(new Request("http://localhost/"), "a");
    step("1");
    finish();
    expect(await response.text()).toContain("data: 1\n\n");
    expect(calls()).toBe(1);
    await answers.start("b", stepper().generate, { subscriber: "ann" });
    await expect(answers.start("c", generate, { subscriber: "ann" })).rejects.toMatchObject({
      code: "too-many-answers",
    });
    await expect(answers.start("", generate)).rejects.toThrow(/id is ""/);
  });

  it("is framed in the dialect of the request", async () => {
    const answers = createAnswers({ dialect: aiSdk() });
    cleanups.push(() => answers.close());
    const response = await answers.resumable(new Request("http://localhost/"), "a", () => [
      { type: "start" },
    ]);
    expect(response.headers.get("x-vercel-ai-ui-message-stream")).toBe("v1");
    expect(dataOf(await response.text())).toEqual(['{"type":"start"}', "[DONE]"]);
    const other = await answers.resumable(new Request("http://localhost/"), "b", () => [{ choices: [] }], {
      dialect: openai(),
    });
    expect(dataOf(await other.text())).toEqual(['{"choices":[]}', "[DONE]"]);
  });

  it("sends a long answer to a reader that takes it slowly", async () => {
    const line = "x".repeat(1_000);
    const { url } = await serve(function* () {
      for (let i = 0; i < 5_000; i += 1) yield { data: `${i} ${line}` };
    });
    const reader = await read(url);
    reader.pause();
    await new Promise((resolve) => void setTimeout(resolve, 100));
    reader.resume();
    await reader.ended;
    expect(reader.messages).toHaveLength(5_001);
    expect(reader.messages.slice(0, -1).every(({ data }, i) => data.startsWith(`${i} `))).toBe(true);
  });

  it("is left by a loop that waits, at once", async () => {
    const answers = open();
    await answers.start("id", async function* () {
      yield { data: "1" };
      await new Promise(() => undefined);
    });
    const loop = answers.read("id");
    expect((await loop.next()).value).toMatchObject({ data: "1" });
    const waiting = loop.next();
    expect([await loop.return!(), await waiting]).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  it.each([
    [null, "options is null, expected an object"],
    [{ after: 5 }, "after is 5, expected the id of a message"],
    [{ signal: new AbortController() }, "signal is a AbortController, expected an AbortSignal"],
    [{ afer: "" }, "there is no option afer, expected after"],
  ])("refuses %j to a loop", (options, words) => {
    expect(() => open().read("id", options as never)).toThrow(words);
  });

  it.each([[{ keepMs: 0 }], [{ answers: -1 }], [{ bytes: Number.NaN }]])(
    "refuses the limits %j",
    (options) => {
      expect(() => createAnswers(options)).toThrow(/expected a number above 0/);
    },
  );
});

function open(options: AnswersOptions = {}): Answers<Publication> {
  const answers = createAnswers({ onError: () => undefined, ...options });
  cleanups.push(() => answers.close());
  return answers;
}

function dataOf(text: string): string[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1]!);
}

async function finished(url: string): Promise<Reader> {
  const reader = await read(url);
  await reader.ended;
  return reader;
}
