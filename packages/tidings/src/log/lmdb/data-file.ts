/**
 * The file of an environment. Where it was removed, or another one was put in its place, LMDB goes on in a file that nobody finds
 * again: what is written there is gone with the process.
 */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { LogError } from "../log.ts";

export class DataFile {
  readonly #path: string;
  readonly #inode: bigint | undefined;
  /** What no other file on this disk has, and no copy of it. */
  readonly identity: string | undefined;

  /** @param path - Of the environment: a folder, or a file alone. */
  constructor(path: string | undefined) {
    // The process may go to another folder later.
    this.#path = path === undefined ? "" : resolve(path);
    if (path === undefined) return;
    try {
      if (statSync(this.#path).isDirectory()) this.#path = join(this.#path, "data.mdb");
      const { ino, birthtimeNs } = statSync(this.#path, { bigint: true });
      this.#inode = ino;
      this.identity = `${ino}.${birthtimeNs}`;
    } catch {
      // It is somewhere else.
    }
  }

  /** @throws {LogError} `failed`. */
  assertInPlace(): void {
    if (this.#inode === undefined) return;
    let inode: bigint | undefined;
    try {
      inode = inodeOf(this.#path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // What else is wrong says nothing of it.
      if (code !== "ENOENT" && code !== "ENOTDIR") return;
    }
    if (inode === this.#inode) return;
    throw new LogError(
      "failed",
      `Cannot append to log: ${this.#path} was removed or replaced, and what is written goes with it; expected it to stay while its environment is open`,
    );
  }
}

function inodeOf(path: string): bigint {
  return statSync(path, { bigint: true }).ino;
}
