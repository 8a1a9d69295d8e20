/** A server that is killed and started again, over a log on disk: what subscribers see is one stream without a seam. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Reader, until } from "../../../../../test/support/hub-server.ts";

/** Publishes as fast as the disk allows, and says what was acknowledged: `id number`. */
const SERVER = `
import { createServer } from "node:http";
import { open } from "lmdb";
import { lmdbLog } from "../../log/lmdb/lmdb-log.ts";
import { createHub } from "./create-hub.ts";
const [path, first] = process.argv.slice(2);
const hub = createHub({ log: lmdbLog(open({ path, overlappingSync: false, eventTurnBatching: false })), retention: { messages: 1e6 } });
const server = createServer((req, res) => void hub.subscribe(req, res, { topics: ["a"], from: "earliest" }));
server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));
let n = Number(first);
async function publish() {
  for (;;) {
    const number = n++;
    const { id } = await hub.publish("a", { data: number });
    console.log(id + " " + number);
  }
}
for (let i = 0; i < 4; i++) void publish();
`;

const folder = fileURLToPath(new URL("../../../.cache/", import.meta.url));
const file = join(folder, `hub-restart-${process.pid}.mjs`);

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  await build({
    stdin: { contents: SERVER, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["lmdb"],
  });
});
afterAll(() => rmSync(file));

async function start(
  path: string,
  first: number,
  acknowledged: Map<string, string>,
): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [file, path, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [name, value] = line.split(" ");
      if (name === "port") resolve(`http://127.0.0.1:${value}/`);
      else acknowledged.set(name!, value!);
    });
  });
  return { child, url };
}

describe("a hub over lmdbLog() that is killed and started again", () => {
  it(
    "loses nothing acknowledged, doubles nothing, keeps the order, and reports no gap",
    { timeout: 60_000 },
    async () => {
      const path = mkdtempSync(join(tmpdir(), "tidings-restart-"));
      const acknowledged = new Map<string, string>();
      const readers = [new Reader(), new Reader(), new Reader()];
      let child: ChildProcess | undefined;
      try {
        for (let round = 1; round <= 4; round += 1) {
          const started = await start(path, round * 1_000_000, acknowledged);
          ({ child } = started);
          for (const reader of readers) await reader.connect(started.url);
          const before = acknowledged.size;
          await until(() => acknowledged.size > before + 150, "acknowledgements");
          // One of them leaves in the midst and comes back.
          readers[1]!.cut();
          await readers[1]!.connect(started.url);
          const gone = new Promise((resolve) => void started.child.once("exit", resolve));
          started.child.kill("SIGKILL");
          await gone;
          await Promise.all(readers.map(({ ended }) => ended));
        }
        const last = await start(path, 9_000_000, acknowledged);
        ({ child } = last);
        for (const reader of readers) await reader.connect(last.url);
        for (const reader of readers) {
          await reader.until(
            () => reader.messages.some(({ data }) => Number(data) >= 9_000_020),
            "what follows the last start",
          );
          const end = reader.messages.findIndex(({ data }) => Number(data) >= 9_000_020);
          const seen = reader.messages.slice(0, end);
          expect(reader.messages.filter(({ event }) => event !== "message")).toEqual([]);
          const offsets = seen.map(({ id }) => Number(id.split(".")[1]));
          expect(offsets).toEqual(Array.from({ length: offsets.length }, (_, i) => i + 1));
          const got = new Map(seen.map(({ id, data }) => [id, data]));
          const earlier = [...acknowledged].filter(([, number]) => Number(number) < 9_000_000);
          expect(earlier.length).toBeGreaterThan(600);
          expect(earlier.filter(([id, number]) => got.get(id) !== number)).toEqual([]);
          expect(new Set(got.values()).size).toBe(seen.length);
        }
      } finally {
        for (const reader of readers) reader.cut();
        child?.kill("SIGKILL");
        rmSync(path, { recursive: true, force: true });
      }
    },
  );
});
