/** What decoders make of compressed streams that share their bytes, whenever they were opened and whatever each was sent. */
import { createGunzip, gunzipSync, constants, type Gunzip } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Outlet, OutletOwner } from "../out/outlet.ts";
import { Batch } from "../out/batch.ts";
import { responseHead } from "../out/response-head.ts";
import { DeflateChain } from "./chain.ts";
import { PerStreamGzipOutlet } from "./per-stream-gzip.ts";
import { SharedGzipOutlet } from "./shared-gzip.ts";

class Recorder implements Outlet {
  readonly bufferedBytes = 0;
  closed = false;
  ended = false;
  taking = true;
  owner: OutletOwner | undefined;
  readonly parts: Uint8Array[] = [];

  write({ bytes }: Batch): boolean {
    this.parts.push(bytes);
    return this.taking;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.closed = true;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** What a decoder that shows what it has shows of a stream that is not over. */
const soFar = (bytes: Buffer): string =>
  gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString();

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const counters = () => ({ compressedFromBytes: 0, compressedToBytes: 0 });
const text = new TextEncoder();
const head = responseHead();
let offset = 0;

/** Messages like each other, as those of one topic are. */
function batchOf(messages: number): Batch {
  const entries = Array.from({ length: messages }, () => {
    offset += 1;
    const data = { symbol: "AAPL", bid: (offset * 7) % 1_000, ask: (offset * 11) % 1_000, venue: "XNAS" };
    return text.encode(`id: abcdefghijkl.${offset}\nevent: price\ndata: ${JSON.stringify(data)}\n\n`);
  });
  return new Batch(entries, { messages, lastOffset: offset, upTo: offset, toAll: true });
}

function openShared(chain: DeflateChain, first = Batch.of(":\n\n")) {
  const inner = new Recorder();
  const open = (_: unknown, first: Batch) => {
    inner.write(first);
    return inner;
  };
  const outlet = new SharedGzipOutlet(open, head, first, chain, counters());
  return { inner, outlet, plain: Buffer.from(first.bytes).toString() };
}

describe("streams that share what is compressed", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "are right for every decoder, at every moment and at their end: seed %i",
    (seed) => {
      const next = random(seed);
      const chance = (p: number): boolean => next() < p;
      const chain = new DeflateChain(6);
      let streams: ReturnType<typeof openShared>[] = [];
      const over: ReturnType<typeof openShared>[] = [];
      const looks: [shown: string, plain: string][] = [];
      for (let step = 0; step < 300; step += 1) {
        if (streams.length < 12 && chance(0.15)) {
          const first = chance(0.3) ? batchOf(3) : Batch.of(`id: abcdefghijkl.${offset}\n\n`);
          streams.push(openShared(chain, first));
        }
        const batch = batchOf(chance(0.1) ? 60 : chance(0.3) ? 4 : 1);
        for (const stream of streams) {
          if (chance(0.05)) {
            // It lags: what it gets then is a batch of its own.
            const own = batchOf(2);
            stream.outlet.write(own);
            stream.plain += Buffer.from(own.bytes).toString();
          } else if (!chance(0.03)) {
            stream.outlet.write(batch);
            stream.plain += Buffer.from(batch.bytes).toString();
          }
          if (chance(0.03)) {
            const comment = chance(0.5) ? Batch.of(":\n\n") : Batch.of("retry: 5\n\n");
            stream.outlet.write(comment);
            stream.plain += Buffer.from(comment.bytes).toString();
          }
          if (chance(0.02)) looks.push([soFar(stream.inner.bytes), stream.plain]);
          if (chance(0.01)) {
            stream.outlet.end();
            over.push(stream);
          }
        }
        streams = streams.filter((stream) => !over.includes(stream));
      }
      for (const stream of streams) stream.outlet.end();
      for (const { inner, plain } of [...over, ...streams]) {
        expect(inner.ended).toBe(true);
        expect(gunzipSync(inner.bytes).toString()).toBe(plain);
      }
      expect(looks.filter(([shown, plain]) => shown !== plain)).toEqual([]);
      expect([looks.length, over.length].every((count) => count > 5)).toBe(true);
    },
  );

  it("compresses a batch once for all that stand together, and small behind others like it", () => {
    const chain = new DeflateChain(6);
    const streams = Array.from({ length: 100 }, () => openShared(chain));
    const made = new Set<Uint8Array>();
    let plainBytes = 0;
    for (let i = 0; i < 200; i += 1) {
      const batch = batchOf(1);
      plainBytes += batch.bytes.length;
      for (const { outlet } of streams) outlet.write(batch);
    }
    for (const { inner } of streams) for (const part of inner.parts.slice(1)) made.add(part);
    expect(made.size).toBe(200);
    expect(streams[0]!.inner.bytes.length).toBeLessThan(plainBytes * 0.45);
  });

  it("takes in those who open later, within a few batches", () => {
    const chain = new DeflateChain(6);
    const early = openShared(chain);
    for (let i = 0; i < 21; i += 1) early.outlet.write(batchOf(1));
    const late = openShared(chain);
    let apart = 0;
    for (let i = 0; i < 60; i += 1) {
      const batch = batchOf(1);
      late.outlet.write(batch);
      early.outlet.write(batch);
      if (late.inner.parts.at(-1) !== early.inner.parts.at(-1)) apart += 1;
    }
    expect(apart).toBeLessThan(17);
  });

  it("goes on for those who stay when all who were in the chain have left", () => {
    const chain = new DeflateChain(6);
    const first = openShared(chain);
    first.outlet.write(batchOf(1));
    first.outlet.write(batchOf(1));
    const { inner, outlet } = openShared(chain);
    const sizes: number[] = [];
    for (let i = 0; i < 60; i += 1) {
      outlet.write(batchOf(1));
      sizes.push(inner.parts.at(-1)!.length);
    }
    expect(Math.min(...sizes.slice(0, 16))).toBeGreaterThan(80);
    expect(sizes.filter((size) => size < 60).length).toBeGreaterThan(30);
  });
});

