import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EventStream } from "./event-stream.ts";
import type { Batch } from "../out/batch.ts";
import type { Outlet, OutletOwner } from "../out/outlet.ts";
import { StreamEnded } from "./stream-ended.ts";
import { resolveLimits, type StreamLimits } from "./stream-limits.ts";
import { TimerWheel } from "../time/timer-wheel.ts";
import type { EventMap } from "../../wire/contract.ts";

/** An outlet whose peer reads, or does not, as the test says. */
class PeerOutlet implements Outlet {
  text = "";
  reads = true;
  bufferedBytes = 0;
  closed = false;
  calls: string[] = [];
  owner: OutletOwner | undefined;

  write({ bytes }: Batch): boolean {
    this.text += new TextDecoder().decode(bytes);
    if (!this.reads) this.bufferedBytes += bytes.length;
    return this.reads;
  }
  take(bytes: number): void {
    this.bufferedBytes -= bytes;
    if (this.bufferedBytes === 0) this.owner?.onDrain();
  }
  end(): void {
    this.calls.push("end");
  }
  destroy(): void {
    this.calls.push("destroy");
  }
  close(): void {
    this.closed = true;
    this.owner?.onClose();
  }
}

let wheel: TimerWheel;

function open<Events extends object = EventMap>(limits: StreamLimits = {}) {
  const outlet = new PeerOutlet();
  const parts = { outlet, lastEventId: "", limits: resolveLimits(limits), wheel };
  return { outlet, stream: new EventStream<Events>(parts) };
}

beforeEach(() => void (wheel = new TimerWheel()));
beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

test("data that ends the stream while it is encoded is not sent", () => {
  const { stream, outlet } = open();
  const toJSON = (): number => {
    stream.end();
    return 1;
  };
  expect([stream.send({ data: { toJSON } }), outlet.text, outlet.calls]).toEqual(["closed", "", ["end"]]);
});

