import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Follower } from "./follower.ts";
import { readRecord, recordOf } from "./witness.ts";

const LONG_MS = 600_000;
const cleanups: (() => unknown)[] = [];
afterEach(() => {
  while (cleanups.length > 0) cleanups.pop()!();
});

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "tidings-follower-"));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  return directory;
}

function follow(path: string, look: () => boolean = () => false, pollMs = LONG_MS): Follower {
  const follower = new Follower({ path, pollMs, look, onFailure: () => true, onRecovery() {} });
  cleanups.push(() => follower.stop());
  return follower;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("Follower", () => {
  it("looks once for each ring of another", async () => {
    const path = makeDirectory();
    let looks = 0;
    follow(path, () => (looks += 1) > 0);
    const other = follow(path);
    for (let rings = 1; rings <= 3; rings++) {
      other.ring();
      await expect.poll(() => looks).toBe(rings);
    }
    await pause(50);
    expect(looks).toBe(3);
  });

  it("keeps the bell as small as it is, beside an environment that is one file as well", async () => {
    const path = join(makeDirectory(), "log.mdb");
    writeFileSync(path, "");
    let looks = 0;
    follow(path, () => (looks += 1) > 0);
    const other = follow(path);
    for (let n = 0; n < 10; n++) other.ring(recordOf("tidings", { epoch: "epoch", head: n }));
    await expect.poll(() => looks).toBeGreaterThan(0);
    expect(statSync(`${path}-bell`).size).toBeLessThanOrEqual(1_536);
    expect(readRecord("tidings", path)).toEqual({ epoch: "epoch", head: 9 });
    expect(readRecord("other", path)).toBeUndefined();
  });

  it("has rung when ring returns: the process may end in the next moment, without a word", () => {
    const path = makeDirectory();
    const follower = follow(path);
    const size = () => statSync(join(path, "tidings.bell")).size;
    expect(size()).toBe(0);
    follower.ring();
    expect(size()).toBe(1);
  });

  it("finds what was written just before the watch began", async () => {
    let looks = 0;
    follow(makeDirectory(), () => (looks += 1) > 0, 10);
    await expect.poll(() => looks).toBeGreaterThan(0);
  });

  it("finds what a process wrote that ended before it rang", async () => {
    let isWritten = false;
    let found = 0;
    follow(
      makeDirectory(),
      () => {
        if (isWritten) found += 1;
        return isWritten;
      },
      10,
    );
    await pause(100);
    isWritten = true;
    await expect.poll(() => found, { timeout: 3_000 }).toBeGreaterThan(0);
  });

  it("takes nothing for missed that it found a moment before its report", async () => {
    const path = makeDirectory();
    let isWritten = false;
    let looks = 0;
    const other = follow(path);
    follow(
      path,
      () => {
        looks += 1;
        const found = isWritten;
        isWritten = false;
        // As if the writer had committed, and rang only now.
        if (found) setTimeout(() => other.ring(), 1);
        return found;
      },
      5,
    );
    await pause(100);
    isWritten = true;
    await expect.poll(() => isWritten, { timeout: 3_000 }).toBe(false);
    const before = looks;
    await pause(500);
    // The report, and the look that waits for it; in doubt it would be a hundred.
    expect(looks - before).toBeLessThan(5);
  });

  it("looks every pollMs where there can be no bell", async () => {
    const path = makeDirectory();
    // A folder of that name: as root, no file would be refused.
    mkdirSync(join(path, "tidings.bell"));
    let looks = 0;
    const follower = follow(path, () => (looks += 1) > 0, 5);
    follower.ring();
    await expect.poll(() => looks).toBeGreaterThan(10);
  });

  it("looks every pollMs for a while after a process wrote that did not ring: it may be one that cannot", async () => {
    const path = makeDirectory();
    let looks = 0;
    let isWritten = false;
    follow(
      path,
      () => {
        looks += 1;
        const found = isWritten;
        isWritten = false;
        return found;
      },
      5,
    );
    await expect.poll(() => looks).toBe(1);
    isWritten = true;
    await expect.poll(() => isWritten, { timeout: 3_000 }).toBe(false);
    // By looks where the system reports changes it would be one in that time.
    await expect.poll(() => looks).toBeGreaterThan(20);
  });

  it("shares its bell with processes that start after somebody removed it", async () => {
    const path = makeDirectory();
    let looks = 0;
    follow(path, () => (looks += 1) < 0, 10);
    rmSync(join(path, "tidings.bell"));
    const newcomer = follow(path);
    const ringAndCount = (): number => {
      newcomer.ring();
      return looks;
    };
    // By looks alone it would be ten in that time.
    await expect.poll(ringAndCount).toBeGreaterThan(30);
  });

  it("is silent once stopped, and leaves no descriptor open", async () => {
    const path = makeDirectory();
    // Where the system tells how many are open.
    const open = () => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0);
    const before = open();
    let looks = 0;
    const follower = follow(path, () => (looks += 1) > 0);
    const other = follow(path);
    other.ring();
    await expect.poll(() => looks).toBe(1);
    follower.stop();
    follower.ring();
    other.ring();
    await pause(50);
    expect(looks).toBe(1);
    other.stop();
    await expect.poll(open).toBeLessThanOrEqual(before + 1);
  });
});
