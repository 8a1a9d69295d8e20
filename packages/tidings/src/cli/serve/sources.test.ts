import { mkdtemp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { UsageError } from "../arguments/usage-error.ts";
import { fileSource } from "./sources.ts";

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "tidings-sources-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

test("what is no file of lines is said to be none", async () => {
  const path = await folder();
  const run = (file: string) => fileSource(file).run(() => Promise.resolve(), new AbortController().signal);
  await expect(run(path)).rejects.toThrow(`Cannot follow ${path}: it is a directory`);
  const none = join(path, "none");
  await expect(run(none)).rejects.toThrow(UsageError);
});

test("a file that a directory stands in for meanwhile is followed on, and its successor after it", async () => {
  const path = await folder();
  const file = join(path, "log");
  await writeFile(file, "one\n");
  const stop = new AbortController();
  const lines: string[] = [];
  const running = fileSource(file).run((line) => Promise.resolve(lines.push(line)), stop.signal);
  await expect.poll(() => lines).toEqual(["one"]);
  await rename(file, `${file}.1`);
  await mkdir(file);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await writeFile(`${file}.1`, "one\ntwo\n");
  await expect.poll(() => lines).toEqual(["one", "two"]);
  await rm(file, { recursive: true });
  await writeFile(file, "three\n");
  await expect.poll(() => lines).toEqual(["one", "two", "three"]);
  stop.abort();
  expect(await running).toMatchObject({ failed: false });
});
