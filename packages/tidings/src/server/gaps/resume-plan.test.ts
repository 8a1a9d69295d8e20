import { describe, expect, test } from "vitest";
import type { Entry, Page } from "../../log/log.ts";
import { createParser } from "../../wire/parser.ts";
import type { GapReason } from "./gap.ts";
import { planResume, type ReaderPosition } from "./resume-plan.ts";

const log = { epoch: "e", head: 9 };

const entry = (offset: number): Entry => ({ offset, topic: "a", body: new Uint8Array(), atMs: 0 });

/** What the log gave: entries at these offsets, read up to `through`, with losses up to `lostThrough`. */
const page = (offsets: number[], through: number, lostThrough = 0): Page => ({
  entries: offsets.map(entry),
  through,
  lostThrough,
});

const at = (after: number, more: Partial<ReaderPosition> = {}): ReaderPosition => ({
  from: `e.${after}`,
  after,
  lossToldUpTo: 0,
  onGap: "live",
  ...more,
});

interface Plan {
  /** `from to reason`, and the event's id if it has one. */
  readonly gap?: string;
  readonly sends: number[];
  readonly upTo: number;
  readonly told?: [after: number, upTo: number, retainedSent: boolean];
  readonly fails?: true;
}

function run(position: ReaderPosition, given: Page, reason: GapReason): Plan {
  const { gap, upTo, told, fails } = planResume(position, given, log, reason);
  // The page goes out as it was read, or the gap in its place.
  const shown: Plan = { sends: gap === undefined ? given.entries.map(({ offset }) => offset) : [], upTo };
  if (gap === undefined) return { ...shown, ...(fails && { fails }) };
  let text = "";
  const parser = createParser({
    onMessage: ({ event, data, id }) => {
      const { from, to, reason } = JSON.parse(data) as Record<string, string>;
      text = `${event}: ${from} ${to} ${reason}${id === "" ? "" : `, id ${id}`}`;
    },
  });
  parser.push(gap);
  const { after, upTo: lostUpTo, retainedSent } = told!;
  return { gap: text, ...shown, told: [after, lostUpTo, retainedSent], ...(fails && { fails }) };
}

describe("a reader goes on", () => {
  const rows: [name: string, position: ReaderPosition, page: Page, reason: GapReason, plan: Plan][] = [
    ["with what it missed", at(3), page([4, 7], 9), "retention", { sends: [4, 7], upTo: 9 }],
    ["with a part of it", at(3), page([4, 5], 5), "retention", { sends: [4, 5], upTo: 5 }],
    ["where nothing was for it", at(3), page([], 9), "retention", { sends: [], upTo: 9 }],
    [
      "past losses that it had before they were lost",
      at(5),
      page([7], 9, 5),
      "retention",
      { sends: [7], upTo: 9 },
    ],
    [
      "past losses that it knows of",
      at(3, { lossToldUpTo: 6 }),
      page([7], 9, 6),
      "slow",
      { sends: [7], upTo: 9 },
    ],
    [
      "live, behind a gap up to the newest",
      at(3),
      page([7, 8], 9, 6),
      "retention",
      { gap: "gap: e.3 e.9 retention, id e.9", sends: [], upTo: 9, told: [3, 9, false] },
    ],
    [
      "live, behind a loss that is newer than what the hub has seen",
      at(3),
      page([], 12, 12),
      "slow",
      { gap: "gap: e.3 e.12 slow, id e.12", sends: [], upTo: 12, told: [3, 12, false] },
    ],
    [
      "behind a gap whose id stands before what is retained, which it then reads",
      at(3, { onGap: "earliest" }),
      page([7, 8], 9, 5),
      "retention",
      { gap: "gap: e.3 e.5 retention, id e.6", sends: [], upTo: 6, told: [3, 5, true] },
    ],
    [
      "with nothing, where nothing is retained",
      at(3, { onGap: "earliest" }),
      page([], 9, 9),
      "slow",
      { gap: "gap: e.3 e.9 slow, id e.9", sends: [], upTo: 9, told: [3, 9, true] },
    ],
    [
      "nowhere, and without an id, when it asked for all or nothing",
      at(3, { onGap: "fail" }),
      page([7], 9, 5),
      "retention",
      { gap: "gap: e.3 e.9 retention", sends: [], upTo: 3, told: [3, 9, false], fails: true },
    ],
    [
      "live, from another log, whatever was read",
      at(0, { from: "old.77" }),
      page([1, 2], 9),
      "epoch",
      { gap: "gap: old.77 e.9 epoch, id e.9", sends: [], upTo: 9, told: [0, 9, false] },
    ],
    [
      "from another log, before all that is retained",
      at(0, { from: "old.77", onGap: "earliest" }),
      page([1, 2], 2),
      "epoch",
      { gap: "gap: old.77 e.0 epoch, id e.0", sends: [], upTo: 0, told: [0, 0, true] },
    ],
    [
      "behind a state, which the gap leaves the id to",
      at(3, { snapshot: true }),
      page([], 9, 6),
      "retention",
      { gap: "gap: e.3 e.9 retention", sends: [], upTo: 9, told: [3, 9, false] },
    ],
  ];

  test.each(rows)("%s", (_, position, given, reason, plan) => {
    expect(run(position, given, reason)).toEqual(plan);
  });
});

test("losses that were reported are remembered, the newest of them", () => {
  const toldUpTo = (position: ReaderPosition, given: Page): number =>
    planResume(position, given, log, "slow").lossToldUpTo;
  expect(toldUpTo(at(3), page([4], 9, 2))).toBe(2);
  expect(toldUpTo(at(3, { lossToldUpTo: 5 }), page([6], 9, 2))).toBe(5);
  expect(toldUpTo(at(3, { onGap: "earliest" }), page([8], 9, 6))).toBe(6);
  expect(toldUpTo(at(3), page([8], 9, 6))).toBe(9);
});
