import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Follower } from "./follower.ts";

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  while (cleanups.length > 0) cleanups.pop()!();
});

function follow(look: () => boolean): { readonly change: () => void; readonly follower: Follower } {
  const directory = mkdtempSync(join(tmpdir(), "tidings-follower-"));
  const path = join(directory, "data.mdb");
  writeFileSync(path, "1");
  const follower = new Follower({
    path: directory,
    pollMs: 600_000,
    look,
    onFailure: () => true,
    onRecovery() {},
  });
  cleanups.push(() => rmSync(directory, { recursive: true }));
  cleanups.push(() => follower.stop());
  return { change: () => appendFileSync(path, "2"), follower };
}

describe("Follower", () => {
  it("looks again after a report, since a commit is visible only after it was written", async () => {
    let looks = 0;
    // As if the writer were stopped between the write and its announcement.
    const { change } = follow(() => (looks += 1) === 3);
    change();
    await expect.poll(() => looks).toBeGreaterThanOrEqual(3);
  });

  it("makes five looks for a report, and then rests", async () => {
    let looks = 0;
    const { change } = follow(() => {
      looks += 1;
      return false;
    });
    change();
    await expect.poll(() => looks).toBe(5);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(looks).toBe(5);
  });

  it("looks soon after a report that comes while a later look waits", async () => {
    let looks = 0;
    const { change } = follow(() => {
      looks += 1;
      return false;
    });
    change();
    await expect.poll(() => looks, { interval: 5 }).toBeGreaterThanOrEqual(3);
    const before = looks;
    change();
    await expect.poll(() => looks, { interval: 5 }).toBeGreaterThan(before);
    // Begun after the looks that are due: it ends after them, however busy the machine is.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(looks).toBeGreaterThanOrEqual(before + 3);
  });

  it("is silent once stopped", async () => {
    let looks = 0;
    const { change, follower } = follow(() => {
      looks += 1;
      return true;
    });
    change();
    await expect.poll(() => looks).toBeGreaterThan(0);
    follower.stop();
    const before = looks;
    change();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(looks).toBe(before);
  });
});