describe("send", () => {
  test("strings go as they are, all else as JSON, in one write", () => {
    const { outlet, stream } = open();
    expect(stream.send({ data: "plain" })).toBe("sent");
    stream.send({ event: "price", id: "7", data: { bid: 1 } });
    stream.send({ data: null });
    stream.send({ id: "8" });
    stream.send({ retry: 5 });
    expect(outlet.text).toBe(
      'data: plain\n\nevent: price\nid: 7\ndata: {"bid":1}\n\ndata: null\n\nid: 8\n\nretry: 5\n\n',
    );
  });

  test("what cannot be expressed is refused with what it is, and the stream goes on", () => {
    const { outlet, stream } = open();
    const messageOf = (message: unknown) => {
      try {
        return stream.send(message as never);
      } catch (error) {
        return String(error);
      }
    };
    expect(messageOf({ event: "a\nevent: admin", data: 1 })).toContain(
      'TypeError: Cannot encode message: event is "a\\nevent: admin"',
    );
    expect(messageOf({ id: "1\0", data: 1 })).toContain('id is "1\\u0000"');
    expect(messageOf({ retry: 1.5 })).toContain("RangeError: Cannot encode message: retry is 1.5");
    expect(messageOf("text")).toBe(
      "TypeError: Cannot send message: message is of type string, expected an object such as { data }",
    );
    expect(messageOf(null)).toContain("message is null");
    expect(messageOf({ data: () => {} })).toContain("data is of type function, which JSON cannot carry");
    expect(messageOf({ data: 1n })).toMatch(/Cannot send message: data is not JSON \(TypeError: .*BigInt/);
    expect(messageOf({ data: Buffer.from("x") })).toContain("data is bytes, expected text");
    expect(messageOf({ data: Promise.resolve(1) })).toContain("data is a Promise, which is {} in JSON");
    expect(messageOf({ data: new Map([[1, 2]]) })).toContain("data is a Map, which is {} in JSON");
    expect(outlet.text).toBe("");
    expect(stream.send({ data: "still here" })).toBe("sent");
  });

  test("what cannot be read is refused with an error of ours", () => {
    const { stream } = open();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(() => stream.send(proxy)).toThrow(/^Cannot send message: message cannot be read \(TypeError: /);
    expect(() => stream.send({ data: proxy })).toThrow(
      /^Cannot send message: data is not JSON \(TypeError: /,
    );
    expect(stream.send({ data: "still here" })).toBe("sent");
  });

  test("what is longer than clients take is refused, and the stream goes on", () => {
    const { outlet, stream } = open({ maxBufferedBytes: 2 ** 30 });
    expect(stream.send({ data: "x".repeat(2 ** 24 - 8) })).toBe("sent");
    expect(stream.comment("x".repeat(2 ** 24 - 4))).toBe("sent");
    const sent = outlet.text.length;
    expect(sent).toBe(2 ** 25);
    expect(() => stream.send({ data: "x".repeat(2 ** 24 - 7) })).toThrow(
      new RangeError(
        "Cannot send message: message has 16777217 bytes, expected 16777216 or fewer (maxMessageBytes): clients give up at a longer one",
      ),
    );
    expect(() => stream.comment("é".repeat(2 ** 23))).toThrow("comment has 16777220 bytes");
    expect([outlet.text.length, stream.send({ data: 1 })]).toEqual([sent, "sent"]);
    const more = open({ maxMessageBytes: 2 ** 25, maxBufferedBytes: 2 ** 30 });
    expect(more.stream.send({ data: "x".repeat(2 ** 24) })).toBe("sent");
    expect(() => open({ maxMessageBytes: 10 }).stream.send({ data: "xxxx" })).toThrow(RangeError);
  });

  test("events can be typed by a map", () => {
    const { outlet, stream } = open<{ price: { bid: number }; message: string }>();
    stream.send({ event: "price", data: { bid: 1 } });
    stream.send({ data: "default type" });
    stream.send({ id: "only" });
    // @ts-expect-error No such event.
    stream.send({ event: "prize", data: { bid: 1 } });
    // @ts-expect-error Not this event's data.
    stream.send({ event: "price", data: "1" });
    // @ts-expect-error An event's data is required.
    void (() => stream.send({ event: "price" }));
    expect(outlet.text).toContain("data: default type\n\n");
  });

  test("a comment is a comment whatever is in it", () => {
    const { outlet, stream } = open();
    expect(stream.comment("a\ndata: b")).toBe("sent");
    expect(outlet.text).toBe(": a\n: data: b\n\n");
  });
});

describe("the end", () => {
  test("end() ends once; later messages say closed", async () => {
    const { outlet, stream } = open();
    stream.end();
    stream.end();
    expect(outlet.calls).toEqual(["end"]);
    expect(stream.send({ data: 1 })).toBe("closed");
    expect(stream.comment("x")).toBe("closed");
    outlet.close();
    await expect(stream.ended).resolves.toMatchObject({ code: "ended" });
  });

  test("a peer that left closes the stream and aborts the signal with how", async () => {
    const { outlet, stream } = open();
    const { signal } = stream;
    outlet.close();
    expect(stream.send({ data: 1 })).toBe("closed");
    expect(signal.reason).toBeInstanceOf(StreamEnded);
    expect(signal.reason).toMatchObject({
      code: "peer-left",
      message: "Event stream is over: the peer left",
    });
    expect((await stream.ended).code).toBe("peer-left");
  });

  test("the signal and ended may be asked for afterwards", async () => {
    const { outlet, stream } = open();
    outlet.close();
    expect(stream.signal.aborted).toBe(true);
    await expect(stream.ended).resolves.toBeInstanceOf(StreamEnded);
  });

  test("using ends it", () => {
    const { outlet, stream } = open();
    {
      using _ = stream;
    }
    expect(outlet.calls).toEqual(["end"]);
  });
});

describe("a peer that reads slowly", () => {
  test("send says queued, ready resolves when all is taken", async () => {
    const { outlet, stream } = open();
    let ready = false;
    await stream.ready;
    outlet.reads = false;
    expect(stream.send({ data: "12345678" })).toBe("queued");
    expect(stream.bufferedBytes).toBe(16);
    void stream.ready.then(() => (ready = true));
    outlet.take(10);
    await Promise.resolve();
    expect(ready).toBe(false);
    outlet.take(6);
    await Promise.resolve();
    expect(ready).toBe(true);
  });

  test("it costs at most maxBufferedBytes and one message, then it is cut", async () => {
    const { outlet, stream } = open({ maxBufferedBytes: 100 });
    outlet.reads = false;
    const results = Array.from({ length: 10 }, () => stream.send({ data: "x".repeat(20) }));
    expect(results).toEqual([...Array(4).fill("queued"), ...Array(6).fill("closed")]);
    expect(outlet.bufferedBytes).toBe(112);
    expect(outlet.calls).toEqual(["destroy"]);
    await stream.ready;
    outlet.close();
    expect((await stream.ended).code).toBe("slow");
  });

  test("one message larger than maxBufferedBytes is not held against those before and behind it", () => {
    const { outlet, stream } = open({ maxBufferedBytes: 40 });
    outlet.reads = false;
    const sizes = [10, 1000, 10, 10];
    expect(sizes.map((size) => stream.send({ data: "x".repeat(size) }))).toEqual([
      "queued",
      "queued",
      "queued",
      "closed",
    ]);
    outlet.take(outlet.bufferedBytes);
  });

  test("it is cut when it takes nothing for stallMs, and not while it takes a little", async () => {
    const { outlet, stream } = open({ stallMs: 60_000 });
    outlet.reads = false;
    stream.send({ data: "x".repeat(1000) });
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(50_000);
      outlet.take(1);
    }
    expect(outlet.calls).toEqual([]);
    vi.advanceTimersByTime(76_000);
    expect(outlet.calls).toEqual(["destroy"]);
    outlet.close();
    expect((await stream.ended).code).toBe("stalled");
  });

  test("it is not cut because this process was suspended, but has its time after that", () => {
    const { outlet, stream } = open({ stallMs: 60_000 });
    outlet.reads = false;
    stream.send({ data: "x" });
    vi.advanceTimersByTime(10_000);
    const wakesAtMs = performance.now() + 3_600_000;
    let nowMs = wakesAtMs;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => nowMs);
    for (; nowMs < wakesAtMs + 45_000; nowMs += 250) vi.advanceTimersByTime(250);
    expect(outlet.calls).toEqual([]);
    for (; nowMs < wakesAtMs + 90_000; nowMs += 250) vi.advanceTimersByTime(250);
    clock.mockRestore();
    expect(outlet.calls).toEqual(["destroy"]);
  });

  test("it is cut, too, when it does not take the end", async () => {
    const { outlet, stream } = open({ stallMs: 60_000 });
    outlet.reads = false;
    stream.send({ data: "last" });
    stream.end();
    vi.advanceTimersByTime(100_000);
    expect(outlet.calls).toEqual(["end", "destroy"]);
    outlet.close();
    expect((await stream.ended).code).toBe("ended");
  });

  test("stallMs: false waits for ever", () => {
    const { outlet, stream } = open({ stallMs: false });
    outlet.reads = false;
    stream.send({ data: 1 });
    vi.advanceTimersByTime(10_000_000);
    expect(outlet.calls).toEqual([]);
  });
});

describe("the heartbeat", () => {
  test("is a comment after 15 s of silence, again and again", () => {
    const { outlet } = open();
    vi.advanceTimersByTime(11_000);
    expect(outlet.text).toBe("");
    vi.advanceTimersByTime(4_500);
    expect(outlet.text).toBe(":\n\n");
    vi.advanceTimersByTime(150_000);
    expect(outlet.text.length / 3).toBeGreaterThanOrEqual(10);
    expect(outlet.text.length / 3).toBeLessThanOrEqual(11);
  });

  test("waits for silence: messages put it off", () => {
    const { outlet, stream } = open();
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(10_000);
      stream.send({ data: i });
    }
    expect(outlet.text).not.toContain(":\n\n");
    vi.advanceTimersByTime(15_500);
    expect(outlet.text).toContain(":\n\n");
  });

  test("is not added to what a peer has not taken", () => {
    const { outlet, stream } = open({ stallMs: false });
    outlet.reads = false;
    stream.send({ data: 1 });
    vi.advanceTimersByTime(100_000);
    expect(outlet.text).toBe("data: 1\n\n");
  });

  test("can be switched off, and stops with the stream", () => {
    const off = open({ heartbeatMs: false });
    const over = open();
    over.outlet.close();
    vi.advanceTimersByTime(1_000_000);
    expect([off.outlet.text, over.outlet.text]).toEqual(["", ""]);
  });

  test("no timer is left when all streams are over", () => {
    const streams = Array.from({ length: 100 }, () => open());
    expect(vi.getTimerCount()).toBe(1);
    for (const { outlet } of streams) outlet.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("a limit that is no positive number is refused with its value", () => {
  for (const [limits, text] of [
    [{ heartbeatMs: 0 }, "heartbeatMs is 0, expected a number above 0, or false"],
    [{ stallMs: Number.NaN }, "stallMs is NaN, expected a number above 0, or false"],
    [{ maxBufferedBytes: -1 }, "maxBufferedBytes is -1, expected a number above 0"],
    [{ maxMessageBytes: 0 }, "maxMessageBytes is 0, expected a number above 0"],
    [{ maxBufferedBytes: false as never }, "maxBufferedBytes is false, expected a number above 0"],
  ] as const) {
    expect(() => resolveLimits(limits)).toThrow(new RangeError(`Cannot open event stream: ${text}`));
  }
});
