/**
 * What becomes of a log in LMDB that is set back, by a backup that was restored: what was acknowledged since is told to be lost, and
 * none of its offsets is given again under the same epoch.
 */
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, expect, it } from "vitest";
import { lmdbLog } from "../../../packages/tidings/src/log/lmdb/index.ts";
import { Cleanups, draft, openForTest, readAll, textOf, type Opened } from "../support/opened-log.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "tidings-restore-"));
  return cleanups.add(path, (one) => rmSync(one, { recursive: true, force: true }));
}

async function openIn(path: string, name?: string): Promise<Opened & { close: () => Promise<void> }> {
  const env = open({ path, maxDbs: 40, overlappingSync: false, eventTurnBatching: false });
  const opened = await openForTest(cleanups, lmdbLog(env, name === undefined ? {} : { name }));
  const close = async (): Promise<void> => {
    await opened.log.close();
    await env.close();
  };
  cleanups.add(env, close);
  return { ...opened, close };
}

/** Each restores what a folder held. */
const WAYS: Record<string, (backup: string, path: string) => void> = {
  "to a folder that was emptied": (backup, path) => {
    rmSync(path, { recursive: true });
    cpSync(backup, path, { recursive: true });
  },
  "over the file that was there": (backup, path) => {
    writeFileSync(join(path, "data.mdb"), readFileSync(join(backup, "data.mdb")));
  },
  "beside the bell that was there": (backup, path) => {
    rmSync(join(path, "data.mdb"));
    cpSync(join(backup, "data.mdb"), join(path, "data.mdb"));
  },
};

it.each(Object.keys(WAYS))("begins another epoch after a backup was restored %s, and once", async (way) => {
  const [path, backup] = [folder(), folder()];
  const first = await openIn(path);
  const other = await openIn(path, "other");
  for (const text of ["1", "2"]) await first.log.append([draft(text)]);
  await other.log.append([draft("of another log")]);
  await first.close();
  await other.close();
  cpSync(path, backup, { recursive: true });
  const second = await openIn(path);
  expect(second.position).toEqual({ epoch: first.position.epoch, head: 2 });
  await second.log.append([draft("lost")]);
  await second.close();
  WAYS[way]!(backup, path);
  const third = await openIn(path);
  expect(third.position.epoch).not.toBe(first.position.epoch);
  expect(third.position.head).toBe(2);
  await third.log.append([draft("3")]);
  expect((await readAll(third.log)).entries.map(textOf)).toEqual(["1", "2", "3"]);
  await third.close();
  expect((await openIn(path)).position).toEqual({ epoch: third.position.epoch, head: 3 });
});

it("goes on where the folder was moved, and where its bell is gone", async () => {
  const path = folder();
  const { log, position, close } = await openIn(path);
  await log.append([draft("1")]);
  await close();
  renameSync(path, `${path}-moved`);
  cleanups.add(`${path}-moved`, (one) => rmSync(one, { recursive: true }));
  rmSync(join(`${path}-moved`, "tidings.bell"));
  const again = await openIn(`${path}-moved`);
  expect(again.position).toEqual({ epoch: position.epoch, head: 1 });
});

it("begins another epoch in every process that has it open when what it holds is set back", async () => {
  const path = folder();
  const one = await openIn(path);
  const other = await openIn(path);
  for (const text of ["1", "2", "3"]) await one.log.append([draft(text)]);
  await expect.poll(() => other.seen()).toEqual(["1", "2", "3"]);
  // As a file that was written over while it is open.
  const env = open({ path, maxDbs: 40, overlappingSync: false, eventTurnBatching: false });
  const state = env.openDB<{ head: number; version: number }, string>("tidings/log", {
    encoding: "json",
    useVersions: true,
  });
  const was = state.get("log")!;
  await state.put("log", { ...was, head: 1, version: was.version + 1 }, was.version + 1);
  await env.close();
  const { first } = await one.log.append([draft("new")]);
  expect(first).toBe(2);
  expect(one.resets).toHaveLength(1);
  expect(one.resets[0]!.epoch).not.toBe(one.position.epoch);
  await expect.poll(() => other.resets.length).toBe(1);
  expect(other.resets[0]!.epoch).toBe(one.resets[0]!.epoch);
  await one.log.append([draft("after")]);
  await expect.poll(() => [one.seen().at(-1), other.seen().at(-1)]).toEqual(["after", "after"]);
  expect((await one.log.head()).epoch).toBe(one.resets[0]!.epoch);
});

it("begins another epoch when it is set back and nobody appends", async () => {
  const path = folder();
  const { log, position, resets } = await openIn(path);
  for (const text of ["1", "2", "3"]) await log.append([draft(text)]);
  const env = open({ path, maxDbs: 40, overlappingSync: false, eventTurnBatching: false });
  const state = env.openDB<{ head: number; version: number }, string>("tidings/log", {
    encoding: "json",
    useVersions: true,
  });
  const was = state.get("log")!;
  await state.put("log", { ...was, head: 1, version: was.version + 1 }, was.version + 1);
  await env.close();
  await expect.poll(() => resets.length, { timeout: 20_000 }).toBe(1);
  expect(resets[0]).toMatchObject({ head: 1 });
  expect(resets[0]!.epoch).not.toBe(position.epoch);
  expect(await log.head()).toEqual(resets[0]);
});
