/**
 * The servers of the documents, as they stand there, are sent what any client may send: none of them ends, and each serves on. Of what
 * a block does after it listens, nothing is run.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startChild } from "../browsers/child.ts";
import { asked, attack } from "./attack.ts";
import { type CodeBlock, codeBlocks } from "./code-blocks.ts";
import { startDemoServer } from "./demo-server.ts";
import { documents, originalOf } from "./documents.ts";
import { bundled, ROOT, writeBlocks } from "./run-typescript.ts";
import { type Host, type RunningBlocks, startBlocks } from "./start-blocks.ts";

/** What stands before the end of the statement that listens. */
const LISTENS = /^[^]*?^[^\n]*(?:listen\((?:\{ port: )?3001|\bserve\([^\n]*3001)[^\n]*\n/m;

const FRAMEWORKS = "docs/frameworks.md";
const servers: CodeBlock[] = [];
for (const file of documents.filter((file) => originalOf(file) === file)) {
  for (const block of codeBlocks(file, await readFile(join(ROOT, file), "utf8"))) {
    // What a page leads away from: of others' servers nothing is promised.
    if (!/from "tidings/.test(block.text)) continue;
    const [text] = LISTENS.exec(block.text) ?? [];
    if (text !== undefined && block.language === "ts") servers.push({ ...block, text, after: "" });
  }
}
/** One that is free to everyone, and what it asks for. */
const PATHS: readonly [pattern: RegExp, path: string, headers?: string][] = [
  [/\.post\("\/api\/chat"/, "/api/chat"],
  [/"\/api\/sse"/, "/api/sse"],
  [/acceptor/, "/prices", "Authorization: Bearer secret\r\n"],
  [/get\("\/prices"/, "/prices"],
  [/api\/doctor/, "/api/doctor"],
  [/./, "/x"],
];

/** Where a block runs other than on Node, what it serves, and what the host itself says of requests that are none. */
const HOSTS: readonly [host: Host, paths: readonly string[], isKnown?: RegExp][] = [
  ["nest", ["/clock", "/news"]],
  ["next", ["/api/clock", "/api/news"]],
  ["bun", ["/"]],
  ["deno", ["/"]],
  ["worker", ["/"], /^workerd\/.*(?:does not export a connect\(\) function|Fetch API cannot load: ).*$/gm],
];
const onHosts = HOSTS.flatMap(([host, paths, isKnown]) => {
  const blocks = codeBlocks(FRAMEWORKS, readFileSync(join(ROOT, FRAMEWORKS), "utf8"), [host]);
  const applications = host === "nest" || host === "next" ? [blocks] : blocks.map((block) => [block]);
  return applications.map((files) => [host, files[0]!.name, { host, files, paths, isKnown }] as const);
});

/**
 * Attacks a server, and asks it after each attack what it answered before.
 * @param isKnown - What it may say of that.
 */
async function expectToStand(
  { child, port }: RunningBlocks,
  path: string,
  headers = "",
  isKnown = /^$/g,
): Promise<void> {
  await expect.poll(() => asked(port, path, headers), { timeout: 20_000 }).toMatch(/^HTTP\/1\.1 /);
  const before = head(await asked(port, path, headers));
  for await (const what of attack(port, path)) {
    expect(child.process.exitCode, `${what}: ${child.output()}`).toBe(null);
    await expectServed(port, path, headers, what, before);
    expect(child.output().replaceAll(isKnown, ""), what).not.toMatch(/Uncaught|Unhandled/i);
  }
}

/** Soon: an answer that an attack began may still be there for a moment. */
async function expectServed(
  port: number,
  path: string,
  headers: string,
  what: string,
  status: string,
): Promise<void> {
  const ask = async () => head(await asked(port, path, headers));
  await expect.poll(ask, { message: what, timeout: 5000, interval: 100 }).toBe(status);
}

describe("the servers of the documents", async () => {
  const { files } = await writeBlocks("attacks", servers);

  test("are there", () => {
    expect(servers.length).toBeGreaterThan(12);
  });

  test.each(servers.map(({ name, text }, index) => [name, text, files[index]!] as const))(
    "%s stands whatever a client sends",
    async (_, text, file) => {
      const [, path, headers] = PATHS.find(([pattern]) => pattern.test(text))!;
      const { built, port } = await bundled(file);
      const child = startChild(process.execPath, [built]);
      try {
        await expectToStand({ child, port }, path, headers);
      } finally {
        await child.stop();
      }
    },
    30_000,
  );
});

test.each(onHosts)(
  "on %s, %s stands whatever a client sends",
  async (_host, _name, { host, files, paths, isKnown }) => {
    const running = await startBlocks(host, files);
    try {
      for (const path of paths) await expectToStand(running, path, "", isKnown);
    } finally {
      await running.child.stop();
    }
  },
  // Next takes its time to build.
  240_000,
);

test("each host has blocks", () => {
  expect(new Set(onHosts.map(([host]) => host)).size).toBe(HOSTS.length);
});

test.each(["/api/sse", "/api/chat", "/api/topics/news", "/"])(
  "the server of npm start stands, asked for %s",
  async (path) => {
    const server = await startDemoServer();
    try {
      const port = Number(server.port);
      const before = head(await asked(port, path, ""));
      for await (const what of attack(port, path)) {
        await expectServed(port, path, "", what, before);
      }
    } finally {
      await server.stop();
    }
  },
  30_000,
);

const head = (text: string): string => text.slice(0, text.indexOf("\r\n"));
