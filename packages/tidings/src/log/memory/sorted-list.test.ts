import { expect, it } from "vitest";
import { createRandom } from "../../testing/random.ts";
import { SortedList } from "./sorted-list.ts";

it("agrees with a sorted array", () => {
  const random = createRandom(7);
  const list = new SortedList<{ n: number }, { n: number }>((one, other) => one.n - other.n);
  const items = new Map<number, { n: number }>();
  for (let step = 0; step < 20_000; step += 1) {
    const n = Math.floor(random() * 3_000);
    const item = items.get(n);
    if (item === undefined) {
      items.set(n, { n });
      list.add(items.get(n)!);
    } else if (random() < 0.4) {
      items.delete(n);
      list.delete(item);
    }
  }
  const expected = [...items.keys()].sort((one, other) => one - other);
  expect([...list.from({ n: -1 })].map(({ n }) => n)).toEqual(expected);
  expect([...list.from({ n: 1_500 })].map(({ n }) => n)).toEqual(expected.filter((n) => n >= 1_500));
  expect([...list.backward()].map(({ n }) => -n)).toEqual(
    expected.map((n) => -n).sort((one, other) => one - other),
  );
});

it("takes items at once", () => {
  const items = Array.from({ length: 2_000 }, (_, n) => ({ n: 2_000 - n }));
  const list = new SortedList<{ n: number }, { n: number }>((one, other) => one.n - other.n, items);
  list.add({ n: 0.5 });
  expect([...list.from({ n: 0 })].map(({ n }) => n).slice(0, 3)).toEqual([0.5, 1, 2]);
});
