/**
 * A port of 127.0.0.1 for a program that must be told one. It lies below those that the system hands out by itself, so that
 * nobody's outgoing connection takes it before the program does, and a server that is restarted finds it free again. Plain JavaScript,
 * since the benchmarks run without a compiler.
 */
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, statSync, utimesSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LOWEST = 20_000;
const HIGHEST = 32_000;
/** A program that was told its port listens long before. */
const RESERVED_MS = 5 * 60_000;
const FOLDER = join(tmpdir(), "tidings-test-ports");

/** @returns {Promise<number>} Never the same twice within minutes, in all processes of tests and benchmarks. */
export async function freePort() {
  mkdirSync(FOLDER, { recursive: true });
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (reserve(port) && (await isFree(port))) return port;
  }
}

function reserve(port) {
  const file = join(FOLDER, String(port));
  try {
    closeSync(openSync(file, "wx"));
  } catch {
    if (Date.now() - statSync(file).mtimeMs < RESERVED_MS) return false;
    utimesSync(file, new Date(), new Date());
  }
  return true;
}

async function isFree(port) {
  const server = createServer().listen(port, "127.0.0.1");
  const listens = await once(server, "listening").then(
    () => true,
    () => false,
  );
  if (!listens) return false;
  server.close();
  await once(server, "close");
  return true;
}
