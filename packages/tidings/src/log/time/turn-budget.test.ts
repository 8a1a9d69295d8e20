import { expect, it } from "vitest";
import { TurnBudget, type Work } from "./turn-budget.ts";

const nextTurn = () => new Promise((resolve) => void setImmediate(resolve));

/** Work of so many units, which notes what it did. */
function workOf(name: string, units: number, done: string[]): Work {
  let left = units;
  return (most) => {
    const spent = Math.min(left, most);
    left -= spent;
    done.push(`${name} ${spent}`);
    return { spent, done: left === 0 };
  };
}

it("does what fits into a turn at once, and the rest in turn, each a part at a time", async () => {
  const budget = new TurnBudget(10);
  const done: string[] = [];
  budget.run(workOf("a", 4, done));
  budget.run(workOf("b", 15, done));
  budget.run(workOf("c", 3, done));
  expect(done.splice(0)).toEqual(["a 4", "b 6"]);
  await nextTurn();
  expect(done.splice(0)).toEqual(["b 9", "c 1"]);
  await nextTurn();
  expect(done.splice(0)).toEqual(["c 2"]);
  // Nothing is left over from an earlier turn.
  await nextTurn();
  budget.run(workOf("d", 10, done));
  expect(done).toEqual(["d 10"]);
});

it("lets work that began go behind the others", async () => {
  const budget = new TurnBudget(10);
  const done: string[] = [];
  budget.run(workOf("a", 25, done));
  budget.run(workOf("b", 5, done));
  await nextTurn();
  await nextTurn();
  await nextTurn();
  expect(done).toEqual(["a 10", "a 10", "b 5", "a 5"]);
});

it("keeps the order of thousands that wait, and of those that come meanwhile", () => {
  const scheduled: (() => void)[] = [];
  const budget = new TurnBudget(7, (run) => scheduled.push(run));
  const done: number[] = [];
  const add = (number: number): void =>
    budget.run(() => {
      done.push(number);
      return { spent: 1, done: true };
    });
  for (let i = 0; i < 2_000; i += 1) add(i);
  expect(done).toHaveLength(7);
  for (let turns = 0; scheduled.length > 0; turns += 1) {
    expect(turns).toBeLessThan(1_000);
    if (turns < 100) add(2_000 + turns);
    scheduled.shift()!();
  }
  expect(done).toEqual(Array.from({ length: 2_100 }, (_, i) => i));
});
