import { expect, it } from "vitest";
import { TurnGate } from "./turn-gate.ts";

it("lets so many pass at once, and the others in later turns, in order", async () => {
  const scheduled: (() => void)[] = [];
  const gate = new TurnGate(3, (run) => scheduled.push(run));
  const passed: number[] = [];
  const enter = (number: number): void => {
    const wait = gate.pass();
    if (wait === undefined) passed.push(number);
    else void wait.then(() => passed.push(number));
  };
  const nextTurn = async (): Promise<void> => {
    scheduled.shift()!();
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let i = 0; i < 5; i += 1) enter(i);
  expect(passed).toEqual([0, 1, 2]);
  await nextTurn();
  expect(passed).toEqual([0, 1, 2, 3, 4]);
  // Two have passed in this turn.
  enter(5);
  enter(6);
  expect(passed).toEqual([0, 1, 2, 3, 4, 5]);
  await nextTurn();
  await nextTurn();
  expect(passed).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(scheduled).toEqual([]);
});
