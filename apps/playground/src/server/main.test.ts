/**
 * The demo server as a process: where it listens, what it says, and how it leaves.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Child, until } from "../../../../test/browsers/index.ts";
import { buildPlayground, startMain } from "../../test/playground-process.ts";

let child: Child | undefined;

beforeAll(buildPlayground);
afterEach(() => child?.stop());

async function startedAt(): Promise<string> {
  child = startMain(0);
  return until("the address", () => /http:\/\/127\.0\.0\.1:\d+/.exec(child!.output())?.[0] ?? "");
}

async function exitOf(child: Child): Promise<{ code: number | null; output: string }> {
  const code = child.process.exitCode ?? ((await once(child.process, "close"))[0] as number | null);
  return { code, output: child.output() };
}

describe("the demo server", () => {
  it("prints its address and a curl line for each endpoint", async () => {
    const origin = await startedAt();
    const output = await until("the curl lines", () => /Ctrl-C/.test(child!.output()) && child!.output());
    expect(output).toContain(`curl -N -H "Accept: text/event-stream" "${origin}/api/sse?tick=2"`);
    expect(output).toContain(`curl -N -H "Authorization: Bearer demo" -d '{"q":"你好"}' ${origin}/api/chat`);
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "on %s ends its streams as HTTP ends them, and exits with 0",
    async (signal) => {
      const origin = await startedAt();
      const response = await fetch(`${origin}/api/sse?tick=86400`);
      const reader = response.body!.getReader();
      await reader.read();
      const exit = exitOf(child!);
      child!.process.kill(signal);
      // A connection that was cut would reject here.
      for (let { done } = await reader.read(); !done;) ({ done } = await reader.read());
      expect((await exit).code).toBe(0);
    },
  );

  it("says what to do when the port is in use, and exits with 1", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    child = startMain(port);
    const { code, output } = await exitOf(child);
    other.close();
    expect(code).toBe(1);
    expect(output.trim()).toBe(
      `Cannot listen on 127.0.0.1:${port}: the port is in use. End the program that has it, or choose another: PORT=${port + 1} npm start`,
    );
  });

  it.each(["http", "70000", "-1", "1.5"])("refuses PORT=%s with one sentence", async (port) => {
    child = startMain(port);
    const { code, output } = await exitOf(child);
    expect(code).toBe(1);
    expect(output.trim()).toBe(`Cannot start: PORT is "${port}", expected a whole number from 0 to 65535`);
  });
});
