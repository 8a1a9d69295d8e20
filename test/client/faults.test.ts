import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";

import { connect } from "../../packages/tidings/src/client/connect.ts";
import { storedCursor } from "../../packages/tidings/src/client/features/cursor/cursor.ts";
import { systemClock } from "../../packages/tidings/src/client/core/clock.ts";

const FAULTS = 1000;
const EPOCH = "f4uLts-0f_net";

/** Repeatable chance. */
function chanceFrom(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/**
 * A server that numbers its messages and does something wrong to each response. What it sends again it sends from one message
 * too early now and then, as servers do whose cursor is inclusive. It says that its ids are ordered, as a hub does.
 */
test(
  "1000 random faults of the connection lose nothing, double nothing and change no order",
  { timeout: 120_000 },
  async () => {
    const chance = chanceFrom(20_261_122);
    const kinds = [
      "cut",
      "cut in a character",
      "stall",
      "500",
      "wrong type",
      "redirect",
      "refuse",
      "end",
      "503 later",
    ] as const;
    const seen = new Map<string, number>();
    let faults = 0;
    let stop = false;

    const server = createServer((request, response) => {
      const url = new URL(request.url!, "http://server");
      const from = Number(/\.(\d+)$/.exec(String(request.headers["last-event-id"] ?? ""))?.[1] ?? 0);
      const kind = stop ? "end" : kinds[chance(kinds.length)]!;
      if (url.pathname !== "/moved") {
        faults++;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        if (faults >= FAULTS) stop = true;
        if (kind === "500") return void response.writeHead(500).end("no");
        if (kind === "503 later") return void response.writeHead(503, { "retry-after": "0" }).end();
        if (kind === "wrong type")
          return void response.writeHead(200, { "content-type": "text/html" }).end("<p>portal</p>");
        if (kind === "redirect") return void response.writeHead(307, { location: "/moved" }).end();
        if (kind === "refuse") return void request.socket.destroy();
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`:epoch ${EPOCH}\n`);
      const first = Math.max(1, from + 1 - chance(2));
      const count = 1 + chance(5);
      for (let n = first; n < first + count; n++) response.write(messageOf(n));
      if (kind === "end" || url.pathname === "/moved") return void response.end();
      const next = Buffer.from(messageOf(first + count));
      const at = kind === "cut in a character" ? next.indexOf("你") + 1 : chance(next.length - 1);
      response.write(next.subarray(0, at));
      if (kind !== "stall") setTimeout(() => cut(response), 2);
    });
    const messageOf = (n: number) => `id: ${EPOCH}.${n}\r\nevent: n\r\ndata: ${n}\r\ndata: 你好😀\r\n\r\n`;
    const cut = (response: ServerResponse) => response.destroy();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

    // A second of waiting takes a millisecond here, and time for what is told by the clock goes as fast.
    const items = new Map<string, string>();
    const storage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
    };
    const numbers: string[] = [];
    while (!stop) {
      const connection = connect(url, {
        clock: {
          ...systemClock,
          setTimeout: (run, ms) => systemClock.setTimeout(run, ms >= 1000 && ms < 40_000 ? ms / 1000 : ms),
        },
        retry: { baseMs: 1000, capMs: 4000 },
        idleMs: 40,
        cursor: storedCursor(storage, "n"),
        until: () => stop,
      });
      try {
        for await (const { data } of connection) numbers.push(data);
      } catch (error) {
        // A portal's page: the application starts again from where it was, as after a reload.
        if ((error as { code?: string }).code !== "content-type") throw error;
      }
    }
    server.closeAllConnections();
    server.close();

    expect([...seen.keys()].sort()).toEqual([...kinds].sort());
    expect(numbers.length).toBeGreaterThan(FAULTS / 2);
    const wrong = numbers.filter((data, at) => data !== `${at + 1}\n你好😀`);
    expect(wrong).toEqual([]);
  },
);
