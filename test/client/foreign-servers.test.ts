/**
 * 2,000 servers as nobody should write them. The class does with each what Chromium's own does, and `connect` what its rules say.
 * More, and others: FOREIGN_CASES=20000 FOREIGN_FIRST=2000 npx vitest --project system test/client/foreign-servers
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ParsedMessage, readBatches, readMessages } from "tidings";
import { connect, type Clock } from "tidings/client";
import { formatRecording, parseRecording, record, replay } from "tidings/test";
import { createPlainParser } from "../../packages/tidings/src/wire/plain-parser.oracle.ts";
import { responseReaders } from "../foreign/foreign-peers.ts";
import { type Browser, engines, until } from "../browsers/index.ts";
import { type Answer, type Case, caseOf, isDenied, reached, STAYS } from "./foreign-servers/cases.ts";
import { expected, type Told } from "./foreign-servers/model.ts";
import { type ForeignServer, startForeignServer } from "./foreign-servers/server.ts";

const FIRST = Number(process.env["FOREIGN_FIRST"] ?? 0);
const CASES = Number(process.env["FOREIGN_CASES"] ?? 2000);
const numbers = Array.from({ length: CASES }, (_, at) => FIRST + at);

describe("in Node", () => {
  let server: ForeignServer;
  beforeAll(async () => {
    server = await startForeignServer();
  });
  afterAll(() => server.close());

  /** A second of waiting takes five milliseconds here. */
  const clock: Clock = {
    nowMs: () => Date.now(),
    random: () => Math.random(),
    setTimeout: (run, ms) => setTimeout(run, ms >= 1000 && ms <= 30_000 ? ms / 200 : ms),
    clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  };

  async function told(number: number, name: string): Promise<Told> {
    const path = `/case/${number}/node-${encodeURIComponent(name)}`;
    const lines: string[] = [];
    const connection = connect(`http://127.0.0.1:${server.port}${path}`, {
      clock,
      onOpen: () => void lines.push("open"),
      onMessage({ event, data, id }) {
        lines.push(`message ${JSON.stringify([event, data, id])}`);
        if (data === STAYS) connection.close();
      },
      onError: ({ code, willRetry }) => void lines.push(`error ${code} ${willRetry ? "again" : "final"}`),
    });
    const { reason } = await connection.ended;
    return { lines: [...lines, reason], asked: server.asked(path) };
  }

  test(`connect does with ${CASES} servers what its rules say`, { timeout: 180_000 }, async () => {
    const left = [...numbers];
    const wrong: unknown[] = [];
    await Promise.all(
      Array.from({ length: 60 }, async () => {
        for (let number; (number = left.shift()) !== undefined;) {
          const due = expected(caseOf(number));
          // A socket that Node's fetch uses again may be closed at that moment, which is no failure of the case: so three times.
          for (let time = 0; time < 3; time++) {
            const seen = await told(number, `connect${time}`);
            if (JSON.stringify(seen) === JSON.stringify(due)) break;
            if (time === 2) wrong.push({ number, seen, due });
          }
        }
      }),
    );
    expect(wrong.slice(0, 3), `${wrong.length} of ${CASES} differ`).toEqual([]);
  });

  /** What a response should be read as: its messages, and whether that fails. */
  function wholeOf({ chunks, ending }: Answer): { messages: ParsedMessage[]; failed: boolean } {
    const messages: ParsedMessage[] = [];
    const parser = createPlainParser({ onMessage: (message) => void messages.push(message) });
    for (const chunk of chunks) parser.push(chunk);
    return { messages, failed: ending === "cut" };
  }

  /** Each reads a whole response, with the messages and whether it failed. */
  const readers: Record<string, (response: Response) => Promise<ParsedMessage[]>> = {
    readMessages: (response) => collect([], readMessages(response)),
    async readBatches(response) {
      const messages: ParsedMessage[] = [];
      for await (const batch of readBatches(response)) messages.push(...batch);
      return messages;
    },
    "record, and replay": async (response) => {
      const recording = await record(response, { maxBytes: 2 ** 20 });
      return collect([], readMessages(replay(recording, { speed: Infinity })));
    },
    "record, parseRecording of its bytes, and replay": async (response) => {
      const recording = parseRecording(
        new TextEncoder().encode(await record(response, { maxBytes: 2 ** 20 })),
      );
      expect(parseRecording(formatRecording(recording))).toEqual(recording);
      return collect([], readMessages(replay(recording, { speed: Infinity })));
    },
  };

  async function collect(
    messages: ParsedMessage[],
    source: AsyncIterable<ParsedMessage>,
  ): Promise<ParsedMessage[]> {
    for await (const message of source) messages.push(message);
    return messages;
  }

  test.each(Object.entries(readers))(
    "%s reads a response of each of these servers, or fails",
    async (name, read) => {
      /** @returns What was read otherwise than it was sent. */
      async function misread(number: number): Promise<unknown> {
        for (const [at, answer] of caseOf(number).answers.entries()) {
          // Each from a host of its own: a connection that is used again may be closed at that moment, which is no failure of the case.
          const host = `127.${at + 1}.${number >> 8}.${number & 255}`;
          const url = `http://${host}:${server.port}/case/${number}/${encodeURIComponent(name)}`;
          const response = await fetch(url).catch(() => undefined);
          if (response === undefined) {
            if (reached(answer) !== "nothing") return { number, seen: "no answer" };
            continue;
          }
          if (answer.ending === "stay" || reached(answer) === "redirect") {
            await response.body?.cancel();
            continue;
          }
          const due = wholeOf(answer);
          const seen = await read(response).catch(() => "failed" as const);
          // By its status a response may have no body, whatever was sent.
          const hasNone = [204, 205, 304].includes(response.status) && seen !== "failed";
          const isSame = due.failed
            ? seen === "failed"
            : JSON.stringify(seen) === JSON.stringify(due.messages);
          if (!hasNone && !isSame) return { number, seen, due };
        }
        return undefined;
      }
      const wrong: unknown[] = [];
      const left = numbers.slice(0, CASES / 4);
      await Promise.all(
        Array.from({ length: 30 }, async () => {
          for (let number; (number = left.shift()) !== undefined;) {
            const failure = await misread(number);
            if (failure !== undefined) wrong.push(failure);
          }
        }),
      );
      expect(wrong.slice(0, 3), `${wrong.length} differ`).toEqual([]);
    },
  );
});

