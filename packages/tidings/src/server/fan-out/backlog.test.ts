import { describe, expect, test, vi } from "vitest";
import { createStreamWorld, EPOCH } from "../../../../../test/support/stream-world.ts";
import type { Entry } from "../../log/log.ts";
import type { SlowPolicy } from "../entries/conflation.ts";
import type { LoggedPage } from "../entries/page-reader.ts";
import type { OnGap } from "../gaps/gap.ts";
import { Batch, EncodedEntry } from "../out/batch.ts";
import type { AskState } from "../streams/hub-stream.ts";
import { Backlog, type Delivery } from "./backlog.ts";

const HEAD = 9;
const bytes = (text: string) => new TextEncoder().encode(text);
const entry = (offset: number, key?: string): Entry => ({
  offset,
  topic: "a",
  body: bytes(`data: ${offset}\n\n`),
  atMs: 0,
  ...(key !== undefined && { key }),
});

/** What the log gave: these entries, read up to `through`, with losses up to `lostThrough`. */
function page(entries: readonly Entry[], through: number, lostThrough = 0): LoggedPage {
  const encoded = entries.map((one) => new EncodedEntry(EPOCH, one));
  return { entries, through, lostThrough, batch: Batch.join(encoded, through) };
}

interface Options {
  readonly after?: number;
  readonly onGap?: OnGap;
  readonly askState?: AskState;
  readonly policy?: SlowPolicy;
  readonly writeBytes?: number;
}

function createWorld({ after = 3, onGap = "live", askState, policy, writeBytes = 1000 }: Options = {}) {
  const { open, recent, hub, asked } = createStreamWorld(HEAD);
  const gaps = { retention: 0, epoch: 0, slow: 0 };
  const { stream } = open({ offset: after, startOffset: after, onGap, askState });
  const backlog = new Backlog({
    recent,
    writeBytes,
    counters: { gaps },
    slowPolicyOf: policy && (() => policy),
    hub,
  });
  return {
    asked,
    backlog,
    gaps,
    stream,
    take: (given: LoggedPage | Batch) => {
      stream.page = given;
      return backlog.take(stream);
    },
  };
}

/** The messages, with `gap from to reason` for a gap. */
function show(delivery: Delivery | "read-on" | undefined): string[] {
  if (delivery === undefined || delivery === "read-on") return [String(delivery)];
  const text = delivery.batch === undefined ? "" : new TextDecoder().decode(delivery.batch.bytes);
  const shown = text
    .split("\n\n")
    .filter((block) => block !== "")
    .map((block) => {
      const data = /^data: (.*)$/m.exec(block)?.[1] ?? block;
      if (!block.startsWith("event: gap")) return data;
      const { from, to, reason } = JSON.parse(data) as Record<string, string>;
      return `gap ${from} ${to} ${reason}${/^id: /m.test(block) ? " with id" : ""}`;
    });
  return delivery.end === undefined ? shown : [...shown, `end ${delivery.end}`];
}

describe("a page of the log becomes", () => {
  test.each<
    [name: string, page: LoggedPage, options: Options, shown: string[], offset: number, gaps: number]
  >([
    ["its messages", page([entry(4), entry(7)], HEAD), {}, ["4", "7"], HEAD, 0],
    ["nothing, where none was for the stream", page([], 8), {}, [], 8, 0],
    ["its messages, where what is lost was had before", page([entry(5)], 5, 3), {}, ["5"], 5, 0],
    [
      "a gap up to the newest, behind which the stream goes on live",
      page([entry(7)], HEAD, 5),
      {},
      ["gap epoch.3 epoch.9 slow with id"],
      HEAD,
      1,
    ],
    [
      "a gap up to what is lost, where the rest is wanted",
      page([entry(7)], HEAD, 5),
      { onGap: "earliest" },
      ["gap epoch.3 epoch.5 slow with id"],
      6,
      1,
    ],
    [
      "a gap and the end, where all or nothing is wanted",
      page([entry(7)], HEAD, 5),
      { onGap: "fail" },
      ["gap epoch.3 epoch.9 slow", "end gap"],
      3,
      1,
    ],
  ])("%s", (_, given, options, shown, offset, gaps) => {
    const world = createWorld(options);
    const delivery = world.take(given);
    expect(show(delivery)).toEqual(shown);
    expect([world.stream.offset, world.stream.page, world.gaps.slow]).toEqual([offset, undefined, gaps]);
    expect(world.stream.gaps?.length ?? 0).toBe(gaps);
    // Others that stand there share the bytes of a page, and never those of a gap.
    expect((delivery as Delivery).page).toBe(gaps === 0 ? given : undefined);
  });

  test("a batch that was made for the stream, as it is", () => {
    const { take, stream } = createWorld();
    const batch = new Batch([bytes("data: x\n\n")], { messages: 1, lastOffset: 8, upTo: 8, toAll: false });
    expect(take(batch)).toEqual({ batch, end: undefined });
    expect(stream.offset).toBe(8);
  });

  test("one gap, not two, where more of the same is lost", () => {
    const { take, gaps } = createWorld({ onGap: "earliest" });
    expect(show(take(page([entry(7)], HEAD, 5)))).toEqual(["gap epoch.3 epoch.5 slow with id"]);
    expect(show(take(page([entry(7)], HEAD, 5)))).toEqual(["7"]);
    expect(gaps.slow).toBe(1);
  });
});

