/** A folder that a build writes, while tests or a packer may be reading it: each file whole or not at all, and none that is stale. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export function createOutput(folder) {
  const written = new Set();
  return {
    /** @param path - In the folder. */
    write(path, text) {
      const target = join(folder, path);
      written.add(path);
      if (readText(target) === text) return;
      mkdirSync(dirname(target), { recursive: true });
      const draft = `${target}.${process.pid}`;
      writeFileSync(draft, text);
      renameSync(draft, target);
    },
    /** Removes what this build has not written. */
    sweep() {
      for (const path of readdirSync(folder, { recursive: true })) {
        if (!written.has(path) && statSync(join(folder, path)).isFile()) rmSync(join(folder, path));
      }
    },
  };
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
