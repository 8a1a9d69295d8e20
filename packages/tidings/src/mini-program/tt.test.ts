import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { TransportError } from "../client/transports/transport-error.ts";
import { fromTt } from "./tt.ts";

type Listener = (result?: object) => void;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An event source of Douyin's that does nothing by itself. */
function open({ method = "POST", headers = {}, source = {}, host = {} } = {}) {
  const told: unknown[] = [];
  const listeners: Record<string, Listener> = {};
  const asked: unknown[][] = [];
  let closes = 0;
  const tt = {
    request: vi.fn(),
    createEventSource(...given: unknown[]) {
      asked.push(given);
      return {
        onOpen: (listener: Listener) => void (listeners["open"] = listener),
        onMessage: (listener: Listener) => void (listeners["message"] = listener),
        onError: (listener: Listener) => void (listeners["error"] = listener),
        onClose: (listener: Listener) => void (listeners["close"] = listener),
        close: () => void closes++,
        ...source,
      };
    },
    ...host,
  };
  const opened = fromTt(tt).open(
    { url: "https://a.example/", method, headers, body: { q: 1 } },
    {
      onResponse: (response) =>
        void told.push(["response", response.status, response.url, response.header("x-a")]),
      onBytes() {},
      onMessage: (message) => void told.push(message),
      onEnd: () => void told.push("end"),
      onError: (error) => void told.push(`${(error as TransportError).code}: ${(error as Error).message}`),
    },
  );
  return {
    told,
    asked,
    opened,
    tell: (name: string, result?: object) => listeners[name]!(result),
    get closes() {
      return closes;
    },
  };
}

const OPEN = ["response", undefined, "https://a.example/", null];

describe("fromTt()", () => {
  test("asks Douyin's event source, with the timeout wherever it is looked for", () => {
    const headers = { "last-event-id": "7" };
    expect(open({ headers }).asked).toEqual([
      [
        { url: "https://a.example/", method: "POST", header: headers, data: { q: 1 }, timeout: 600_000 },
        600_000,
      ],
    ]);
  });

  test("reports messages, with the ID by either name, and keeps it while none comes; and as text what the host has parsed", () => {
    const one = open({ headers: { "last-event-id": "0" } });
    one.tell("open");
    one.tell("message", { data: "a" });
    one.tell("message", { data: "b", event: "e", lastEventId: "1" });
    one.tell("message", { data: "", id: "2" });
    one.tell("message", { data: { not: "text" } });
    one.tell("close");
    expect(one.told).toEqual([
      OPEN,
      { event: "message", data: "a", id: "0" },
      { event: "e", data: "b", id: "1" },
      { event: "message", data: "", id: "2" },
      { event: "message", data: '{"not":"text"}', id: "2" },
      "end",
    ]);
  });

  test("does not wait for onOpen", () => {
    const one = open({ source: { onOpen: undefined, onClose: undefined } });
    one.tell("message", { data: "a" });
    expect(one.told).toEqual([OPEN, { event: "message", data: "a", id: "" }]);
  });

  test("closes at the first end, so that the host does not reconnect by itself", () => {
    for (const [name, told] of [
      ["error", "network: boom"],
      ["close", "end"],
    ] as const) {
      const one = open();
      one.tell("open");
      one.tell(name, { errMsg: "boom" });
      one.tell("open");
      one.tell("message", { data: "late" });
      one.tell("error");
      expect(one.told).toEqual([OPEN, told]);
      expect(one.closes).toBe(1);
    }
  });

  test("fails where the host says nothing", () => {
    const one = open();
    one.tell("error");
    expect(one.told).toEqual(["network: createEventSource:fail"]);
  });

  test("hears nothing after an abort", () => {
    const one = open();
    one.opened.abort();
    one.opened.abort();
    one.tell("open");
    one.tell("close");
    expect(one.told).toEqual([]);
    expect(one.closes).toBe(1);
  });

  test("sends nothing by a method that Douyin does not have", () => {
    const one = open({ method: "PUT" });
    vi.runAllTimers();
    expect(one.asked).toEqual([]);
    expect(one.told).toEqual(["unsupported: tt.createEventSource cannot send PUT, expected GET or POST"]);
  });

  test("reports what the host throws, later", () => {
    const one = open({
      host: {
        createEventSource() {
          throw new Error("boom");
        },
      },
    });
    expect(one.told).toEqual([]);
    vi.runAllTimers();
    expect(one.told).toEqual(["network: boom"]);
  });

  test("reads an answer whole where the base library has no event source", () => {
    expect(fromTt({ request() {} }).name).toBe("wx");
  });

  test("refuses what is not tt", () => {
    expect(() => fromTt({} as never)).toThrow(TypeError);
  });
});
