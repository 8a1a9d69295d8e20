/**
 * tidings.conf in front of a server that says nothing to proxies: what it mends, and that each of its lines is needed.
 * Runs the nginx of this machine; fails where there is none.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type EventStream, openStream } from "../../packages/tidings/src/server/index.ts";
import { type Origin, type OriginStream, startOrigin } from "../origin.ts";
import { openReader, type Reader } from "../reader.ts";
import { nginxVersion, startNginx } from "./start-nginx.ts";

const TIDINGS_CONF = fileURLToPath(new URL("tidings.conf", import.meta.url));
const INCLUDED = `include "${TIDINGS_CONF}";`;
const PAGE_BYTES = 4096;
const GZIP_ON = {
  http: "gzip on; gzip_types text/event-stream; gzip_min_length 0;",
  headers: { "accept-encoding": "gzip" },
};

let origin: Origin;
beforeAll(async () => {
  origin = await startOrigin();
});
afterAll(() => origin.stop());

/** Opens one stream through an nginx whose location holds `proxy_pass` and these lines. */
async function openThrough(
  location: string,
  { http = "", ...request }: { http?: string } & Parameters<typeof openReader>[1] = {},
): Promise<{ stream: OriginStream; reader: Reader; url: string }> {
  const nginx = await startNginx(
    (port) => `${http}
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${origin.port}; ${location} } }`,
  );
  onTestFinished(() => nginx.stop());
  const reader = openReader(nginx.url, request);
  onTestFinished(() => reader.leave());
  return { stream: await origin.next(), reader, url: nginx.url };
}

