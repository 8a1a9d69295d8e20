import { expect, test } from "vitest";
import { lastEventIdOf } from "./last-event-id.ts";

const node = (value?: string | string[]) =>
  lastEventIdOf({ headers: { "last-event-id": value }, httpVersionMajor: 1, socket: null });
const fetched = (value: string) =>
  lastEventIdOf(new Request("http://127.0.0.1/", { headers: { "Last-Event-ID": value } }));

test("the header as it was sent, from either kind of request", () => {
  expect([node("e1.7"), fetched("e1.7"), node(), node(["1", "2"])]).toEqual(["e1.7", "e1.7", "", "2"]);
  expect(lastEventIdOf(new Request("http://127.0.0.1/"))).toBe("");
});

test("UTF-8 is read as such, and bytes that are none stay as they came", () => {
  const bytes = Buffer.from("编号-7 🎉").toString("latin1");
  expect([node(bytes), fetched(bytes)]).toEqual(["编号-7 🎉", "编号-7 🎉"]);
  expect(node("gr\xfc\xdfe")).toBe("gr\xfc\xdfe");
  expect(node("编号")).toBe("编号");
});
