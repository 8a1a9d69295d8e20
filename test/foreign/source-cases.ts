/** What a stream takes: sources, their iterators, and reports. */
import { expect } from "vitest";
import { type EventStream, openStream } from "../../packages/tidings/src/server/index.ts";
import { type Bad, fails, mistake } from "./bad-code.ts";
import {
  type Case,
  each,
  expectNothingUncaught,
  expectReports,
  expectSecondsOnConsole,
  failing,
  settle,
} from "./harness.ts";

const ofSource: Case = async (bad) => {
  const reported: unknown[] = [];
  let opened: EventStream | undefined;
  const stream = openStream(new Request("http://a/"), bad.make(() => opened?.end()) as () => never, {
    onError: (error) => reported.push(error),
    heartbeatMs: 20,
  });
  opened = stream;
  const read = stream.response.text().then(
    () => "whole",
    () => "cut",
  );
  await settle();
  stream.end();
  await read;
  const { code } = await stream.ended;
  // A list is a source, and an empty one is soon read.
  const isSource = Array.isArray(bad.given);
  const isDone = isSource || bad.kind === "never";
  expect(reported.length).toBe(Number(!isDone));
  if (fails(bad)) expectReports(reported, bad.thrown);
  if (!isDone && bad.kind !== "calls back") expect(code).toBe("source-failed");
  expectNothingUncaught();
};

/** An iterator one of whose methods misbehaves. */
export function iteratorWith(name: "next" | "return" | "throw", code: () => unknown): AsyncIterable<never> {
  const iterator = {
    next: () => new Promise(() => undefined),
    return: () => ({ done: true, value: undefined }),
    async throw(error: unknown) {
      throw error;
    },
    [name]: code,
  };
  return { [Symbol.asyncIterator]: () => iterator as never };
}

const ofSourceIterator =
  (name: "asyncIterator" | "next" | "return" | "getReader"): Case =>
  async (bad) => {
    const reported: unknown[] = [];
    let opened: EventStream | undefined;
    const code = bad.make(() => opened?.end());
    const items = {
      asyncIterator: () => ({ [Symbol.asyncIterator]: code }),
      getReader: () => ({ getReader: code }),
      next: () => iteratorWith("next", code),
      return: () => iteratorWith("return", code),
    }[name]();
    const stream = openStream(new Request("http://a/"), items as never, {
      onError: (error) => reported.push(error),
    });
    opened = stream;
    const read = stream.response.text().catch(() => "cut");
    await settle();
    stream.end();
    await read;
    await stream.ended;
    await settle();
    expect(reported.length).toBe(Number(isIteratorDue(name, bad)));
    // A promise is no iterator, whatever becomes of it.
    const isThrown = name === "next" || name === "return" || bad.kind !== "rejects";
    if (fails(bad) && isThrown) expectReports(reported, bad.thrown);
    expectNothingUncaught();
  };

/** Whether a report is due of an iterator one of whose methods misbehaves. */
export function isIteratorDue(name: string, bad: Bad): boolean {
  if (name === "return") return fails(bad);
  // An item may take as long as it likes.
  return name !== "next" || bad.kind !== "never";
}

const ofStreamOnError: Case = async (bad) => {
  let opened: EventStream | undefined;
  const onError = bad.make(() => opened?.end()) as (error: unknown) => void;
  const stream = openStream(new Request("http://a/"), failing, { onError });
  opened = stream;
  await stream.response.text().catch(() => undefined);
  expect((await stream.ended).code).toBe("source-failed");
  await settle();
  expectNothingUncaught();
  expectSecondsOnConsole(bad, mistake);
};

export const sourceCases: Readonly<Record<string, Case>> = {
  "openStream(source)": ofSource,
  "openStream(source)()": each(
    ofSourceIterator("asyncIterator"),
    ofSourceIterator("next"),
    ofSourceIterator("return"),
    ofSourceIterator("getReader"),
  ),
  "StreamOptions.onError": ofStreamOnError,
};
