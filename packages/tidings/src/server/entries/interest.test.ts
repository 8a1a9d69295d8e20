import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Followed } from "../../log/log.ts";
import { Interest } from "./interest.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const named = (name: string) => ({ name, patterns: undefined });
const pattern = (name: string) => ({ name, patterns: {} });

function setUp(follow: (topics: Followed) => Promise<number>) {
  const asked: Followed[] = [];
  const givenBack: Followed[] = [];
  const followed: [string[], number][] = [];
  const errors: unknown[] = [];
  const interest = new Interest({
    log: {
      follow: (topics) => {
        asked.push(topics);
        return follow(topics);
      },
      unfollow: (topics) => givenBack.push(topics),
    },
    onFollowed: (routes, offset) => followed.push([routes.map(({ name }) => name), offset]),
    onError: (error) => errors.push(error),
  });
  return { interest, asked, givenBack, followed, errors };
}

it("asks for the topics of one turn together, and for everything where there is a pattern", async () => {
  const { interest, asked, followed } = setUp(async () => 7);
  for (const route of [named("a"), pattern("b/*"), named("c")]) interest.add(route);
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual([["a", "c"], "all"]);
  expect(followed).toEqual([
    [["a", "c"], 7],
    [["b/*"], 7],
  ]);
});

it("gives back what was followed, also what nobody wants any more when the log answers", async () => {
  let answer: (offset: number) => void = () => undefined;
  const { interest, givenBack, followed } = setUp(() => new Promise((resolve) => (answer = resolve)));
  const [a, b] = [named("a"), named("b")];
  interest.add(a);
  interest.add(b);
  await vi.advanceTimersByTimeAsync(0);
  interest.remove(a);
  expect(givenBack).toEqual([]);
  answer(3);
  await vi.advanceTimersByTimeAsync(0);
  expect(followed).toEqual([[["b"], 3]]);
  interest.remove(b);
  expect(givenBack).toEqual([["a"], ["b"]]);
});

it("asks a log that refused again, for what is still wanted, and reports that once", async () => {
  let up = false;
  const { interest, asked, followed, errors } = setUp(async () => {
    if (!up) throw new Error("no log");
    return 9;
  });
  const [a, b] = [named("a"), named("b")];
  interest.add(a);
  interest.add(b);
  await vi.advanceTimersByTimeAsync(2_500);
  interest.remove(a);
  up = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toEqual([["a", "b"], ["a", "b"], ["a", "b"], ["b"]]);
  expect(followed).toEqual([[["b"], 9]]);
  expect(errors).toEqual([new Error("no log")]);
});
