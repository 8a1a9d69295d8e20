import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { doctorEndpoint, type DoctorEndpointOptions, TOKEN_HEADER } from "./doctor-endpoint.ts";

const token = "a token that nobody guesses";
const headers = { [TOKEN_HEADER]: token };

async function start(options: Partial<DoctorEndpointOptions> = {}): Promise<string> {
  const endpoint = doctorEndpoint({ token, ...options });
  const server = createServer((request, response) => endpoint.handle(request, response)).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/doctor`;
}

test("without the token there is nothing to see", async () => {
  const url = await start();
  for (const given of [
    {},
    { [TOKEN_HEADER]: "" },
    { [TOKEN_HEADER]: `${token}x` },
    { authorization: `Bearer ${token}` },
  ]) {
    const response = await fetch(`${url}?program=tick`, { headers: given as Record<string, string> });
    expect(response.status).toBe(404);
  }
});

test("a short token and limits that make no sense are refused", () => {
  expect(() => doctorEndpoint({ token: "short" })).toThrow("Cannot make doctor endpoint: token is too short");
  expect(() => doctorEndpoint({ token, maxRuns: 0 })).toThrow("maxRuns is 0, expected a whole number from 1");
});

test.each([
  ["program=nonsense", 'program is "nonsense"'],
  ["program=tick&count=100000", "count is 100000"],
  ["program=tick&count=200&bytes=65536", "expected at most 1048576"],
  ["program=tick&count=200&every=30000", "expected at most 120000"],
  ["program=tick&every=-1", "every is -1"],
  ["program=flood", "flood is not allowed here"],
])("%s is refused: %s", async (query, why) => {
  const response = await fetch(`${await start()}?${query}`, { headers });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain(why);
});

test("no more runs than allowed are open, nor begun in a minute", async () => {
  const url = await start({ maxRuns: 2, maxRunsPerMinute: 3 });
  const open = new AbortController();
  const run = () => fetch(`${url}?program=silence&wait=60000`, { headers, signal: open.signal });
  const [one, two, three] = [await run(), await run(), await run()];
  expect([one.status, two.status, three.status]).toEqual([200, 200, 503]);
  open.abort();
  const tick = () => fetch(`${url}?program=tick&count=1&every=10&big=0&wait=0`, { headers });
  await expect.poll(async () => (await tick()).status).toBe(200);
  await expect.poll(async () => (await tick()).status).toBe(429);
});

test("it says what arrived of a request, and no values of headers that may be secrets", async () => {
  const response = await fetch(`${await start()}?program=echo`, {
    headers: { ...headers, "x-internal-key": "secret", via: "1.1 proxy", cookie: "a=b" },
  });
  const seen = (await response.json()) as { headers: Record<string, string | null>; httpVersion: string };
  expect(seen.httpVersion).toBe("1.1");
  expect(seen.headers).toMatchObject({
    via: "1.1 proxy",
    "x-internal-key": null,
    cookie: null,
    [TOKEN_HEADER]: null,
  });
});

test("it knows when a reader left", async () => {
  const url = await start();
  const outgoing = request(`${url}?program=heartbeat&heartbeat=50`, { headers });
  const chunk = await new Promise<string>((resolve) => {
    outgoing.on("response", (response) => response.setEncoding("utf8").once("data", resolve)).end();
  });
  const { run } = JSON.parse(/data: (\{.*\})/.exec(chunk)![1]!) as { run: string };
  const result = async () => (await fetch(`${url}?program=result&run=${run}`, { headers })).json();
  expect(await result()).toMatchObject({ known: true, closedAgoMs: null });
  outgoing.on("error", () => {}).destroy();
  await expect
    .poll(async () => ((await result()) as { closedAgoMs: number | null }).closedAgoMs)
    .toBeGreaterThan(0);
});

test("over the Fetch standard it sends the same", async () => {
  const { respond } = doctorEndpoint({ token });
  const ask = (query: string) => respond(new Request(`http://127.0.0.1/doctor?${query}`, { headers }));
  const response = ask("program=tick&count=2&every=10&bytes=0&big=0&wait=0");
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect((await response.text()).match(/^id: /gm)?.length).toBe(4);
  await expect(ask("program=crash&count=1&every=10").text()).rejects.toThrow("the doctor asked for a crash");
  expect(ask("program=nothing").status).toBe(400);
});
