import { describe, expect, it } from "vitest";
import { createEventLog, type Happening, MOST_EVENTS } from "./event-log.ts";

function message(data: string): Happening {
  return { kind: "message", event: "message", data, id: "", bytes: data.length };
}

describe("createEventLog", () => {
  it("numbers events and knows the time between them", () => {
    const log = createEventLog();
    log.add({ kind: "open", status: 200 }, 1, new Date(1000));
    log.add(message("a"), 1, new Date(1250));
    expect(log.events).toMatchObject([
      { number: 1, kind: "open", sinceMs: undefined },
      { number: 2, kind: "message", sinceMs: 250 },
    ]);
  });

  it("keeps the last events and counts all of them", () => {
    const log = createEventLog();
    for (let count = 0; count < MOST_EVENTS + 5; count++) log.add(message("ab"), 1);
    expect(log.events).toHaveLength(MOST_EVENTS);
    expect(log.events[0]!.number).toBe(6);
    expect([log.messages, log.bytes, log.dropped]).toEqual([MOST_EVENTS + 5, 2 * (MOST_EVENTS + 5), 5]);
  });

  it("drops old events when their data passes 16 Mi characters, but never the newest", () => {
    const log = createEventLog();
    const large = "x".repeat(9 * 2 ** 20);
    log.add(message(large), 1);
    log.add(message(large), 1);
    expect([log.events.length, log.dropped]).toEqual([1, 1]);
    log.add(message(large + large), 1);
    expect([log.events.length, log.dropped]).toEqual([1, 2]);
  });

  it("counts each run by itself, and knows which one an event belongs to", () => {
    const log = createEventLog();
    log.begin("GET", "/a", new Date(0));
    log.add(message("abc"), 1, new Date(1000));
    log.begin("POST", "/b", new Date(2000));
    expect([log.messages, log.bytes]).toEqual([0, 0]);
    log.add(message("d"), 1, new Date(3000));
    log.add(message("e"), 1, new Date(3500));
    expect([log.messages, log.bytes]).toEqual([2, 2]);
    expect(log.events.map(({ run, sinceMs }) => [run, sinceMs])).toEqual([
      [1, undefined],
      [2, undefined],
      [2, 500],
    ]);
    expect(log.run(1)).toEqual({ method: "GET", url: "/a", at: new Date(0) });
    expect(log.run(2)).toMatchObject({ method: "POST", url: "/b" });
  });

  it("keeps no more runs than it has events of", () => {
    const log = createEventLog();
    for (let count = 0; count < 3; count++) log.begin("GET", `/${count}`);
    expect([1, 2].map((run) => log.run(run))).toEqual([undefined, undefined]);
    expect(log.run(3).url).toBe("/2");
  });

  it("forgets everything when cleared, but gives no number twice", () => {
    const log = createEventLog();
    log.add(message("a"), 1);
    log.clear();
    expect([log.events.length, log.messages, log.bytes, log.dropped]).toEqual([0, 0, 0, 0]);
    expect(log.add(message("b"), 1).number).toBe(2);
    expect(log.events).toHaveLength(1);
  });
});
