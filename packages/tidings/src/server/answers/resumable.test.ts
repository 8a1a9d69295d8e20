import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Reader, until } from "../../../../../test/support/hub-server.ts";
import type { Generate } from "./answer.ts";
import { createAnswers, resumable, type Answers, type AnswersOptions } from "./resumable.ts";

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
): Promise<{ answers: Answers; url: string; errors: unknown[] }> {
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

  it("goes on while nobody reads, and gives whoever returns what is missing: the generator is called once", async () => {
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

  it("tells of a generator that threw, without its words", async () => {
    const { url, errors } = await serve(async function* () {
      yield { data: "half" };
      throw new Error("the key is 12345");
    });
    const reader = await finished(url);
    expect(shown(reader)).toEqual(["message half", 'end {"complete":false,"reason":"failed"}']);
    expect(errors).toMatchObject([{ message: "the key is 12345" }]);
    expect(reader.text).not.toContain("12345");
  });

  it("tells of a message that cannot be sent", async () => {
    const { url, errors } = await serve(() => [{ data: 1, id: "mine" } as { data: number }]);
    expect(shown(await finished(url))).toEqual(['end {"complete":false,"reason":"failed"}']);
    expect(errors).toMatchObject([{ message: expect.stringContaining("has an id") }]);
  });

  it("ends an answer that is longer than is kept, and says so", async () => {
    const { url } = await serve(
      function* () {
        for (let i = 1; ; i += 1) yield { data: i };
      },
      { messages: 3 },
    );
    expect(shown(await finished(url)).slice(-2)).toEqual([
      "message 4",
      'end {"complete":false,"reason":"too-long"}',
    ]);
  });

  it("stops the generator when the answer is cancelled", async () => {
    const { generate, step, stopped } = stepper();
    const { url, answers } = await serve(generate);
    const reader = await read(`${url}?id=a`);
    step("1");
    await reader.messagesUntil(1);
    expect([answers.cancel("a"), answers.cancel("a"), answers.cancel("b")]).toEqual([true, false, false]);
    await reader.ended;
    expect(shown(reader)).toEqual(["token 1", 'end {"complete":false,"reason":"cancelled"}']);
    expect(stopped()).toBe(true);
  });

  it("gives the verdict even when the generator does not look at its signal", async () => {
    const { url, answers } = await serve(async function* () {
      yield { data: 1 };
      await new Promise(() => undefined);
    });
    const reader = await read(`${url}?id=a`);
    await reader.messagesUntil(1);
    answers.cancel("a");
    await reader.ended;
    expect(shown(reader).at(-1)).toBe('end {"complete":false,"reason":"cancelled"}');
  });

  it("stops a generator that nobody reads, when it is told to", async () => {
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
    expect(shown(reader).at(-1)).toBe('end {"complete":false,"reason":"abandoned"}');
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

  it("answers a Fetch request, with what is told by default", async () => {
    const answer = (): Promise<Response> =>
      resumable(new Request("http://localhost/"), "fetch test", async function* () {
        yield { data: { n: 1 } };
      });
    const texts = await Promise.all([answer(), answer()].map(async (response) => (await response).text()));
    expect(texts[0]).toMatch(/data: \{"n":1\}\n\n.*event: end\ndata: \{"complete":true\}\n\n$/su);
    expect(texts[1]).toBe(texts[0]);
  });

  it.each([[{ keepMs: 0 }], [{ answers: -1 }], [{ bytes: Number.NaN }]])(
    "refuses the limits %j",
    (options) => {
      expect(() => createAnswers(options)).toThrow(/expected a number above 0/);
    },
  );
});

async function finished(url: string): Promise<Reader> {
  const reader = await read(url);
  await reader.ended;
  return reader;
}
