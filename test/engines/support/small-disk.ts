/** A disk for a test, with as much space as the test says: in memory. Linux, as root or with a `sudo` that asks for nothing. */
import { execFileSync } from "node:child_process";
import { rmSync, statSync } from "node:fs";

export interface SmallDisk {
  readonly folder: string;
  /** Gives it another size. */
  resize(megabytes: number): void;
  remove(): void;
}

/** @param folder - Where it is mounted. It belongs to whom the folder belongs. */
export function mountSmallDisk(folder: string, megabytes: number): SmallDisk {
  const { uid, gid } = statSync(folder);
  asRoot("mount", "-t", "tmpfs", "-o", `size=${megabytes}m,mode=700,uid=${uid},gid=${gid}`, "tmpfs", folder);
  return {
    folder,
    resize: (size) => asRoot("mount", "-o", `remount,size=${size}m`, folder),
    remove: () => {
      asRoot("umount", "-l", folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function asRoot(...words: string[]): void {
  const [program, ...args] = process.getuid?.() === 0 ? words : ["sudo", "-n", ...words];
  execFileSync(program!, args);
}
