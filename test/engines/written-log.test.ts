/** The log of docs/logs/writing.md, as it stands on the page. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Log, LogPosition } from "../../packages/tidings/src/log/log.ts";
import { describeLog } from "../../packages/tidings/src/log/contract.ts";
import { codeBlocks } from "../docs/code-blocks.ts";
import { ROOT, typeErrors, writeBlocks } from "../docs/run-typescript.ts";

const PAGE = "docs/logs/writing.md";
const blocks = codeBlocks(PAGE, readFileSync(join(ROOT, PAGE), "utf8"), ["file-log"]);
const whole = { ...blocks[0]!, text: blocks.map(({ text }) => text).join("\n") };
const { folder, files: modules } = await writeBlocks("written-log", [whole]);
const { fileLog } = (await import(modules[0]!)) as {
  fileLog: (path: string, options?: { now?: () => number }) => Log;
};

const files = mkdtempSync(join(folder, "files-"));
let count = 0;
const freshPath = (): string => join(files, `${(count += 1)}`);
afterAll(() => rmSync(files, { recursive: true, force: true }));

const retention = { messages: 1_000, bytes: 2 ** 20, ageMs: 3_600_000 };
const draft = (text: string) => ({ topic: "a", body: new TextEncoder().encode(text) });
const topics = { exact: ["a"], matches: () => true };

async function reopen(path: string): Promise<{ log: Log; position: LogPosition; texts: string[] }> {
  const log = fileLog(path);
  const position = await log.open({ retention, onTail: () => undefined });
  const { entries } = await log.read({ topics, after: 0, maxMessages: 100, maxBytes: 2 ** 20 });
  return { log, position, texts: entries.map(({ body }) => new TextDecoder().decode(body)) };
}

describeLog("the log of the page", ({ now }) => fileLog(freshPath(), { now }), {
  describe,
  it,
  exactLosses: false,
  topicBounds: false,
});

describe("its file", () => {
  it("compiles", async () => {
    expect([...(await typeErrors(folder)).values()]).toEqual([]);
  });

  it("has everything after a restart, and after a kill that left half of a line", async () => {
    const path = freshPath();
    const first = await reopen(path);
    await first.log.append([draft("1"), draft("2")], { idempotencyKey: "k" });
    await first.log.close();
    const second = await reopen(path);
    expect(second).toMatchObject({ position: { epoch: first.position.epoch, head: 2 }, texts: ["1", "2"] });
    await second.log.append([draft("3")], { idempotencyKey: "other" });
    // Not closed: as if it had been killed here, in the middle of a write.
    appendFileSync(path, '{"first":4,"atMs":1,"dra');
    const third = await reopen(path);
    expect(third).toMatchObject({
      position: { epoch: first.position.epoch, head: 3 },
      texts: ["1", "2", "3"],
    });
    const again = await third.log.append([draft("3")], { idempotencyKey: "other" });
    expect(again).toEqual({ first: 3, last: 3, repeated: true });
    expect((await third.log.append([draft("4")])).first).toBe(4);
    await third.log.close();
    expect((await reopen(path)).texts).toEqual(["1", "2", "3", "4"]);
  });
});
