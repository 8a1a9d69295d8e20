/** What answers take: generators and what they yield, who may read, descriptions, reports, and dialects. */
import { expect } from "vitest";
import type { Dialect } from "../../packages/tidings/src/dialects/index.ts";
import { memoryLog } from "../../packages/tidings/src/log/index.ts";
import {
  type AnswerRequestOptions,
  type Answers,
  type AnswersOptions,
  createAnswers,
} from "../../packages/tidings/src/server/index.ts";
import { type Bad, fails, mistake } from "./bad-code.ts";
import {
  type Case,
  closers,
  each,
  expectNothingUncaught,
  expectReports,
  expectSecondsOnConsole,
  failing,
  settle,
  within,
} from "./harness.ts";
import { isIteratorDue, iteratorWith } from "./source-cases.ts";

function openAnswers(options: AnswersOptions): { answers: Answers<{ data: unknown }>; reported: unknown[] } {
  const reported: unknown[] = [];
  const answers = createAnswers({ timeoutMs: 30, onError: (error) => reported.push(error), ...options });
  closers.push(() => answers.close());
  return { answers: answers, reported };
}

/** Somebody else's answer is produced meanwhile. */
async function expectAnother(answers: Answers<{ data: unknown }>, id = "other"): Promise<void> {
  const other = await answers.resumable(new Request("http://a/"), id, () => [{ data: "1" }]);
  expect(await other.text()).toContain("data: 1");
}

const ofGenerate: Case = async (bad) => {
  const { answers, reported } = openAnswers({});
  const generate = bad.make(() => answers.stop("id")) as never;
  const response = await answers.resumable(new Request("http://a/"), "id", generate);
  const read = response.text().catch(() => "cut");
  await expectAnother(answers);
  await settle();
  await answers.stop("id");
  expect(await read).toMatch(/event: (?:end|complete|failed)/);
  // An empty list is an empty answer, and who stopped the answer knows why it has failed.
  const isDue = !Array.isArray(bad.given) && bad.kind !== "never" && bad.kind !== "calls back";
  expect(reported.length).toBe(Number(isDue));
  if (fails(bad)) expectReports(reported, bad.thrown);
  expectNothingUncaught();
};

const ofStart: Case = async (bad) => {
  const { answers, reported } = openAnswers({});
  const started = await answers.start("id", bad.make(() => answers.state("id")) as never);
  expect(started).toBe(true);
  await settle();
  await answers.stop("id");
  const read = async (): Promise<string> => {
    for await (const _ of answers.read("id"));
    return "complete";
  };
  const ended = await read().catch((error: unknown) => (error as { code?: unknown }).code);
  expect(ended).toBe(Array.isArray(bad.given) ? "complete" : bad.kind === "never" ? "stopped" : "failed");
  const isDue = !Array.isArray(bad.given) && bad.kind !== "never";
  expect(reported.length).toBe(Number(isDue));
  if (fails(bad)) expectReports(reported, bad.thrown);
  await expectAnother(answers);
  expectNothingUncaught();
};

const ofGenerated =
  (name: "asyncIterator" | "next" | "return"): Case =>
  async (bad) => {
    const { answers, reported } = openAnswers({});
    const code = bad.make(() => answers.stop("id"));
    const items = name === "asyncIterator" ? { [Symbol.asyncIterator]: code } : iteratorWith(name, code);
    const response = await answers.resumable(new Request("http://a/"), "id", () => items as never);
    const read = response.text().catch(() => "cut");
    await expectAnother(answers);
    await settle();
    await answers.stop("id");
    expect(await read).toMatch(/event: (?:end|failed)/);
    // Who has stopped it knows that it is over, and what a source says to that is no news.
    const isStopped = name === "next" && bad.kind === "calls back";
    const isDue = name !== "return" && !isStopped && isIteratorDue(name, bad);
    expect(reported.length).toBe(Number(isDue));
    const isThrown = name === "next" || bad.kind !== "rejects";
    if (isDue && fails(bad) && isThrown) expectReports(reported, bad.thrown);
    expectNothingUncaught();
  };

