/** Where a stream begins: a log of ten messages, of which the oldest three are discarded and the newest four are at hand. */
import { afterEach, describe, expect, test } from "vitest";
import type { Log } from "../../log/log.ts";
import { memoryLog } from "../../log/index.ts";
import { createParser } from "../../wire/parser.ts";
import { system } from "../hub/environment.ts";
import { HubParts } from "../hub/hub-parts.ts";
import { HubCounters } from "../observe/hub-stats.ts";
import { TurnGate } from "../time/turn-gate.ts";
import { selectTopics } from "../topics/topic-selection.ts";
import { stateAsker } from "./snapshot.ts";
import { findStart } from "./start-point.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

const RETAINED = 7;
const AT_HAND = 4;

let log: Log;
afterEach(() => log.close());

/** A hub with ten messages of the topic `a`, whose data is their offset. */
async function open(bytes = 0): Promise<HubParts> {
  log = memoryLog();
  const parts = await HubParts.open({
    log,
    settings: {
      retention: { messages: RETAINED, bytes: Infinity, ageMs: Infinity },
      recent: { messages: AT_HAND, bytes: Infinity },
      writeBytes: 65_536,
      messageBytes: 2 ** 20,
      readBytes: 32 * 2 ** 20,
      blockedBytes: Infinity,
      slowPolicyOf: undefined,
      heartbeatMs: Infinity,
      stallMs: Infinity,
      topicsPerStream: 100,
      selectionBytes: Infinity,
      cluster: undefined,
      onError: (error) => expect.unreachable(String(error)),
    },
    environment: system,
    counters: new HubCounters(),
    openings: new TurnGate(12, system.schedule),
    onLeft: () => undefined,
    onState: () => undefined,
    onControl: () => undefined,
    onControlLost: () => undefined,
    controlTopics: [],
    onEntered: () => undefined,
    onMoved: () => undefined,
  });
  parts.groups.acquire(selectTopics(["a"], 1));
  for (let n = 1; n <= 10; n += 1) {
    const body = new TextEncoder().encode(`data: ${n}${"y".repeat(bytes)}\n\n`);
    await log.append([{ topic: "a", body }]);
  }
  return parts;
}

interface Start {
  /** Messages and gaps in order, each with the id that it leaves: `4`, `gap 2-10 retention, id 10`. */
  readonly sends: string[];
  /** The last event ID behind them, when no message moved it. */
  readonly id?: string;
  readonly begins: number;
  readonly stands: number;
}

async function startFrom(parts: HubParts, cursor: string, options: Partial<SubscribeOptions>) {
  const { epoch } = parts.recent;
  const given = cursor.replace("e.", `${epoch}.`);
  const all: SubscribeOptions = { topics: ["a"], ...options };
  return findStart({
    lastEventId: given,
    group: parts.groups.acquire(selectTopics(all.topics, 9)),
    recent: parts.recent,
    log,
    fanOut: parts.fanOut,
    pages: parts.pages,
    options: all,
    askState:
      all.snapshot &&
      stateAsker(all.snapshot, ["a"], { recent: parts.recent, checkData: undefined, timeoutMs: 10_000 }),
    prologue: undefined,
    signal: new AbortController().signal,
  });
}

