/**
 * Servers as nobody should write them, to each command that takes a URL: it ends with a status of its own, and says what is wrong in words.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";

const CLI = fileURLToPath(new URL("../../packages/tidings/dist/cli/main.js", import.meta.url));
const head = (more = "") => `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${more}\r\n`;

const replies: readonly (readonly [name: string, said: string])[] = [
  ["no HTTP", "\x00\xff\xfe garbage\r\n\r\n"],
  ["nothing", ""],
  ["a status that is no number", "HTTP/1.1 abc OK\r\n\r\n"],
  ["a status that there is not", "HTTP/1.1 999 \r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"],
  ["a status below all", "HTTP/1.1 099 \r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"],
  ["a head that is too large", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(1_000_000)}\r\n\r\n`],
  ["a negative length", `${head("Content-Length: -5\r\n")}data: 1\n\n`],
  ["two lengths", `${head("Content-Length: 5\r\nContent-Length: 9\r\n")}data: 1\n\n`],
  ["a chunk without a length", `${head("Transfer-Encoding: chunked\r\n")}zz\r\ndata: 1\n\n\r\n`],
  [
    "a chunk that is too large",
    `${head("Transfer-Encoding: chunked\r\n")}FFFFFFFFFFFFFFFF\r\ndata: 1\n\n\r\n`,
  ],
  ["a redirect to itself", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"],
  ["a redirect to nowhere", "HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"],
  ["a redirect to a file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"],
  ["1,000 times 100", `${"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)}${head()}data: 1\n\n`],
  ["another protocol", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\ndata: 1\n\n"],
  ["gzip that is none", `${head("Content-Encoding: gzip\r\n")}not gzip at all\n\n`],
  ["a line without end", `${head()}data: ${"x".repeat(30_000_000)}`],
  [
    "control characters",
    `${head()}event: \x1b]52;c;aGk=\x07\ndata: \x1b[2J\x9b31m\nid: \x1b[5m\n\n: \x1b[2J\n\n`,
  ],
  ["a refusal with control characters", "HTTP/1.1 403 No\r\nContent-Length: 8\r\n\r\n\x1b[2J\x1b]0;"],
  ["names that objects have", `${head("__proto__: x\r\n")}event: __proto__\ndata: {"__proto__":{"x":1}}\n\n`],
];

const commands: readonly (readonly [name: string, args: (url: string) => string[]])[] = [
  ["listen", (url) => ["listen", url, "--for", "1s"]],
  ["listen --pretty", (url) => ["listen", url, "--pretty", "-i", "--comments", "--for", "1s"]],
  ["listen --raw", (url) => ["listen", url, "--raw", "--for", "1s"]],
  ["listen --as openai", (url) => ["listen", url, "--as", "openai", "--for", "1s"]],
  ["load", (url) => ["load", url, "--connections", "2", "--hold", "1s"]],
  ["doctor", (url) => ["doctor", url]],
];

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

async function saying(said: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      if (said === "") return void socket.destroy();
      socket.write(Buffer.from(said, "latin1"));
      setTimeout(() => socket.end(), 100);
    });
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function run(args: readonly string[]): Promise<{ status: number | null; text: string }> {
  const program = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, NO_COLOR: "1" },
    timeout: 40_000,
  });
  const parts: Buffer[] = [];
  for (const stream of [program.stdout, program.stderr])
    stream.on("data", (part: Buffer) => parts.push(part));
  const [status] = (await once(program, "close")) as [number | null];
  return { status, text: Buffer.concat(parts).toString() };
}

describe.each(commands)("%s", (name, args) => {
  // Each waits for a second or two, and works for a part of one.
  test.concurrent.for(replies)("to a server that says %s", async ([, said], { expect }) => {
    const { status, text } = await run(args(await saying(said)));
    expect(text).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
    expect([0, 1]).toContain(status);
    // What a terminal would obey. For a program that reads, `listen` writes JSON, which escapes most of them itself.
    // eslint-disable-next-line no-control-regex
    const controls =
      name === "listen" ? /[\u0000-\u0008\u000b-\u001f]/ : /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
    expect(text).not.toMatch(controls);
  });
});

test("listen ends with words at an id that no request can carry back", async () => {
  const url = await saying(`${head()}retry: 1\nid: \x1b[5m\ndata: 1\n\n`);
  const { status, text } = await run(["listen", url, "--for", "20s"]);
  expect(status).toBe(1);
  expect(text).toContain("last-event-id has control characters");
  expect(text).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
});
