/**
 * A hub for all routes of a Next application: Next loads the module that makes it several times, for each kind of route, and again when
 * it is edited in development.
 */
import { execFile } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, afterAll, describe, expect, onTestFinished, test } from "vitest";
import { type Child, startChild } from "../browsers/child.ts";
import { portOf } from "../runtimes/runtimes.ts";

const FOLDER = dirname(fileURLToPath(import.meta.url));
const NEXT = join(FOLDER, "node_modules/next/dist/bin/next");
/** What development edits, it edits in a copy. */
const EDITED = join(FOLDER, ".cache/routes");

const env = (NODE_ENV: "development" | "production") => ({
  ...process.env,
  NEXT_TELEMETRY_DISABLED: "1",
  NODE_ENV,
});

async function listening(child: Child): Promise<string> {
  return `http://127.0.0.1:${await portOf("Next", child, /http:\/\/127\.0\.0\.1:(\d+)/)}`;
}

/** A subscriber that keeps the data of its messages. */
async function subscribe(url: string): Promise<{ status: number; data: string[] }> {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const { status, body } = await fetch(url, { signal: controller.signal });
  const data: string[] = [];
  const read = async (): Promise<void> => {
    let text = "";
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      data.splice(0, Infinity, ...[...text.matchAll(/^data: ?(.*)\n/gm)].map(([, line]) => line!));
    }
  };
  read().catch(() => undefined);
  return { status, data };
}

async function publish(url: string, data: string): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    body: data,
    headers: { "content-type": "text/plain" },
  });
  expect(response.status).toBe(200);
  return Number(await response.text());
}

/** The streams that are open, as a route of each kind counts them. */
async function streams(origin: string): Promise<number[]> {
  return Promise.all(["/publish", "/api/publish"].map((path) => publish(`${origin}${path}`, "counted")));
}

beforeAll(() => {
  if (existsSync(NEXT)) return;
  throw new Error(`Cannot start Next: ${NEXT} is not installed, expected it from: npm ci --prefix test/next`);
});

describe("Next, built", () => {
  let child: Child;
  let origin: string;
  beforeAll(async () => {
    const folder = join(FOLDER, "routes");
    await promisify(execFile)(process.execPath, [NEXT, "build", folder], {
      cwd: folder,
      env: env("production"),
    });
    child = startChild(process.execPath, [NEXT, "start", folder, "-p", "0", "-H", "127.0.0.1"], {
      env: env("production"),
    });
    origin = await listening(child);
  });
  afterAll(() => child?.stop());

  test("what one route publishes reaches the streams of the others, of either router", async () => {
    const readers = await Promise.all(
      ["/events", "/api/events"].map((path) => subscribe(`${origin}${path}?by=ann`)),
    );
    expect(await publish(`${origin}/publish`, "from the app")).toBe(2);
    expect(await publish(`${origin}/api/publish`, "from the pages")).toBe(2);
    for (const { data } of readers) {
      await expect.poll(() => data).toEqual(["from the app", "from the pages"]);
    }
  });

  test("its limits hold over all routes", async () => {
    // Those of the test before this one have left.
    await expect.poll(() => streams(origin)).toEqual([0, 0]);
    const open = async (path: string, by: string) => (await subscribe(`${origin}${path}?by=${by}`)).status;
    expect(await open("/events", "ann")).toBe(200);
    expect(await open("/api/events", "ann")).toBe(200);
    expect(await open("/events", "ann")).toBe(429);
    expect(await open("/api/events", "ann")).toBe(429);
    expect(await open("/events", "ben")).toBe(200);
    expect(await open("/api/events", "cem")).toBe(200);
    expect(await open("/events", "dan")).toBe(503);
    expect(await open("/api/events", "dan")).toBe(503);
    expect(await streams(origin)).toEqual([4, 4]);
  });

  test("a hub that each copy of the module makes does not reach them: what the page warns of", async () => {
    const { data } = await subscribe(`${origin}/own`);
    await publish(`${origin}/api/publish`, "from the pages");
    await publish(`${origin}/publish`, "last");
    await expect.poll(() => data.at(-1)).toBe("last");
    expect(data).toEqual(["last"]);
  });
});

test("Next in development: a stream that was opened before an edit gets what is published after it, and a hub that the edit replaces is told of", async () => {
  rmSync(EDITED, { recursive: true, force: true });
  const isSource = (path: string) => !path.includes(".cache");
  cpSync(join(FOLDER, "routes"), EDITED, {
    recursive: true,
    filter: (path) => isSource(path.slice(FOLDER.length)),
  });
  // One folder deeper.
  edit("next.config.js", (text) => text.replace("/../../..", "/../../../.."));
  const child = startChild(process.execPath, [NEXT, "dev", EDITED, "-p", "0", "-H", "127.0.0.1"], {
    env: env("development"),
  });
  onTestFinished(() => child.stop());
  const origin = await listening(child);
  const { data } = await subscribe(`${origin}/events?by=ann`);
  await subscribe(`${origin}/own`);
  expect(await publish(`${origin}/publish`, "before")).toBe(1);
  await expect.poll(() => data, { timeout: 30_000 }).toEqual(["before"]);
  edit("hub.js", (text) => `${text}\nexport const isEdited = true;\n`);
  edit("app/publish/route.js", (text) =>
    text
      .replace("hub, ownHub", "hub, isEdited, ownHub")
      .replace("const data = ", "const data = isEdited + ' ' + "),
  );
  const after = async () => {
    await publish(`${origin}/publish`, "after");
    return data.at(-1);
  };
  await expect.poll(after, { timeout: 30_000, interval: 200 }).toBe("true after");
  expect(await publish(`${origin}/api/publish`, "from the pages")).toBe(1);
  await expect.poll(() => data.at(-1), { timeout: 30_000 }).toBe("from the pages");
  // The other hub of the module was made again.
  expect(child.output()).toMatch(/a hub was made again at .*, while the one before has 1 open streams/);
});

function edit(file: string, change: (text: string) => string): void {
  const path = join(EDITED, file);
  writeFileSync(path, change(readFileSync(path, "utf8")));
}
