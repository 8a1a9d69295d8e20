/**
 * The native example, with the package where the devtools' "build npm" puts it: the oldest engines, and the simplest program.
 */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { buildMiniProgram } from "./build-taro-app.ts";
import { type EventServer, serve, stream } from "./event-server.ts";
import { everyByte, type Knobs } from "./host/knobs.ts";
import { launch, type OpenPage, type Program } from "./host/program.ts";
import { ANSWER as PLAYGROUND_ANSWER, startPlayground } from "./start-playground.ts";

const HERE = dirname(fileURLToPath(import.meta.url));
const EXAMPLE = join(HERE, "../../examples/wechat-chat");
const folder = join(HERE, ".cache/wechat-chat");
const cleanUps: (() => unknown)[] = [];

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(EXAMPLE, folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
  // "小程序 npm 包会直接拷贝构建文件生成目录下的所有文件到 miniprogram_npm 中"
  cpSync(await buildMiniProgram(), join(folder, "miniprogram_npm/tidings"), { recursive: true });
});

afterEach(async () => {
  while (cleanUps.length > 0) await cleanUps.pop()!();
});

const ANSWER = ["你", "好", "，", "世界", "😀", " ok"];

async function run(
  answer: Parameters<typeof serve>[0],
  knobs: Partial<Knobs> = {},
): Promise<{ server: EventServer; program: Program; page: OpenPage }> {
  const server = await serve(answer);
  const program = launch(folder, knobs);
  cleanUps.push(() => {
    program.kill();
    expect(program.errors).toEqual([]);
    return server.close();
  });
  const app = program.realm.evaluate("getApp()") as { globalData: { api: string } };
  app.globalData.api = server.url;
  return { server, program, page: program.open("pages/chat/chat") };
}

function tell(response: Parameters<Parameters<typeof serve>[0]>[0]): void {
  stream(response, ":\n\n");
  for (const token of ANSWER) response.write(`data: ${JSON.stringify({ token })}\n\n`);
  response.end("event: done\ndata: {}\n\n");
}

const soon = { timeout: 30_000, interval: 5 };

describe("the native example", () => {
  test("draws the demo server's answer", async () => {
    const playground = await startPlayground();
    cleanUps.push(() => playground.close());
    const { program, page } = await run(tell, { rechunk: everyByte });
    (program.realm.evaluate("getApp()") as { globalData: { api: string } }).globalData.api = playground.url;
    page.call("ask");
    await vi.waitFor(
      () => expect(page.data).toMatchObject({ answer: PLAYGROUND_ANSWER, status: "complete" }),
      soon,
    );
  });

  test.each<[string, Partial<Knobs>]>([
    ["of today", {}],
    ["that cuts at every byte", { rechunk: everyByte }],
    ["whose engine ends with ES2015", { oldBuiltins: true, rechunk: everyByte }],
    ["of iOS 15, whose promises are timers", { promiseFromTimers: true, oldBuiltins: true }],
    ["of a PC, which gives no chunks", { noChunk: true }],
    ["that is WeChat's devtools", { devtools: true }],
  ])("draws an answer in a host %s", async (_, knobs) => {
    const { server, program, page } = await run(tell, knobs);
    page.call("ask");
    await vi.waitFor(
      () => expect(page.data).toMatchObject({ answer: ANSWER.join(""), status: "complete" }),
      soon,
    );
    expect(server.seen).toEqual([
      {
        method: "POST",
        body: '{"q":"你好"}',
        headers: expect.objectContaining({ authorization: "Bearer demo", accept: "text/event-stream" }),
      },
    ]);
    page.unload();
    await vi.waitFor(
      () => expect([program.sockets.size, program.listeners, program.timers]).toEqual([0, 0, 0]),
      soon,
    );
  });

  test("says why it was refused", async () => {
    const { page, server } = await run((response) => {
      response.writeHead(401, { "Content-Type": "application/json" }).end('{"error":"unauthorized"}');
    });
    page.call("ask");
    await vi.waitFor(
      () =>
        expect(page.data).toMatchObject({
          status: `gave-up: Cannot open event stream ${server.url}/api/chat: status is 401, expected 200: {"error":"unauthorized"}`,
        }),
      soon,
    );
  });

  test("stops in the middle, and asks anew", async () => {
    const { page, server } = await run((response, _, count) => {
      if (count === 1) stream(response, 'data: {"token":"半"}\n\n');
      else tell(response);
    });
    page.call("ask");
    await vi.waitFor(() => expect(page.data).toMatchObject({ answer: "半" }), soon);
    page.call("stop");
    await vi.waitFor(() => expect(page.data).toMatchObject({ status: "closed" }), soon);
    await vi.waitFor(() => expect(server.open).toBe(0), soon);
    page.call("ask");
    await vi.waitFor(
      () => expect(page.data).toMatchObject({ answer: ANSWER.join(""), status: "complete" }),
      soon,
    );
  });
});
