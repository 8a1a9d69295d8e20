import { describe, expect, test } from "vitest";
import { createRecent, type Entry } from "./recent.ts";

const entry = (id: string, data = "x"): Entry => ({ id, message: { event: "message", data, id } });
const idsAfter = (recent: ReturnType<typeof createRecent>, id: string) =>
  recent.after(id)?.map(({ id }) => id);

describe("createRecent()", () => {
  test("knows what came after each cursor that it has seen, and after where it began", () => {
    const recent = createRecent("a", 10);
    for (const id of ["b", "c", "d"]) recent.add(entry(id));
    expect(recent.cursor).toBe("d");
    expect([idsAfter(recent, "a"), idsAfter(recent, "c"), idsAfter(recent, "d")]).toEqual([
      ["b", "c", "d"],
      ["d"],
      [],
    ]);
    expect([recent.after("z"), recent.after("")]).toEqual([undefined, undefined]);
  });

  test("counts messages without an id of their own with the one before", () => {
    const recent = createRecent("", 10);
    for (const id of ["b", "b", "b", "c"]) recent.add(entry(id));
    expect(idsAfter(recent, "b")).toEqual(["c"]);
  });

  test("forgets the oldest beyond so many entries, and beyond 1 MiB of them", () => {
    const recent = createRecent("a", 2);
    for (const id of ["b", "c", "d"]) recent.add(entry(id));
    expect([recent.base, recent.after("a"), idsAfter(recent, "b")]).toEqual(["b", undefined, ["c", "d"]]);
    recent.add(entry("e", "x".repeat(2 ** 20)));
    expect([recent.base, recent.cursor, idsAfter(recent, "e")]).toEqual(["e", "e", []]);
  });

  test("is copied whole, and then apart", () => {
    const recent = createRecent("a", 10);
    recent.add(entry("b"));
    const copy = recent.copy();
    recent.add(entry("c"));
    expect([copy.base, copy.cursor, recent.cursor]).toEqual(["a", "b", "c"]);
  });
});