async function start(cursor: string, options: Partial<SubscribeOptions> = {}): Promise<Start | string> {
  const parts = await open();
  const { epoch } = parts.recent;
  const found = await startFrom(parts, cursor, options);
  if ("code" in found) return `${found.status} ${found.code}`;
  const short = (id: string): string => id.replace(`${epoch}.`, "e.");
  const sends: string[] = [];
  let last = "";
  const parser = createParser({
    onMessage: ({ event, data, id }) => {
      if (event !== "gap") sends.push(id === last ? data : `${data}, id ${short(id)}`);
      else {
        const { from, to, reason } = JSON.parse(data) as Record<string, string>;
        sends.push(`gap ${short(from!)} ${short(to!)} ${reason}${id === last ? "" : `, id ${short(id)}`}`);
      }
      last = id;
    },
  });
  parser.push(found.first.bytes);
  expect(found.first.length).toBeGreaterThan(0);
  return {
    sends,
    ...(parser.lastEventId !== last && { id: short(parser.lastEventId) }),
    begins: found.startOffset,
    stands: found.offset,
  };
}

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}, id e.${from + i}`);

const state = { snapshot: (topic: string) => ({ event: "state", data: `state of ${topic}` }) };

describe("a subscription begins", () => {
  const rows: [name: string, cursor: string, options: Partial<SubscribeOptions>, start: Start | string][] = [
    ["without a cursor, with the newest", "", {}, { sends: [], id: "e.10", begins: 10, stands: 10 }],
    [
      "without a cursor, with all that is retained, and no gap",
      "",
      { from: "earliest" },
      { sends: ids(4, 10), begins: 0, stands: 10 },
    ],
    ["with nothing, when it has the newest", "e.10", {}, { sends: [], begins: 10, stands: 10 }],
    ["with what is at hand", "e.8", {}, { sends: ids(9, 10), begins: 8, stands: 10 }],
    ["with what the log has", "e.5", {}, { sends: ids(6, 10), begins: 5, stands: 10 }],
    ["right behind what was discarded", "e.3", {}, { sends: ids(4, 10), begins: 3, stands: 10 }],
    [
      "live behind a gap, when something is lost",
      "e.2",
      {},
      { sends: ["gap e.2 e.10 retention, id e.10"], begins: 2, stands: 10 },
    ],
    [
      "behind a gap, and before what is retained, when it wants that",
      "e.2",
      { onGap: "earliest" },
      { sends: ["gap e.2 e.3 retention, id e.3"], begins: 2, stands: 3 },
    ],
    ["not at all, when it wants all or nothing", "e.2", { onGap: "fail" }, "412 gap"],
    [
      "behind a gap, with a cursor of another log",
      "old.9",
      {},
      { sends: ["gap old.9 e.10 epoch, id e.10"], begins: 0, stands: 10 },
    ],
    [
      "behind a gap, with a cursor that nobody wrote",
      "nonsense",
      { onGap: "earliest" },
      { sends: ["gap nonsense e.3 epoch, id e.3"], begins: 0, stands: 3 },
    ],
    [
      "behind a gap, with a cursor that this log has not come to",
      "e.11",
      {},
      { sends: ["gap e.11 e.10 epoch, id e.10"], begins: 0, stands: 10 },
    ],
    [
      "with the state, and its cursor behind it",
      "",
      state,
      { sends: ["state of a"], id: "e.10", begins: 10, stands: 10 },
    ],
    [
      "with the state behind a gap, and no id before it",
      "e.2",
      state,
      { sends: ["gap e.2 e.10 retention", "state of a"], id: "e.10", begins: 2, stands: 10 },
    ],
    ["without the state, when nothing is lost", "e.9", state, { sends: ids(10, 10), begins: 9, stands: 10 }],
  ];

  test.each(rows)("%s", async (_, cursor, options, expected) => {
    expect(await start(cursor, options)).toEqual(expected);
  });
});

// Thousands may return together and read nothing: each would hold a copy of what all of them missed.
test.each([
  ["at hand", "e.8", 8],
  ["in the log", "e.5", 5],
])("what is large follows what each stream begins with: %s", async (_, cursor, stands) => {
  const parts = await open(5_000);
  const found = await startFrom(parts, cursor, {});
  if ("code" in found) throw new Error(found.code);
  expect(found.first.length).toBeLessThan(100);
  expect([found.startOffset, found.offset]).toEqual([stands, stands]);
  expect(found.page?.through).toBe(stands === 5 ? 10 : undefined);
});

// The acceptor makes the bytes of a head and what follows it once for all streams for which both are the same.
test.each(["", "e.8", "e.10"])("those that begin alike share what they begin with: %s", async (cursor) => {
  const parts = await open();
  const found = [await startFrom(parts, cursor, {}), await startFrom(parts, cursor, {})];
  const [one, other] = found.map((start) => ("code" in start ? undefined : start.first));
  expect(one).toBeDefined();
  expect(one).toBe(other);
});
