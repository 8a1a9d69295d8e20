import * as fc from "fast-check";
import { expect, test } from "vitest";
import { EntryQueue } from "./entry-queue.ts";
import { Merge, QueueHead } from "./merge.ts";

test("several queues are read as one, what stands in several once, from behind an offset", () => {
  const offsets = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 40 })), { maxLength: 5 });
  fc.assert(
    fc.property(offsets, fc.integer({ min: 0, max: 40 }), (lists, after) => {
      const merge = new Merge(
        lists.map((list) => {
          const queue = new EntryQueue<{ offset: number }>();
          for (const offset of [...list].sort((a, b) => a - b)) queue.push({ offset });
          return new QueueHead(queue, after);
        }),
      );
      const read: number[] = [];
      for (let { item } = merge; item !== undefined; { item } = merge) {
        read.push(item.offset);
        merge.advance();
      }
      const expected = [...new Set(lists.flat())].filter((offset) => offset > after).sort((a, b) => a - b);
      expect(read).toEqual(expected);
    }),
  );
});