describe("a stream with a compressor of its own", () => {
  const open = (taking = true) => {
    const inner = new Recorder();
    inner.taking = taking;
    const outlet = new PerStreamGzipOutlet(
      (_, first) => {
        inner.write(first);
        return inner;
      },
      head,
      Batch.of(":\n\n"),
      { level: 6, perStream: { windowBits: 13, memLevel: 6 } },
      counters(),
    );
    return { inner, outlet };
  };

  it("shows everything after each write, and is whole at its end", async () => {
    const { inner, outlet } = open();
    let plain = ":\n\n";
    await expect.poll(() => soFar(inner.bytes)).toBe(plain);
    for (let i = 0; i < 50; i += 1) {
      const batch = batchOf(1);
      plain += Buffer.from(batch.bytes).toString();
      outlet.write(batch);
      await expect.poll(() => soFar(inner.bytes)).toBe(plain);
    }
    outlet.end();
    await expect.poll(() => inner.ended).toBe(true);
    expect(gunzipSync(inner.bytes).toString()).toBe(plain);
    expect(inner.bytes.length).toBeLessThan(plain.length * 0.4);
  });

  it("holds its compressor while the peer takes nothing, and says when it goes on", async () => {
    const { inner, outlet } = open();
    let drained = 0;
    outlet.owner = { onDrain: () => void (drained += 1), onClose() {} };
    inner.taking = false;
    const noise = Batch.of(new Uint8Array(65_536).map((_, i) => (i * 2_654_435_761) >>> 13));
    for (let i = 0; i < 5; i += 1) {
      expect(outlet.write(noise)).toBe(false);
      await new Promise(setImmediate);
    }
    expect(outlet.bufferedBytes).toBeGreaterThan(0);
    expect(drained).toBe(0);
    inner.taking = true;
    inner.owner!.onDrain();
    await expect.poll(() => drained).toBe(1);
    outlet.end();
    await expect.poll(() => inner.ended).toBe(true);
    const whole: Gunzip = createGunzip();
    whole.end(inner.bytes);
    let length = 0;
    for await (const part of whole) length += (part as Buffer).length;
    expect((length - 3) % noise.length).toBe(0);
  });

  it("stops when it is cut, and notices when its peer leaves", () => {
    const { inner, outlet } = open();
    let closed = 0;
    outlet.owner = { onDrain() {}, onClose: () => void (closed += 1) };
    outlet.destroy();
    expect([inner.closed, outlet.closed, outlet.write(Batch.of("x"))]).toEqual([true, true, false]);
    inner.owner!.onClose();
    expect(closed).toBe(1);
  });
});