/** Chromium tells XHR nothing of a response before its body begins, or has ended where its type must be guessed: cut before, it was none. */
function asXhrSees(read: Case): Case {
  return withUnseen(
    read,
    ({ status, headers, ending, chunks }) =>
      ending === "cut" &&
      // By their status these have no body, so that nothing of them can be cut.
      ![205, 304].includes(status) &&
      (chunks.length === 0 ||
        headers.every(([name, value]) => name !== "content-type" || !value.includes("/"))),
  );
}

/** A page gets nothing of what it may not read. */
function asPageSees(read: Case): Case {
  return withUnseen(read, (answer) => isDenied(answer, false));
}

type Seen = readonly [lines: readonly string[], asked: readonly (string | null)[]];

/**
 * Where a redirect leads to what the page may not read, Chromium's own gives up: to try again is "futile" in the words of the standard.
 * A page is told by fetch of a network error, as of any other, so that ours tries again. That far they are the same.
 */
function untilDenied({ answers, withCredentials }: Case, own: Seen, ours: Seen): [Seen, Seen] {
  const isSo =
    own[0].at(-1) === "error 2" &&
    own[1].length < ours[1].length &&
    ours[0][own[0].length - 1] === "error 0" &&
    answers.some((answer) => isDenied(answer, withCredentials));
  if (!isSo) return [own, ours];
  const [lines, asked] = own;
  return [own, [[...ours[0].slice(0, lines.length - 1), "error 2"], ours[1].slice(0, asked.length)]];
}

function withUnseen(read: Case, isUnseen: (answer: Answer) => boolean): Case {
  const answers = read.answers.map((answer) =>
    isUnseen(answer) ? { ...answer, ending: "no answer" as const } : answer,
  );
  return { ...read, answers };
}

