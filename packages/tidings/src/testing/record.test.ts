import { expect, test } from "vitest";
import { connect } from "../client/index.ts";
import { createTestClock } from "./clock.ts";
import { createTestFetch } from "./fetch.ts";
import { answerOf, record, replay } from "./record.ts";
import { parseRecording } from "./recording.ts";

const URL = "https://a.example/chat";
const RECORDING = `:tidings recording 1
:status 200
:header content-type: text/event-stream
:@0
data: Hel

:@120 9 @370
data: lo 你

:@500 cut
`;

async function timesOf(
  response: Response,
  nowMs: () => number,
  startMs = nowMs(),
): Promise<[string, number][]> {
  const seen: [string, number][] = [];
  const reader = response.body!.getReader();
  for (;;) {
    try {
      const { done, value } = await reader.read();
      if (done) return [...seen, ["end", nowMs() - startMs]];
      seen.push([new TextDecoder().decode(value), nowMs() - startMs]);
    } catch (error) {
      return [...seen, [(error as Error).message, nowMs() - startMs]];
    }
  }
}

test("a recording is replayed as it was recorded, and recorded again it is the same", async () => {
  const clock = createTestClock();
  const response = replay(RECORDING, { clock });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  expect(await clock.until(record(response, { clock }))).toBe(RECORDING);
});

test.each([
  [1, [0, 120, 370, 500]],
  [2, [0, 60, 185, 250]],
  [0.1, [0, 1200, 3700, 5000]],
  [Infinity, [0, 0, 0, 0]],
])("at speed %d, each chunk comes at its time", async (speed, times) => {
  const clock = createTestClock();
  const seen = await clock.until(timesOf(replay(RECORDING, { clock, speed }), () => clock.nowMs()));
  expect(seen.map(([, ms]) => ms)).toEqual(times);
  expect(seen.map(([what]) => what)).toEqual(["data: Hel\n\n", "data: lo ", "你\n\n", "terminated"]);
});

test("in real time, the times are no earlier than recorded, and late timers do not add up", async () => {
  const text = `:tidings recording 1\n${Array.from({ length: 40 }, (_, n) => `:@${n * 5}\ndata: ${n}\n\n`).join("")}:@200 end\n`;
  // Read before the replay begins, which under load is some time before its first reader.
  const startMs = performance.now();
  const seen = await timesOf(replay(text), () => performance.now(), startMs);
  const lateMs = seen.map(([, ms], n) => ms - n * 5);
  expect(seen).toHaveLength(41);
  // A timer of Node's may be a millisecond early by another clock.
  expect(Math.min(...lateMs)).toBeGreaterThan(-3);
  const written = await record(replay(text));
  const { chunks, ending } = parseRecording(written);
  expect([chunks.length, ending?.how]).toEqual([40, "end"]);
  expect(ending!.atMs).toBeGreaterThanOrEqual(197);
});

test("a recording is an answer of a script", async () => {
  const clock = createTestClock();
  const server = createTestFetch({ clock, script: [answerOf(RECORDING, { speed: 10 })] });
  const data: string[] = [];
  const connection = connect(URL, {
    clock,
    fetch: server.fetch,
    method: "POST",
    onMessage: (message) => void data.push(message.data),
  });
  const verdict = await clock.until(connection.ended);
  expect([verdict.reason, data]).toEqual(["truncated", ["Hel", "lo 你"]]);
});

test("what is refused is recorded with its status and what it says of coming back, and no header besides", async () => {
  const headers = { "retry-after": "3", "set-cookie": "secret=1", "x-trace": "7" };
  const answers = [{ status: 503, headers, body: "busy" }];
  const text = await record(await createTestFetch(answers).fetch(URL, {}));
  expect(text).not.toContain("secret");
  expect(parseRecording(text)).toMatchObject({ status: 503, headers: { "retry-after": "3" } });
  const asked = await record(await createTestFetch(answers).fetch(URL, {}), { headers: ["X-Trace"] });
  expect(parseRecording(asked).headers).toEqual({ "x-trace": "7" });
  expect(replay(text).status).toBe(503);
});

test("a response without a body is recorded, and replayed", async () => {
  const text = await record(await createTestFetch([{ status: 204 }]).fetch(URL, {}));
  expect(parseRecording(text)).toMatchObject({ status: 204, chunks: [], ending: { how: "end" } });
  expect(replay(text).body).toBeNull();
});

test("a recording is stopped by its signal or at its limit, and is open then, and the response is let go", async () => {
  const server = createTestFetch({
    otherwise: { body: ["data: 1\n\n", { waitMs: 5 }, "data: 2\n\n"], then: "stay" },
  });
  const controller = new AbortController();
  const recording = record(await server.fetch(URL, {}), { signal: controller.signal });
  setTimeout(() => controller.abort(), 30);
  const text = await recording;
  expect(text).toMatch(/data: 2\n\n$/);
  expect(parseRecording(text).ending).toBeUndefined();
  const short = parseRecording(await record(await server.fetch(URL, {}), { maxBytes: 1 }));
  expect([short.chunks.length, short.ending]).toEqual([1, undefined]);
  await Promise.all(server.requests.map(({ closed }) => closed));
  expect(server.requests.map(({ state }) => state)).toEqual(["left", "left"]);
});

test("a speed that is none is refused", () => {
  expect(() => replay(RECORDING, { speed: 0 })).toThrow("speed is 0, expected a number above 0");
  expect(() => replay("data: 1\n\n")).toThrow("Cannot read recording: line 1");
});