const ofAnswers =
  (name: "authorize" | "describeError" | "onError"): Case =>
  async (bad) => {
    const code = bad.make(() => answers.stop("id"));
    const { answers, reported } = openAnswers({ [name]: code });
    const response = await answers.resumable(new Request("http://a/"), "id", failing);
    // It was asked to stop what does not run, and said no.
    if (name === "authorize") expect(response.status).toBe(bad.kind === "calls back" ? 403 : 503);
    await response.text().catch(() => "cut");
    await settle();
    expectNothingUncaught();
    if (name === "authorize") expect(reported.length).toBe(Number(bad.kind !== "calls back"));
    if (name === "authorize" && fails(bad)) expectReports(reported, bad.thrown);
    // The failure of the generator, and that of what should have described it.
    if (name === "describeError") expectReports(reported, mistake, ...(fails(bad) ? [bad.thrown] : []));
    if (name === "onError") expectSecondsOnConsole(bad, mistake);
  };

/** `authorize` of one request: as that of all. */
const ofAnswerRequest: Case = async (bad) => {
  const { answers, reported } = openAnswers({});
  const authorize = bad.make(() => answers.stop("id")) as never;
  const response = await answers.resumable(new Request("http://a/"), "id", () => [{ data: "1" }], {
    authorize,
  });
  expect(response.status).toBe(bad.kind === "calls back" ? 403 : 503);
  await response.text();
  await expectAnother(answers);
  expect(reported.length).toBe(Number(bad.kind !== "calls back"));
  if (fails(bad)) expectReports(reported, bad.thrown);
  expectNothingUncaught();
};

/** A dialect of one's own on the server: its functions are called for each item, and at the end. */
const ofDialect =
  (name: keyof Dialect, isShared = false): Case =>
  async (bad) => {
    const own: Dialect<{ data: unknown }> = {
      name: "own",
      message: (item) => item,
      end: ({ complete }) => [{ event: complete ? "end" : "failed", data: "" }],
      verdictOf({ event }) {
        if (event === "end") return { complete: true };
        return event === "failed" ? { complete: false, reason: "failed" } : undefined;
      },
    };
    const dialect = { ...own, [name]: bad.make(() => answers.stop("id")) };
    const options = { dialect, ...(isShared && { log: memoryLog() }) } as AnswersOptions;
    const { answers, reported } = openAnswers(options);
    const items = (): { data: unknown }[] => [{ data: "1" }, { data: "2" }];
    const response = await answers.resumable(new Request("http://a/"), "id", items);
    const read = await within(
      2_000,
      response.text().catch(() => "cut"),
    );
    // It ends, whatever its dialect makes of it.
    expect(read).toBeDefined();
    // One mistake, though there are two items and an end.
    expect(reported.length).toBe(Number(isDialectDue(name, bad)));
    if (bad.kind === "throws" || bad.kind === "unreadable") expectReports(reported, bad.thrown);
    const other = await answers.resumable(new Request("http://a/"), "other", items, {
      dialect: own,
    } as AnswerRequestOptions);
    expect(await other.text()).toContain("data: 1");
    expect(reported.length).toBe(Number(isDialectDue(name, bad)));
    expectNothingUncaught();
  };

function isDialectDue(name: keyof Dialect, { given, kind }: Bad): boolean {
  // Nothing is said with nothing, and no messages are a list of messages.
  if (name === "verdictOf") return given !== null;
  return name !== "end" || !Array.isArray(given) || kind !== "nonsense";
}

export const answerCases: Readonly<Record<string, Case>> = {
  "Answers.resumable(generate)": ofGenerate,
  "Answers.resumable(generate)()": each(
    ofGenerated("asyncIterator"),
    ofGenerated("next"),
    ofGenerated("return"),
  ),
  "Answers.start(generate)": ofStart,
  "AnswersOptions.authorize": ofAnswers("authorize"),
  "AnswersOptions.describeError": ofAnswers("describeError"),
  "AnswersOptions.onError": ofAnswers("onError"),
  "AnswerRequestOptions.authorize": ofAnswerRequest,
  "Dialect.message": each(ofDialect("message"), ofDialect("message", true)),
  "Dialect.end": each(ofDialect("end"), ofDialect("end", true)),
  "Dialect.verdictOf": each(ofDialect("verdictOf"), ofDialect("verdictOf", true)),
};
