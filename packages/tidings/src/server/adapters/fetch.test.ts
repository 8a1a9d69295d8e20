import { expect, test } from "vitest";
import { hear } from "../../../../../test/support/hear.ts";
import { Batch } from "../out/batch.ts";
import { responseHead } from "../out/response-head.ts";
import { createFetchOutlet } from "./fetch.ts";

const url = "http://127.0.0.1/";
const batch = (text: string) => Batch.of(text);
const text = (chunk: Uint8Array | undefined) => new TextDecoder().decode(chunk);
const open = (init?: RequestInit, head = responseHead()) => createFetchOutlet(new Request(url, init), head);

test("the response has the head, and its first byte at the first read", async () => {
  const { response } = open(
    undefined,
    responseHead({ headers: { "Set-Cookie": ["a=1", "b=2"] }, retryMs: 500 }),
  );
  expect(response.status).toBe(200);
  expect([...response.headers]).toEqual([
    ["cache-control", "no-cache, no-transform"],
    ["content-type", "text/event-stream"],
    ["incremental", "?1"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["x-accel-buffering", "no"],
  ]);
  expect(text((await response.body!.getReader().read()).value)).toBe("retry: 500\n\n");
});

test("bytes written between two reads come in one piece; write says so, and onDrain that it was taken", async () => {
  const { outlet, response } = open();
  const reader = response.body!.getReader();
  let drained = 0;
  hear(outlet, { onDrain: () => drained++ });
  await reader.read();
  expect(outlet.write(batch("one"))).toBe(false);
  expect(outlet.write(batch("two"))).toBe(false);
  expect(outlet.bufferedBytes).toBe(6);
  expect(text((await reader.read()).value)).toBe("onetwo");
  expect([drained, outlet.bufferedBytes]).toEqual([1, 0]);

  const next = reader.read();
  await new Promise(setImmediate);
  expect(outlet.write(batch("three"))).toBe(true);
  expect(text((await next).value)).toBe("three");
  expect(drained).toBe(1);
});

test("nothing is read ahead of the reader", async () => {
  const { outlet, response } = open();
  await new Promise((resolve) => setTimeout(resolve));
  outlet.write(batch("12345678"));
  expect(outlet.bufferedBytes).toBe(":\n\n".length + 8);
  await response.body!.cancel();
  expect(outlet.bufferedBytes).toBe(0);
});

test("one buffer goes to many outlets and stays whole", async () => {
  const shared = batch("shared");
  for (let i = 0; i < 3; i++) {
    const { outlet, response } = open();
    const reader = response.body!.getReader();
    await reader.read();
    outlet.write(shared);
    expect(text((await reader.read()).value)).toBe("shared");
  }
});

test("end lets the reader have what was written, then closes once", async () => {
  const { outlet, response } = open();
  let closed = 0;
  hear(outlet, { onClose: () => closed++ });
  outlet.write(batch("last"));
  outlet.end();
  expect(outlet.write(batch("x"))).toBe(false);
  expect(await response.text()).toBe(":\n\nlast");
  expect([closed, outlet.closed]).toEqual([1, true]);
});

test("end with a read under way ends it", async () => {
  const { outlet, response } = open();
  const reader = response.body!.getReader();
  await reader.read();
  const next = reader.read();
  outlet.end();
  expect((await next).done).toBe(true);
});

test("a cancelled body is a departed peer", async () => {
  const { outlet, response } = open();
  let closed = 0;
  hear(outlet, { onClose: () => closed++ });
  await response.body!.cancel();
  expect([closed, outlet.closed, outlet.write(batch("x"))]).toEqual([1, true, false]);
  outlet.end();
  outlet.destroy();
});

test("an aborted request is a departed peer, also when it was aborted before", async () => {
  const abort = new AbortController();
  const { outlet, response } = open({ signal: abort.signal });
  let closed = 0;
  hear(outlet, { onClose: () => closed++ });
  abort.abort();
  expect([closed, outlet.closed]).toEqual([1, true]);
  expect(await response.text()).toBe("");
  outlet.destroy();

  const ending = new AbortController();
  const ended = open({ signal: ending.signal });
  ended.outlet.write(batch("last"));
  ended.outlet.end();
  ending.abort();
  expect([ended.outlet.closed, await ended.response.text()]).toEqual([true, ""]);

  const late = open({ signal: abort.signal });
  expect(late.outlet.closed).toBe(true);
  expect(await late.response.text()).toBe("");
});

test("destroy fails the body, so that no one takes it for the whole", async () => {
  const { outlet, response } = open();
  let closed = 0;
  hear(outlet, { onClose: () => closed++ });
  outlet.destroy();
  expect(closed).toBe(0);
  await expect(response.text()).rejects.toThrow("Event stream was cut by its server");
  expect(closed).toBe(1);
});

test("HEAD gets the head, no body, and a closed outlet", () => {
  const { outlet, response } = open({ method: "HEAD" });
  expect([response.body, outlet.closed]).toEqual([null, true]);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
});
