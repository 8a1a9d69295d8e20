/**
 * On a real terminal, which `script` of util-linux makes: colours, the live line, Ctrl-C; and in pipes, none of it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { collect, MAIN, tidings } from "./shell.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup; (cleanup = cleanups.pop());) await cleanup();
});

/** A server that a test speaks through. */
async function startServer(): Promise<{ url: string; next(): Promise<ServerResponse> }> {
  const responses: ServerResponse[] = [];
  const waiting: ((response: ServerResponse) => void)[] = [];
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    const taker = waiting.shift();
    if (taker === undefined) responses.push(response);
    else taker(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    next: () => {
      const response = responses.shift();
      return response === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(response);
    },
  };
}

function inTerminal(args: readonly string[]): ChildProcess {
  // `exec`: Ctrl-C has to reach the command alone, whichever shell this is.
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qefc", `exec ${command}`, "/dev/null"], {
    env: { ...process.env, TERM: "xterm-256color", NO_COLOR: "", COLUMNS: "100" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  cleanups.push(() => child.kill("SIGKILL"));
  return child;
}

const exit = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode === null) await once(child, "exit");
  return child.exitCode;
};

const commandNames = ["listen", "doctor", "load", "serve", "replay", "proxy", "completion"];

describe("on a terminal", () => {
  test("listen shows messages in colour above a live line, and Ctrl-C ends it well", async () => {
    const server = await startServer();
    const child = inTerminal(["listen", server.url]);
    const output = collect(child);
    const response = await server.next();
    response.write('event: price\nid: 7\ndata: {"bid":1}\n\n');
    await output.until((text) => text.includes("\u001b[36mprice\u001b[39m") && text.includes("#7"));
    const from = output.length();
    // The live line: drawn over itself, on one line.
    const live = await output.until((text) => /\r\u001b\[K.*●.* open · 1 message,/.test(text.slice(from)));
    expect(live.slice(from)).not.toContain("\n");
    const left = once(response, "close");
    child.stdin!.write("\u0003");
    expect(await exit(child)).toBe(0);
    await left;
    expect(output.text()).toContain("aborted · 1 message,");
    expect(output.text()).not.toContain("    at ");
  });

  test("listen says why the stream was lost, and goes on from the cursor", async () => {
    const server = await startServer();
    const child = inTerminal(["listen", server.url]);
    const output = collect(child);
    const first = await server.next();
    first.write("id: 7\nretry: 10\ndata: one\n\n");
    await output.until((text) => text.includes("#7"));
    first.destroy();
    await output.until((text) => /lost.*; reconnecting/.test(text));
    const second = await server.next();
    expect(second.req.headers["last-event-id"]).toBe("7");
    second.write("id: 8\ndata: two\n\n");
    await output.until((text) => text.includes("#8"));
    child.stdin!.write("\u0003");
    expect(await exit(child)).toBe(0);
  });

  test("what a server sends cannot write escape sequences to the terminal", async () => {
    const server = await startServer();
    const child = inTerminal(["listen", server.url, "--comments"]);
    const output = collect(child);
    const response = await server.next();
    response.write(": \u001b]0;title\u0007\n\ndata: \u001b[2Jgone\u009b1m\nid: \u001b[1mx\n\n");
    await output.until((text) => text.includes("gone"));
    expect(output.text()).toContain("␛[2Jgone\\u009b1m");
    expect(output.text()).not.toMatch(/\u001b\]0|\u001b\[2J|\u001b\[1mx/);
    child.stdin!.write("\u0003");
    await exit(child);
  });

  test("help fits a screen of 80 columns and 24 lines", async () => {
    for (const command of commandNames) {
      const { out } = await tidings(["help", command]);
      const lines = out.trimEnd().split("\n");
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
      expect(lines.length, out).toBeLessThanOrEqual(26);
    }
  });
});

describe("in a pipe", () => {
  test("listen prints NDJSON without colour, and ends well when the reader has enough", async () => {
    const server = await startServer();
    const child = spawn("bash", [
      "-c",
      `'${process.execPath}' '${MAIN}' listen ${server.url} | head -1; echo "status \${PIPESTATUS[0]}"`,
    ]);
    const output = collect(child);
    const response = await server.next();
    const left = once(response, "close");
    const ticking = setInterval(() => response.write('data: "\u001b[1m"\n\n'), 20);
    cleanups.push(() => clearInterval(ticking));
    await once(child, "close");
    await left;
    expect(output.text()).toMatch(
      /^\{"time":"[^"]+","event":"message","id":"","data":"\\"\\u001b\[1m\\""\}\nstatus 0\n$/,
    );
  });

  test("listen ends with its reader, though nothing more comes", async () => {
    const server = await startServer();
    const child = spawn("bash", [
      "-c",
      `'${process.execPath}' '${MAIN}' listen ${server.url} | head -1; echo "status \${PIPESTATUS[0]}"`,
    ]);
    cleanups.push(() => child.kill("SIGKILL"));
    const output = collect(child);
    const response = await server.next();
    const left = once(response, "close");
    response.write("data: 1\n\n");
    await left;
    await once(child, "close");
    expect(output.text()).toMatch(/"data":"1"\}\nstatus 0\n$/);
  });

  test("SIGTERM ends it well", async () => {
    const server = await startServer();
    const child = spawn(process.execPath, [MAIN, "listen", server.url]);
    cleanups.push(() => child.kill("SIGKILL"));
    const response = await server.next();
    response.write("data: 1\n\n");
    await collect(child).until((text) => text.includes('"data":"1"'));
    child.kill("SIGTERM");
    expect(await exit(child)).toBe(0);
  });
});
