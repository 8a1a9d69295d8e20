import { describe, expect, it } from "vitest";
import { Batch } from "./batch.ts";

const utf8 = new TextEncoder();
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("a batch", () => {
  it("joins its parts, and frames them as one chunk of HTTP/1.1, in either order", () => {
    const parts = ["data: 1\n\n", "data: 22\n\n"].map((part) => utf8.encode(part));
    const joinedFirst = new Batch(parts);
    const framedFirst = new Batch(parts);
    expect([text(joinedFirst.bytes), text(joinedFirst.chunk)]).toEqual([
      "data: 1\n\ndata: 22\n\n",
      "13\r\ndata: 1\n\ndata: 22\n\n\r\n",
    ]);
    expect([text(framedFirst.chunk), text(framedFirst.bytes)]).toEqual([
      "13\r\ndata: 1\n\ndata: 22\n\n\r\n",
      "data: 1\n\ndata: 22\n\n",
    ]);
    expect(joinedFirst.length).toBe(19);
  });

  it("makes each form once: all streams are sent the same memory", () => {
    const one = utf8.encode("data: 1\n\n");
    const batch = new Batch([one]);
    expect(batch.bytes).toBe(one);
    expect(batch.chunk).toBe(batch.chunk);
    const joined = new Batch([one, one]);
    expect(joined.bytes).toBe(joined.bytes);
  });

  it("is one batch behind the same bytes, for all streams that begin with them", () => {
    const [epoch, other] = [utf8.encode(":epoch a\n"), utf8.encode(":epoch b\n")];
    const batch = Batch.of("data: 1\n\n");
    expect(batch.behind(epoch)).toBe(batch.behind(epoch));
    expect(text(batch.behind(epoch).bytes)).toBe(":epoch a\ndata: 1\n\n");
    expect(text(batch.behind(other).bytes)).toBe(":epoch b\ndata: 1\n\n");
  });

  it("is no chunk when it is empty, since an empty chunk ends the body", () => {
    expect(Batch.of("").chunk).toHaveLength(0);
    expect(new Batch([]).bytes).toHaveLength(0);
  });
});
