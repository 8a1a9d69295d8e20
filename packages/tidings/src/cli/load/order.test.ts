import { expect, test } from "vitest";
import { Order, type Place } from "./order.ts";

/** Each list is what one connection got, in order. */
function totals(...connections: (readonly (string | number)[])[]) {
  const order = new Order();
  for (const ids of connections) {
    let place: Place | undefined;
    for (const id of ids) place = order.take(place, String(id));
  }
  return order.totals();
}
const good = { lost: 0, doubled: 0, outOfOrder: 0, behind: 0 };

test("what all got in order is all well", () => {
  expect(totals([1, 2, 3], [1, 2, 3])).toEqual({ counted: 2, ...good });
});

test("who came later has lost nothing, and who is slower is behind", () => {
  expect(totals([1, 2, 3, 4], [3, 4], [1, 2])).toEqual({ counted: 3, ...good, behind: 2 });
});

test("what others saw between its first and its last is lost", () => {
  expect(totals([1, 2, 3, 4, 5], [1, 5], [2, 3, 5])).toMatchObject({ lost: 4 });
});

test("offsets that nobody saw are another topic's", () => {
  expect(totals([1, 5, 9], [1, 5, 9])).toMatchObject(good);
});

test("what comes twice, and what comes late", () => {
  expect(totals([1, 2, 2, 3])).toMatchObject({ doubled: 1, outOfOrder: 0, lost: 0 });
  expect(totals([1, 3, 2, 4])).toMatchObject({ doubled: 0, outOfOrder: 1, lost: 0 });
});

test("a reader that gets all again from the start gets it twice", () => {
  const ids = Array.from({ length: 100 }, (_, at) => at + 1);
  expect(totals([...ids, ...ids])).toMatchObject({ doubled: 100, outOfOrder: 0 });
});

test("cursors of two epochs are two streams", () => {
  expect(totals(["aaaaaaaa.1", "aaaaaaaa.2", "bbbbbbbb.1"], ["aaaaaaaa.1", "aaaaaaaa.2"])).toMatchObject({
    lost: 0,
    doubled: 0,
  });
});

test("ids that cannot be ordered are not counted", () => {
  expect(totals(["a", "b"], ["", ""])).toEqual({ counted: 0, ...good });
});
