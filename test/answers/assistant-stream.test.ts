/** The store of assistant-ui's resumable streams over answers: the tests that the package ships with its source, and more. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  createResumableAssistantStreamResponse,
  createResumableStreamContext,
  createResumeAssistantStreamResponse,
  type ResumableStreamStore,
} from "assistant-stream/resumable";
import { createResumableStreamStore } from "tidings/integrations/assistant-stream";
import { memoryLog } from "tidings/log";
import { type AnswersOptions, createAnswers } from "tidings/server";
import { afterEach, describe, expect, it } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

function openStore(options: AnswersOptions = {}): ResumableStreamStore {
  const answers = createAnswers({ onError: () => undefined, ...options });
  closers.push(() => answers.close());
  return createResumableStreamStore({ answers });
}

async function read(store: ResumableStreamStore, cursor: string) {
  const entries: { cursor: string; chunk: Uint8Array }[] = [];
  for await (const entry of store.read("s", cursor, new AbortController().signal)) entries.push(entry);
  return entries;
}

/** What is the package's own store's, and no part of the interface. */
const ITS_OWN = [
  // Options of its store: when streams expire, and how much it takes.
  "(?:sweep|reclaims|refreshed|expires|expired|evict|TTL|maxChunkBytes|maxEntriesPerStream|maxStreams|gc |superseded)",
  "(?:append errors before source cancellation|awaits source cleanup|fenced)",
  // The cursor is "1" there.
  "(?:delivers live updates)",
  // A stream that has ended is kept, for as long as the answers are.
  "(?:delete removes stream state)",
  // Of the stores over Redis.
  "(?:redis|Redis)",
];

const run = promisify(execFile);
const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const config = fileURLToPath(new URL("programs/assistant-stream.config.mjs", import.meta.url));

describe("createResumableStreamStore()", () => {
  it.each(["memory", "log"])("passes the tests of the package, over %s", async (LOG) => {
    const pattern = `^(?!.*(?:${ITS_OWN.join("|")})).*$`;
    const args = [vitest, "run", "--config", config, "-t", pattern, "--reporter=json"];
    const { stdout } = await run(process.execPath, args, {
      env: { ...process.env, LOG },
      maxBuffer: 2 ** 24,
    }).catch((error: { stdout: string }) => error);
    const report = JSON.parse(stdout.slice(stdout.indexOf("{"))) as {
      numPassedTests: number;
      testResults: { assertionResults: { status: string; fullName: string }[] }[];
    };
    const failed = report.testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName),
    );
    expect(failed).toEqual([]);
    expect(report.numPassedTests).toBeGreaterThanOrEqual(50);
  });

  it("lets one request produce and another read, with the same parts", async () => {
    const context = createResumableStreamContext({ store: openStore({ log: memoryLog(), joinMs: 0 }) });
    const produced = await createResumableAssistantStreamResponse({
      context,
      streamId: "s",
      callback: async (controller) => {
        controller.appendText("Hello\r\n");
        await Promise.resolve();
        controller.appendText("你好🎉");
      },
    });
    const resumed = await createResumeAssistantStreamResponse({ context, streamId: "s" });
    const [first, second] = await Promise.all([produced.text(), resumed.text()]);
    expect(first).toContain("你好🎉");
    expect(second).toBe(first);
  });

  it("keeps bytes that are no text, and continues from a cursor", async () => {
    const store = openStore();
    await store.acquire("s");
    const chunks = [[0, 255, 13, 10], [0xe4, 0xbd], [0xa0], [10, 10, 58], []].map((bytes) =>
      Uint8Array.from(bytes),
    );
    for (const chunk of chunks) await store.append("s", chunk);
    await store.finalize("s", "done");
    const all = await read(store, "");
    expect(all.map(({ chunk }) => chunk)).toEqual(chunks);
    expect(await read(store, all[1]!.cursor)).toEqual(all.slice(2));
  });

  it("is missing once it was deleted while it ran, and can be acquired again", async () => {
    const store = openStore();
    const first = await store.acquireLease!("s");
    await store.append("s", Uint8Array.of(1));
    const reading = read(store, "");
    await store.delete("s");
    expect(await reading).toHaveLength(1);
    expect(await store.status("s")).toBe("missing");
    await expect(store.append("s", Uint8Array.of(2))).rejects.toThrow("Stream not found");
    expect((await store.acquireLease!("s")).role).toBe("producer");
    const lease = first.role === "producer" ? first.lease : undefined;
    await expect(store.append("s", Uint8Array.of(2), lease)).rejects.toMatchObject({ code: "missing" });
    expect(await store.finalize("s", "done", undefined, lease)).toBe(false);
    expect(await store.status("s")).toBe("streaming");
  });

  it("says error of a stream that was neither finalized nor appended to for idleMs", async () => {
    const answers = createAnswers({ onError: () => undefined });
    closers.push(() => answers.close());
    const store = createResumableStreamStore({ answers, idleMs: 50 });
    expect(await store.acquire("s")).toBe("producer");
    await store.append("s", new TextEncoder().encode("Hel"));
    await expect(read(store, "")).rejects.toMatchObject({ code: "abandoned" });
    expect(await store.status("s")).toBe("error");
    await expect(store.append("s", new Uint8Array(1))).rejects.toMatchObject({ code: "finalized" });
    expect(() => createResumableStreamStore({ answers, idleMs: 0 })).toThrow(
      "Cannot create resumable stream store: idleMs is 0, expected a number above 0, or false",
    );
  });
});
