import { expect, describe, test } from "vitest";

import { createWorld } from "../../../../../../test/support/client-world.ts";
import { connect, type ConnectOptions } from "../../connect.ts";
import type { Gap } from "./gaps.ts";

function open(options: ConnectOptions) {
  const world = createWorld();
  connect("https://a.example/", {
    transport: world.transport,
    clock: world.clock,
    onMessage() {},
    ...options,
  });
  return { world };
}

describe("a gap", () => {
  test("is reported with what is missing, in its place among the messages", () => {
    const seen: unknown[] = [];
    const { world } = open({
      onMessage: ({ event, data }) => void seen.push(event === "gap" ? "gap" : data),
      onGap: (gap: Gap) => void seen.push(gap),
    });
    const gap = { from: "e.1", to: "e.9", reason: "retention" };
    world.last.respond();
    void world.last.send(`data: a\n\nevent: gap\ndata: ${JSON.stringify(gap)}\n\ndata: b\n\n`);
    expect(seen).toEqual(["a", "gap", gap, "b"]);
  });

  test("is not seen in a message that is only called so", () => {
    const gaps: Gap[] = [];
    const { world } = open({ onGap: (gap) => void gaps.push(gap) });
    world.last.respond();
    void world.last.send("event: gap\ndata: mind it\n\nevent: gap\ndata: null\n\nevent: gap\ndata: {}\n\n");
    expect(gaps).toEqual([]);
  });
});
