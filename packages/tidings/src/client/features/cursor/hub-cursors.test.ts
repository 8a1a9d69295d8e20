import { describe, expect, test } from "vitest";

import { createWorld } from "../../../../../../test/support/client-world.ts";
import { connect } from "../../connect.ts";
import { announcedEpoch, isBehind } from "./hub-cursors.ts";

const E = "k3Jd_93ms-Xq";

function open() {
  const world = createWorld();
  const data: string[] = [];
  const connection = connect("https://a.example/", {
    transport: world.transport,
    clock: world.clock,
    onMessage: (message) => void data.push(message.data),
  });
  world.last.respond();
  return { world, connection, data };
}

test.each<[id: string, lastEventId: string, epoch: string | undefined, behind: boolean]>([
  [`${E}.5`, `${E}.5`, E, true],
  [`${E}.4`, `${E}.5`, E, true],
  [`${E}.6`, `${E}.5`, E, false],
  [`${E}.10`, `${E}.9`, E, false],
  ["other_epoch1.1", `${E}.5`, E, false],
  [`${E}.4`, "other_epoch1.5", E, false],
  [`${E}.4`, `${E}.5`, undefined, false],
  [`${E}.4`, `${E}.5`, "other_epoch1", false],
  [`${E}.4.1`, `${E}.5`, E, false],
  [`${E}.04`, `${E}.5`, E, false],
  [`${E}.`, `${E}.5`, E, false],
  [E, `${E}.5`, E, false],
  ["", "", E, false],
  ["response-1.7", "response-1.9", undefined, false],
])("isBehind(%j, %j, %j) is %j", (id, lastEventId, epoch, behind) => {
  expect(isBehind(id, lastEventId, epoch)).toBe(behind);
});

test.each([
  [`epoch ${E}`, E],
  [` epoch ${E}`, undefined],
  ["epoch", undefined],
  ["epoch a b", undefined],
  ["", undefined],
])("announcedEpoch(%j) is %j", (comment, epoch) => {
  expect(announcedEpoch(comment)).toBe(epoch);
});

describe("a message that came before", () => {
  test("is dropped when the hub has announced its epoch, and does not move the place in the stream back", () => {
    const { world, connection, data } = open();
    void world.last.send(`:epoch ${E}\nid: ${E}.4\ndata: 4\n\nid: ${E}.5\ndata: 5\n\n`);
    void world.last.send(`id: ${E}.4\ndata: 4\n\nid: ${E}.5\ndata: 5\n\nid: ${E}.6\ndata: 6\n\n`);
    expect([data, connection.lastEventId]).toEqual([["4", "5", "6"], `${E}.6`]);
  });

  test("is never guessed from the ids of another server", () => {
    const { world, connection, data } = open();
    const ids = [
      "response-1.7",
      "response-1.6",
      "invoice_2024.17",
      "invoice_2024.17",
      `${E}.9`,
      `${E}.8`,
      "a",
      "a",
    ];
    for (const id of ids) void world.last.send(`id: ${id}\ndata: ${id}\n\n`);
    expect([data, connection.lastEventId]).toEqual([ids, "a"]);
  });

  test("is none without an id of its own", () => {
    const { world, data } = open();
    void world.last.send(`:epoch ${E}\nid: ${E}.4\ndata: a\n\ndata: no id of its own\n\n`);
    expect(data).toEqual(["a", "no id of its own"]);
  });
});