describe("a stream whose log was replaced", () => {
  test("begins anew, with a gap from the cursor that it had", () => {
    const { backlog, stream, take, gaps } = createWorld({ after: 7, onGap: "earliest" });
    backlog.restart(stream, "old.7");
    backlog.restart(stream, "never said");
    expect([stream.offset, stream.sentOffset, backlog.hasToRestart(stream)]).toEqual([0, 0, true]);
    expect(show(take(page([entry(1), entry(2)], HEAD)))).toEqual(["gap old.7 epoch.0 epoch with id"]);
    expect([backlog.hasToRestart(stream), gaps.epoch]).toEqual([false, 1]);
    expect(show(take(page([entry(1), entry(2)], HEAD)))).toEqual(["1", "2"]);
  });

  test("is forgotten when it is over", () => {
    const { backlog, stream } = createWorld();
    backlog.restart(stream, "old.7");
    backlog.forget(stream);
    expect(backlog.hasToRestart(stream)).toBe(false);
  });
});

describe("a stream with a gap, where the application has a state", () => {
  const state = [bytes("data: state\n\n"), bytes("id: epoch.9\n\n")];
  const lossy = page([], HEAD, 5);

  test("gets the gap and the state in one, and no id before the state", async () => {
    const { take, stream, asked } = createWorld({
      askState: async (offset) => [bytes(`data: at ${offset}\n\n`), state[1]!],
    });
    expect(take(lossy)).toBe(undefined);
    expect(stream.reading).toBe(true);
    await vi.waitFor(() => expect(asked).toEqual(["wake"]));
    expect([stream.reading, stream.offset]).toEqual([false, 3]);
    expect(show(take(stream.page!))).toEqual(["gap epoch.3 epoch.9 slow", "at 9", "id: epoch.9"]);
    expect(stream.offset).toBe(HEAD);
  });

  test("fails where the application does", async () => {
    const { take, stream, asked } = createWorld({ askState: () => Promise.reject(new Error("no database")) });
    take(lossy);
    await vi.waitFor(() => expect(asked).toEqual(["end failed"]));
    expect(stream.page).toBe(undefined);
  });

  test("is asked for no longer when its peer left", async () => {
    let give!: (state: Uint8Array[]) => void;
    let signal!: AbortSignal;
    const asking = new Promise<Uint8Array[]>((resolve) => (give = resolve));
    const { take, backlog, stream, asked } = createWorld({
      askState: (_, own) => {
        signal = own;
        return asking;
      },
    });
    take(lossy);
    stream.end = "peer-left";
    backlog.forget(stream);
    expect(signal.aborted).toBe(true);
    give(state);
    await vi.waitFor(() => expect(stream.reading).toBe(false));
    expect([asked, stream.page]).toEqual([[], undefined]);
  });
});

describe("a slow reader, where the application says what it gets", () => {
  test("is asked about nothing where it says nothing", () => {
    const { backlog, stream } = createWorld();
    expect([backlog.conflate(stream), stream.conflation]).toEqual([false, undefined]);
  });

  test.each<[policy: SlowPolicy, shown: string[], offset: number, gaps: number]>([
    ["resume", ["4", "5", "6"], HEAD, 0],
    ["latest", ["gap epoch.3 epoch.9 slow", "5", "6"], HEAD, 1],
    ["close", ["end slow"], 3, 0],
  ])("%s", (policy, shown, offset, gaps) => {
    const world = createWorld({ policy });
    expect(world.backlog.conflate(world.stream)).toBe(true);
    const delivery = world.take(page([entry(4, "x"), entry(5, "y"), entry(6, "x")], HEAD));
    expect(show(delivery)).toEqual(shown);
    expect([world.stream.offset, world.gaps.slow]).toEqual([offset, gaps]);
  });

  test("is read on for until everything that was there is gathered", () => {
    const { backlog, stream, take } = createWorld({ policy: "latest" });
    backlog.conflate(stream);
    expect(show(take(page([entry(4, "x")], 6)))).toEqual(["read-on"]);
    expect(stream.offset).toBe(3);
    expect(show(take(page([entry(7, "x")], HEAD)))).toEqual(["gap epoch.3 epoch.9 slow", "7"]);
    expect([stream.offset, stream.conflation]).toEqual([HEAD, undefined]);
  });

  test("gets what is gathered so far where that is much", () => {
    const { backlog, stream, take } = createWorld({ policy: "resume", writeBytes: 1 });
    backlog.conflate(stream);
    expect(show(take(page([entry(4)], 6)))).toEqual(["4"]);
    expect(stream.offset).toBe(6);
  });

  test.each<[onGap: OnGap, shown: string[], offset: number]>([
    ["live", ["gap epoch.3 epoch.9 slow", "7"], HEAD],
    ["fail", ["gap epoch.3 epoch.9 slow", "end gap"], 3],
  ])("has a gap where messages were discarded before they were read, onGap %s", (onGap, shown, offset) => {
    const { backlog, stream, take } = createWorld({ policy: "resume", onGap });
    backlog.conflate(stream);
    expect(show(take(page([entry(7)], HEAD, 5)))).toEqual(shown);
    expect(stream.offset).toBe(offset);
  });
});
