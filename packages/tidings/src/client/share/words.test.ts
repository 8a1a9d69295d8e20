import { expect, test } from "vitest";
import { EventStreamError } from "../core/event-stream-error.ts";
import { pack, unpack } from "./words.ts";

const told = { term: "t", seq: 1, id: "1" };

test("what tabs say comes as it was said, with errors as errors", () => {
  const cause = new EventStreamError("status", "refused", { status: 401, cause: new TypeError("why") });
  for (const said of [
    { ask: "me" },
    { ask: "me", from: "" },
    { ...told, lead: true, state: "connecting" as const },
    { ...told, entry: { id: "1", message: { event: "message", data: "", id: "1" } }, epoch: "e" },
    { ...told, to: "me", from: "1", tail: [{ id: "2" }], response: { status: 200, url: "u", type: null } },
    { ...told, verdict: { reason: "complete" as const } },
  ]) {
    expect(unpack(structuredClone(pack(said)))).toEqual(said);
  }
  const said = unpack(structuredClone(pack({ ...told, error: cause })));
  expect((said as { error: EventStreamError }).error).toMatchObject({
    name: "EventStreamError",
    code: "status",
    message: "refused",
    status: 401,
    cause: "TypeError: why",
  });
});

test("whatever else is said on the channel is nothing", () => {
  for (const said of [
    undefined,
    null,
    "text",
    5,
    [],
    {},
    new Map(),
    { ask: 5 },
    { ask: "me", from: 5 },
    { ...told, term: 5 },
    { ...told, seq: "1" },
    { ...told, seq: Number.NaN },
    { ...told, id: undefined },
    { ...told, epoch: {} },
    { ...told, state: "sideways" },
    { ...told, response: null },
    { ...told, response: { url: 5, type: null } },
    { ...told, error: null },
    { ...told, error: "text" },
    { ...told, verdict: null },
    { ...told, verdict: { reason: 5 } },
    { ...told, verdict: { reason: "gave-up", cause: 5 } },
    { ...told, entry: null },
    { ...told, entry: { id: 5 } },
    { ...told, entry: { id: "1", message: null } },
    { ...told, entry: { id: "1", message: { event: "message", data: 5, id: "1" } } },
    { ...told, tail: "text" },
    { ...told, tail: [null] },
  ]) {
    expect(unpack(said)).toBeUndefined();
  }
});

test("an error whose cause cannot be shown is told all the same", () => {
  const error = new EventStreamError("network", "failed", { cause: Object.create(null) });
  const said = unpack(structuredClone(pack({ ...told, error }))) as { error: EventStreamError };
  expect(said.error.cause).toBe("an error that cannot be shown");
});