describe("in Chromium", () => {
  /** As many addresses of this machine, each with a page in a frame and six connections. */
  const FRAMES = 40;
  let server: ForeignServer;
  let browser: Browser;

  beforeAll(async () => {
    const entry = join(dirname(fileURLToPath(import.meta.url)), "foreign-servers/page.ts");
    const bundled = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: "iife",
      conditions: ["browser"],
      logLevel: "error",
    });
    server = await startForeignServer({
      "/": "<!doctype html><title>Foreign servers</title>",
      "/frame": '<!doctype html><script src="/page.js"></script>',
      "/page.js": bundled.outputFiles[0]!.text,
    });
    browser = await engines.find(({ engine }) => engine === "chromium")!.start();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** Reads these cases in frames of as many addresses. @returns What the page tells of each. */
  async function read(
    of: readonly number[],
    time: number,
    rules: boolean,
  ): Promise<Record<string, Record<string, string[]>>> {
    await browser.open(`http://127.0.0.1:${server.port}/`);
    await browser.evaluate(
      (port, shares, time, rules) => {
        const all: Record<string, unknown> = {};
        Object.assign(globalThis, { all });
        // Each frame is of another address, so that it says what it saw by messages.
        addEventListener("message", ({ data }) => Object.assign(all, data));
        shares.forEach((numbers, frame) => {
          const element = document.createElement("iframe");
          element.src = `http://127.0.1.${frame + 1}:${port}/frame#${JSON.stringify({ numbers, time, rules })}`;
          document.body.append(element);
        });
      },
      server.port,
      Array.from({ length: FRAMES }, (_, frame) => of.filter((_number, at) => at % FRAMES === frame)),
      time,
      rules,
    );
    const told = await until(
      "the outcomes of all cases",
      async () => {
        const count = await browser.evaluate(
          () => Object.keys((globalThis as unknown as { all: object }).all).length,
        );
        return (
          count === of.length &&
          browser.evaluate(() => JSON.stringify((globalThis as unknown as { all: object }).all))
        );
      },
      280_000,
    );
    return JSON.parse(told as string) as Record<string, Record<string, string[]>>;
  }

  /** @returns The cases in which ours and the browser's own differ. */
  async function differing(of: readonly number[], time: number): Promise<unknown[]> {
    const outcomes = await read(of, time, false);
    return Object.entries(outcomes).flatMap(([number, { own, ours }]) => {
      const asked = ["own", "ours"].map((name) => server.asked(`/case/${number}/${name}${time}`));
      const [theirs, us] = untilDenied(caseOf(Number(number)), [own!, asked[0]!], [ours!, asked[1]!]);
      return JSON.stringify(theirs) === JSON.stringify(us)
        ? []
        : [{ number: Number(number), own, ours, asked }];
    });
  }

  /** @returns The cases in which a client does not what the rules of `connect` say. */
  async function breaking(of: readonly number[], time: number): Promise<unknown[]> {
    const outcomes = await read(of, time, true);
    return Object.entries(outcomes).flatMap(([number, told]) =>
      Object.entries(told).flatMap(([name, lines]) => {
        const seen = {
          lines,
          asked: server.asked(`/case/${number}/ours-${name === "xhr" ? "xhr" : "share"}${time}`),
        };
        const page = asPageSees(caseOf(Number(number)));
        const due = expected(name === "xhr" ? asXhrSees(page) : page);
        return JSON.stringify(seen) === JSON.stringify(due)
          ? []
          : [{ number: Number(number), name, seen, due }];
      }),
    );
  }

  test(
    `xhrTransport and share do with ${CASES / 4} servers what the rules of connect say`,
    { timeout: 400_000 },
    async () => {
      const once = (await breaking(numbers.slice(0, CASES / 4), 0)) as { number: number }[];
      const twice =
        once.length === 0 ? [] : await breaking([...new Set(once.map(({ number }) => number))], 1);
      expect(twice.slice(0, 3), `${once.length}, then ${twice.length} of ${CASES / 4} differ`).toEqual([]);
    },
  );

  test(`EventSource does with ${CASES} servers what Chromium's own does`, { timeout: 400_000 }, async () => {
    const once = (await differing(numbers, 0)) as { number: number }[];
    // On a busy machine a cut may overtake what came before it, for one of the two. Not twice.
    const twice =
      once.length === 0
        ? []
        : await differing(
            once.map(({ number }) => number),
            1,
          );
    // After a redirect, whatever it was, Chromium's own asks the last URL again. Ours asks what it was given, as its docs say.
    expect(server.straight.filter((path) => path.includes("/ours"))).toEqual([]);
    expect(CASES < 1000 || server.straight.length > 0).toBe(true);
    expect(once.length).toBeLessThan(CASES / 50);
    expect(twice.slice(0, 3), `${twice.length} of ${CASES} differ`).toEqual([]);
  });
});

test("the servers are read by everything that reads one, as the package's declarations have it", () => {
  const here = new Set(["connect: url", "new EventSource: url", "share: url", "fetchTransport: transport"]);
  for (const reader of ["readMessages: response", "readBatches: response", "record: response"])
    here.add(reader);
  for (const reader of ["replay: bytes", "parseRecording: bytes", "xhrTransport: transport"])
    here.add(reader);
  const elsewhere: readonly [pattern: RegExp, reason: string][] = [
    [
      /^(?:createStore|useEventStream): url/,
      "over connect, and what a store shows of it: store/store.test.ts, test/ui",
    ],
    [/^shareOver:/, "share, with a platform in place of the browser's: client/share.test.ts"],
    [/^from(?:Taro|Tt|Uni|Wx):/, "hosts of mini programs: mini-program/foreign-hosts.test.ts"],
    [/^(?:Parser\.push|Reader\.read|Utf8Decoder\.decode):/, "text in any bytes: wire/fuzz.test.ts"],
    [/^(?:EventStream\.sendEncoded|encodeInto|ResumableStreamStore\.append):/, "bytes of the server's own"],
    [/^(?:TestFetch|TestRequest|answerOf)/, "the test kit, given by the test that uses it"],
  ];
  const all = responseReaders();
  expect(all.length).toBeGreaterThan(20);
  expect(all.filter((name) => !here.has(name) && !elsewhere.some(([pattern]) => pattern.test(name)))).toEqual(
    [],
  );
  expect([...here].filter((name) => !all.includes(name))).toEqual([]);
  expect(elsewhere.filter(([pattern]) => !all.some((name) => pattern.test(name)))).toEqual([]);
});
