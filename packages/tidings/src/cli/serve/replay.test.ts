import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { UsageError } from "../arguments/usage-error.ts";
import { parseArguments } from "../arguments/parse-arguments.ts";
import type { Io } from "../terminal/io.ts";
import { replay } from "./replay.ts";

test.each([":header a b: 1", ":header a: \u0001", ":header a: 好"])(
  "a recording with a header that no response can have is told of before anybody is served: %j",
  async (header) => {
    const folder = await mkdtemp(join(tmpdir(), "tidings-replay-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "bad.sse");
    await writeFile(file, `:tidings recording 1\n:status 200\n${header}\n`);
    const color = { out: false, err: false };
    const io = { color, env: {}, err: () => undefined, signal: AbortSignal.abort() } as unknown as Io;
    const input = parseArguments(replay, [file, "--port", "0"]);
    await expect(replay.run(input, io)).rejects.toThrow(UsageError);
  },
);
