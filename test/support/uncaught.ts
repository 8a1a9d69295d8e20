/** Counts what is uncaught while a file's tests run. It is theirs to judge, and no failure of the test runner's. */
import { afterAll, beforeAll } from "vitest";

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/** @returns What came until now; whoever has judged it empties the list. */
export function countUncaught(): unknown[] {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  const others = EVENTS.map((name) => ({
    name,
    listeners: process.listeners(name as "uncaughtException"),
  }));
  beforeAll(() => {
    for (const { name } of others) process.removeAllListeners(name).on(name, note);
  });
  afterAll(() => {
    for (const { name, listeners } of others) {
      process.off(name, note);
      for (const listener of listeners) process.on(name as "uncaughtException", listener);
    }
  });
  return uncaught;
}
