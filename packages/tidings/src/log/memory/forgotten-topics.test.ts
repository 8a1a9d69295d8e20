import { expect, it } from "vitest";
import { ForgottenTopics } from "./forgotten-topics.ts";

it("knows what each topic had discarded, and of others that it was nothing", () => {
  const forgotten = new ForgottenTopics();
  for (let i = 1; i <= 50_000; i += 1) forgotten.add(`user/${i}/inbox`, i);
  forgotten.add("user/7/inbox", 60_000);
  expect(forgotten.discardedOf("user/7/inbox")).toBe(60_000);
  expect(forgotten.discardedOf("user/8/inbox")).toBe(8);
  expect(forgotten.discardedOf("user/50000/inbox")).toBe(50_000);
  let wrong = 0;
  for (let i = 50_001; i <= 150_000; i += 1) if (forgotten.discardedOf(`user/${i}/inbox`) > 0) wrong += 1;
  expect(wrong).toBe(0);
  expect(forgotten.newest).toBe(60_000);
});

it("is bounded: of the oldest it says that they may have lost something", () => {
  const forgotten = new ForgottenTopics(1_024);
  for (let i = 1; i <= 10_000; i += 1) forgotten.add(`topic/${i}`, i);
  expect(forgotten.floor).toBeGreaterThan(0);
  expect(forgotten.discardedOf("topic/10000")).toBe(10_000);
  for (let i = 1; i <= 10_000; i += 1) expect(forgotten.discardedOf(`topic/${i}`)).toBeGreaterThanOrEqual(i);
  expect(forgotten.discardedOf("never")).toBe(forgotten.floor);
});