/** Sends `count` messages, `everyMs` apart, and ends. @returns How late each one came, in milliseconds. */
async function lags(stream: OriginStream, reader: Reader, count = 20, everyMs = 50): Promise<number[]> {
  const sentAt: number[] = [];
  for (let index = 0; index < count; index++) {
    sentAt.push(stream.send(String(index)));
    await sleep(everyMs);
  }
  stream.end();
  const arrivals = await Promise.all(sentAt.map((_, index) => reader.arrival(String(index))));
  return arrivals.map((at, index) => at - (sentAt[index] ?? Number.NaN));
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether something happens within `ms`; for showing that something is held back. */
const happensWithin = (ms: number, event: Promise<unknown>): Promise<boolean> =>
  Promise.race([event.then(() => true), sleep(ms).then(() => false)]);

/** The worst lag of a run. One noisy moment of the machine is not nginx's: a run above 100 ms is run once more, and only once. */
async function worstLagMs(run: () => Promise<number[]>): Promise<number> {
  const worst = Math.max(...(await run()));
  return worst < 100 ? worst : Math.max(...(await run()));
}

test("there is an nginx to test with", () => {
  expect(nginxVersion()).toMatch(/^\d+\.\d+/);
  expect(() => nginxVersion("nginx-that-is-not-there")).toThrow("expected: apt-get install");
});

describe("with tidings.conf", () => {
  test("events arrive one by one, each within 100 ms of being sent", async () => {
    const worstMs = await worstLagMs(async () => {
      const { stream, reader } = await openThrough(INCLUDED);
      return lags(stream, reader);
    });
    expect(worstMs).toBeLessThan(100);
  });

  test("a burst written at once arrives whole, and so do events larger than nginx's page", async () => {
    const worstMs = await worstLagMs(async () => {
      const { stream, reader } = await openThrough(INCLUDED);
      const sizes = [10, 10, 10, 4000, PAGE_BYTES, 5000, 65_536, 1_000_000];
      const measured = [];
      for (const [index, bytes] of sizes.entries()) {
        const sentAt = stream.send(`${index}`, bytes);
        // Nothing follows until it is here, so nothing pushes its tail out.
        measured.push((await reader.arrival(`${index}`)) - sentAt);
      }
      return measured;
    });
    expect(worstMs).toBeLessThan(100);
  });

  test("headers arrive before there is a body", async () => {
    const { reader } = await openThrough(INCLUDED);
    const response = await reader.response;
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-type"]).toBe("text/event-stream");
    expect(reader.arrivedAt.size).toBe(0);
  });

  test("a POST with a body streams as a GET does", async () => {
    const { stream, reader } = await openThrough(INCLUDED, { method: "POST", body: '{"q":"你好"}' });
    let body = "";
    for await (const chunk of stream.request.setEncoding("utf8")) body += chunk as string;
    expect(body).toBe('{"q":"你好"}');
    stream.send("answer");
    await reader.arrival("answer");
  });

  test("a reader that leaves is gone for the server at once, with no write to find out", async () => {
    const { stream, reader } = await openThrough(INCLUDED);
    await reader.response;
    reader.leave();
    expect(await happensWithin(2000, stream.closed)).toBe(true);
  });

  test("a server that crashes in the middle is seen as a cut, one that ends as an end", async () => {
    const crashed = await openThrough(INCLUDED);
    crashed.stream.send("last");
    await crashed.reader.arrival("last");
    crashed.stream.crash();
    expect(await crashed.reader.ended).toBe("cut");

    const zipped = await openThrough(INCLUDED, GZIP_ON);
    zipped.stream.send("last");
    await zipped.reader.arrival("last");
    zipped.stream.crash();
    expect(await zipped.reader.ended).toBe("cut");

    const ended = await openThrough(INCLUDED);
    ended.stream.send("last");
    ended.stream.end();
    expect(await ended.reader.ended).toBe("complete");
  });

  test("a reader that stops reading is felt by the server, before nginx takes all there is", async () => {
    const { stream, reader } = await openThrough(INCLUDED);
    await reader.pause();
    expect(await bytesTaken(stream)).toBeLessThan(MORE_THAN_SOCKETS_HOLD_BYTES);
  });

  test("gzip that was switched on for event streams does not hold them back", async () => {
    const worstMs = await worstLagMs(async () => {
      const { stream, reader } = await openThrough(INCLUDED, GZIP_ON);
      expect((await reader.response).headers["content-encoding"]).toBe("gzip");
      return lags(stream, reader);
    });
    expect(worstMs).toBeLessThan(100);
  });

  test("a cache that was switched on above it keeps no stream", async () => {
    const nginx = await startNginx(
      (port, folder) => `
        proxy_cache_path ${folder}/cache keys_zone=all:1m;
        proxy_cache all;
        proxy_cache_valid 200 1h;
        server { listen 127.0.0.1:${port};
          location /with { proxy_pass http://127.0.0.1:${origin.port}; ${INCLUDED} }
          location /without { proxy_pass http://127.0.0.1:${origin.port}; } }`,
    );
    onTestFinished(() => nginx.stop());
    const finish = async (path: string): Promise<Reader> => {
      const reader = openReader(nginx.url + path);
      const stream = await origin.next();
      stream.send("mine");
      stream.end();
      await reader.ended;
      return reader;
    };
    await finish("/with");
    await finish("/with");
    await finish("/without");
    const replayed = openReader(`${nginx.url}/without`);
    await replayed.arrival("mine");
    expect((await replayed.response).complete).toBe(true);
  });
});

describe("without it", () => {
  test("some event comes late, whatever the version of nginx", async () => {
    const { stream, reader } = await openThrough("");
    stream.send("small");
    stream.send("large", 3 * PAGE_BYTES);
    expect(await happensWithin(500, reader.arrival("large"))).toBe(false);
    stream.end();
    await reader.arrival("large");
  });

  test("with HTTP/1.0, the default before 1.29.7, a short stream is held to its end, headers and all", async () => {
    const { stream, reader } = await openThrough("proxy_http_version 1.0;");
    const measured = await lags(stream, reader, 6, 100);
    expect(Math.min(...measured)).toBeGreaterThanOrEqual(90);
    expect(Math.max(...measured)).toBeGreaterThanOrEqual(590);
  });

  test("with HTTP/1.0 a long stream comes in blocks of 4096 bytes", async () => {
    const { stream, reader } = await openThrough("proxy_http_version 1.0;");
    let sent = 0;
    do stream.send(String(sent++), 200);
    while (!(await happensWithin(20, reader.arrival("0"))) && sent < 100);
    expect(sent * 200).toBeGreaterThan(PAGE_BYTES / 2);
    expect(reader.arrivedAt.size).toBeGreaterThan(5);
    expect(reader.arrivedAt.size).toBeLessThan(100);
  });

  test("with HTTP/1.1 alone the tail of a large event waits for the next byte, and headers for the first", async () => {
    const { stream, reader } = await openThrough("proxy_http_version 1.1;");
    expect(await happensWithin(300, reader.response)).toBe(false);
    stream.send("small");
    await reader.arrival("small");
    stream.send("large", 5000);
    expect(await happensWithin(500, reader.arrival("large"))).toBe(false);
    stream.send("next");
    await reader.arrival("large");
  });

  test("with proxy_buffering off alone, over HTTP/1.0, a crash looks like an end", async () => {
    const { stream, reader } = await openThrough("proxy_buffering off; proxy_http_version 1.0;");
    stream.send("last");
    await reader.arrival("last");
    stream.crash();
    expect(await reader.ended).toBe("complete");
  });

  test("nginx takes everything for a reader that reads nothing", async () => {
    const { stream, reader } = await openThrough("proxy_http_version 1.1;");
    stream.send("first");
    await reader.pause();
    expect(await bytesTaken(stream)).toBeGreaterThanOrEqual(MORE_THAN_SOCKETS_HOLD_BYTES);
  });

  test("gzip for event streams holds them to the end", async () => {
    const { stream, reader } = await openThrough("proxy_http_version 1.1;", GZIP_ON);
    stream.send("small");
    expect(await happensWithin(500, reader.arrival("small"))).toBe(false);
    stream.end();
    await reader.arrival("small");
  });
});

describe("lines that circulate as cures", () => {
  test("without proxy_buffering off all of them together change nothing", async () => {
    const { stream, reader } = await openThrough(`
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache off; gzip off;
      proxy_redirect off; proxy_max_temp_file_size 0; proxy_request_buffering off; proxy_read_timeout 24h;
      sendfile off; aio off; tcp_nopush off; tcp_nodelay on; keepalive_timeout 0; postpone_output 0;
      add_header X-Accel-Buffering no; proxy_set_header X-Accel-Buffering no;`);
    stream.send("large", 5000);
    expect(await happensWithin(500, reader.arrival("large"))).toBe(false);
    stream.send("next");
    await reader.arrival("large");
  });

  test("chunked_transfer_encoding off makes a crash look like an end", async () => {
    const { stream, reader } = await openThrough(`${INCLUDED} chunked_transfer_encoding off;`);
    stream.send("last");
    await reader.arrival("last");
    stream.crash();
    expect(await reader.ended).toBe("complete");
  });

  test("proxy_ignore_client_abort on hides from the server that its reader left", async () => {
    const { stream, reader } = await openThrough(`${INCLUDED} proxy_ignore_client_abort on;`);
    await reader.response;
    reader.leave();
    expect(await happensWithin(500, stream.closed)).toBe(false);
  });

  test("a proxy_set_header in a location drops those that stand above it", async () => {
    const nginx = await startNginx(
      (port) => `server { listen 127.0.0.1:${port};
        proxy_set_header X-Forwarded-Proto https;
        location /plain { proxy_pass http://127.0.0.1:${origin.port}; ${INCLUDED} }
        location /pasted { proxy_pass http://127.0.0.1:${origin.port}; ${INCLUDED} proxy_set_header Connection ""; } }`,
    );
    onTestFinished(() => nginx.stop());
    const forwarded = async (path: string): Promise<unknown> => {
      const reader = openReader(nginx.url + path);
      const { request } = await origin.next();
      reader.leave();
      return request.headers["x-forwarded-proto"];
    };
    expect(await forwarded("/plain")).toBe("https");
    expect(await forwarded("/pasted")).toBeUndefined();
  });
});

describe("a server that uses tidings/server, behind an nginx that knows nothing of it", () => {
  let server: Server;
  let streams: EventStream[];
  beforeAll(async () => {
    streams = [];
    server = createServer((request, response) => void streams.push(openStream(request, response)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test("its own headers are enough: headers at once, events one by one, large ones whole", async () => {
    const worstMs = await worstLagMs(async () => {
      const { port } = server.address() as AddressInfo;
      const nginx = await startNginx(
        (listen) =>
          `server { listen 127.0.0.1:${listen}; location / { proxy_pass http://127.0.0.1:${port}; } }`,
      );
      onTestFinished(() => nginx.stop());
      const reader = openReader(nginx.url);
      onTestFinished(() => reader.leave());
      // Nothing has been sent yet but the head and the first byte.
      expect((await reader.response).headers["content-type"]).toContain("text/event-stream");
      const stream = streams.pop();
      const measured = [];
      for (const [index, bytes] of [10, 10, 10, PAGE_BYTES, 5000, 65_536].entries()) {
        const sentAt = performance.now();
        stream?.send({ id: String(index), data: "x".repeat(bytes) });
        measured.push((await reader.arrival(String(index))) - sentAt);
      }
      return measured;
    });
    expect(worstMs).toBeLessThan(100);
  });
});

test("the server block of the README is one that nginx takes, and streams through", async () => {
  const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
  const block = /```nginx\n(upstream [^]*?)```/.exec(readme)?.[1] ?? "";
  const nginx = await startNginx((port) =>
    block
      .replace("listen 80;", `listen 127.0.0.1:${port};`)
      .replace("127.0.0.1:3001", `127.0.0.1:${origin.port}`)
      .replace("/etc/nginx/tidings.conf", `"${TIDINGS_CONF}"`),
  );
  onTestFinished(() => nginx.stop());
  const reader = openReader(`${nginx.url}/api/sse`, { headers: { "x-forwarded-for": "192.0.2.1" } });
  onTestFinished(() => reader.leave());
  const stream = await origin.next();
  expect(stream.request.headers).toMatchObject({
    host: new URL(nginx.url).hostname,
    "x-forwarded-for": "192.0.2.1, 127.0.0.1",
    "x-forwarded-proto": "http",
  });
  stream.send("large", 5000);
  await reader.arrival("large");
});

test("tidings.conf holds two lines that count, each with its reason above it", () => {
  const lines = readFileSync(TIDINGS_CONF, "utf8").trimEnd().split("\n");
  const directives = lines.filter((line) => line !== "" && !line.startsWith("#"));
  expect(directives).toEqual(["proxy_buffering off;", "proxy_http_version 1.1;"]);
  for (const directive of directives) expect(lines[lines.indexOf(directive) - 1]).toMatch(/^# /);
});

const MORE_THAN_SOCKETS_HOLD_BYTES = 48_000_000;

/** Writes until nobody takes more for half a second, or until more was taken than sockets can hold. */
async function bytesTaken(stream: OriginStream): Promise<number> {
  const chunk = 1_000_000;
  let taken = 0;
  while (taken < MORE_THAN_SOCKETS_HOLD_BYTES) {
    const drained = new Promise((resolve) => stream.response.write("x".repeat(chunk), resolve));
    if (!(await happensWithin(1000, drained))) break;
    taken += chunk;
  }
  return taken;
}
