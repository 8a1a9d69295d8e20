import { expect, test } from "vitest";
import { AnswerBuffer } from "./answer-buffer.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Reads in pieces of `maxBytes`, as a slow reader does. */
function readAll(buffer: AnswerBuffer, after: number, maxBytes: number): string {
  let all = "";
  for (let at = after; ;) {
    const { bytes, through } = buffer.read(at, maxBytes);
    if (bytes.length === 0) return all;
    expect(through).toBeGreaterThan(at);
    all += text(bytes);
    at = through;
  }
}

test("gives back what was put in, from every place and in pieces of every size, sealed or not", () => {
  const messages = Array.from({ length: 300 }, (_, i) => `data: ${"好x🎉".repeat(i % 40)}${i}\n\n`);
  const buffer = new AnswerBuffer();
  const copy = new AnswerBuffer();
  for (const message of messages) buffer.push(message);
  const whole = new TextEncoder().encode(messages.join(""));
  copy.pushBytes(whole.subarray(0, whole.length));
  for (const one of [buffer, copy]) {
    expect([one.length, one.bytes]).toEqual([300, whole.length]);
    for (let round = 0; round < 2; round += 1) {
      for (const after of [0, 1, 17, 299, 300]) {
        for (const size of [1, 100, 5_000, 1e9]) {
          expect(readAll(one, after, size)).toBe(messages.slice(after).join(""));
        }
      }
      one.seal();
    }
  }
});

test("what was handed out does not change when more comes", () => {
  const buffer = new AnswerBuffer();
  buffer.push("data: 1\n\n");
  const { bytes } = buffer.read(0, 100);
  for (let i = 0; i < 1_000; i += 1) buffer.push(`data: ${i}\n\n`);
  buffer.seal();
  expect(text(bytes)).toBe("data: 1\n\n");
});

test("costs its bytes and four more a message, once sealed", () => {
  const buffer = new AnswerBuffer();
  for (let i = 0; i < 2_000; i += 1) buffer.push(`id: abcdefghijkl.${i}\ndata: {"token":" word${i}"}\n\n`);
  buffer.seal();
  const { bytes } = buffer.read(0, 1e9);
  expect(bytes.buffer.byteLength).toBe(buffer.bytes);
  expect(buffer.bytes + 4 * buffer.length).toBeLessThan(1.5 * buffer.bytes);
});

test("a message without the end of another is one", () => {
  const buffer = new AnswerBuffer();
  buffer.pushBytes(new TextEncoder().encode("data: a\ndata: \ndata: b\n\n"));
  expect(buffer.length).toBe(1);
});
