/**
 * Each line of tidings.conf taken away, and lines that others add. What every proxy is asked stands in matrix.test.ts.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHub } from "tidings/server";
import { describe, expect } from "vitest";
import { happensWithin, NO_MS, PAGE_BYTES } from "../checks.ts";
import { testThrough, type ThroughOptions } from "../open-through.ts";
import { startOrigin } from "../origin.ts";
import { startProgram, versionOf } from "../program.ts";
import { proxyConfig } from "../../packages/tidings/src/cli/proxies/proxy-config.ts";
import { freePort } from "../../test/support/free-port.mjs";
import { bare, without } from "../proxies.ts";
import { openReader, type Reader } from "../reader.ts";
import { nginx } from "./program.ts";

const test = testThrough("nginx");

const OURS = "proxy_buffering off; proxy_http_version 1.1;";
const GZIP = "gzip on; gzip_types text/event-stream; gzip_min_length 0;";

/** A location with `proxy_pass` and these lines. */
const location = (lines: string) => (config: string) =>
  bare("nginx")(config).replace(/proxy_pass .+;/, (pass) => `${pass}\n${lines}`);

/** The same for a client that accepts gzip, which nginx has been told to use for event streams. */
const gzip = (lines: string): ThroughOptions => ({
  edit: location(`${lines} ${GZIP}`),
  headers: { "accept-encoding": "gzip" },
});

async function isHeld(reader: Reader, id: string): Promise<boolean> {
  return !(await happensWithin(NO_MS, reader.arrival(id)));
}

test.concurrent("there is an nginx to test with", () => {
  expect(versionOf(nginx)).toMatch(/^\d+\.\d+/);
  expect(() => versionOf({ ...nginx, command: "nginx-that-is-not-there" })).toThrow(
    "expected: apt-get install nginx-light",
  );
});

describe.concurrent("without proxy_buffering off", () => {
  test("the end of a large event waits for the next byte, and headers for the first", async ({ open }) => {
    const { stream, reader } = await open({ edit: without("proxy_buffering off;") });
    expect(await happensWithin(NO_MS, reader.response)).toBe(false);
    stream.send("small");
    await reader.arrival("small");
    stream.send("large", 5000);
    expect(await isHeld(reader, "large")).toBe(true);
    stream.send("next");
    await reader.arrival("large");
  });

  test("with HTTP/1.0, the default before 1.29.7, a short stream is held to its end, headers and all", async ({
    open,
  }) => {
    const { stream, reader } = await open({ edit: location("proxy_http_version 1.0;") });
    for (const id of ["1", "2", "3"]) stream.send(id);
    expect(await isHeld(reader, "1")).toBe(true);
    expect(await happensWithin(0, reader.response)).toBe(false);
    stream.end();
    await reader.arrival("3");
  });

  test("with HTTP/1.0 a long stream comes in blocks of 4096 bytes", async ({ open }) => {
    const { stream, reader } = await open({ edit: location("proxy_http_version 1.0;") });
    let sent = 0;
    do stream.send(String(sent++), 200);
    while (!(await happensWithin(20, reader.arrival("0"))) && sent < 100);
    expect(sent * 200).toBeGreaterThan(PAGE_BYTES / 2);
    expect(reader.arrivedAt.size).toBeGreaterThan(5);
    expect(reader.arrivedAt.size).toBeLessThan(100);
  });

  test("gzip for event streams holds them to the end", async ({ open }) => {
    const { stream, reader } = await open(gzip("proxy_http_version 1.1;"));
    stream.send("small");
    expect(await isHeld(reader, "small")).toBe(true);
    stream.end();
    await reader.arrival("small");
  });
});

describe.concurrent("without proxy_http_version 1.1", () => {
  test("a server that crashes looks like one that finished, unless 1.1 is the default", async ({ open }) => {
    const { stream, reader } = await open({ edit: location("proxy_buffering off; proxy_http_version 1.0;") });
    stream.send("last");
    await reader.arrival("last");
    stream.crash();
    expect(await reader.ended).toBe("complete");
  });
});

describe.concurrent("with both lines", () => {
  test("a POST with a body streams as a GET does", async ({ open }) => {
    const { stream, reader } = await open({ edit: location(OURS), method: "POST", body: '{"q":"你好"}' });
    let body = "";
    for await (const chunk of stream.request.setEncoding("utf8")) body += chunk as string;
    expect(body).toBe('{"q":"你好"}');
    stream.send("answer");
    await reader.arrival("answer");
  });

  test("gzip for event streams does not hold them back, nor hide a crash", async ({ open }) => {
    const { stream, reader } = await open(gzip(OURS));
    for (const id of ["1", "2", "3"]) {
      stream.send(id);
      await reader.arrival(id);
    }
    expect((await reader.response).headers["content-encoding"]).toBe("gzip");
    stream.crash();
    expect(await reader.ended).toBe("cut");
  });

  test("a cache that was switched on above them keeps no stream, as it would without them", async ({
    onTestFinished,
  }) => {
    const origin = await startOrigin();
    const proxy = await startProgram(
      nginx,
      ({ port, folder }) => `
        proxy_cache_path ${folder}/cache keys_zone=all:1m;
        proxy_cache all;
        proxy_cache_valid 200 1h;
        server { listen 127.0.0.1:${port};
          location /with { proxy_pass ${origin.url}; ${OURS} }
          location /without { proxy_pass ${origin.url}; } }`,
    );
    onTestFinished(async () => {
      await origin.stop();
      await proxy.stop();
    });
    const finish = async (path: string): Promise<void> => {
      const reader = openReader(proxy.url + path);
      const stream = await origin.next();
      stream.send("mine");
      stream.end();
      await reader.ended;
    };
    await finish("/with");
    await finish("/with");
    await finish("/without");
    const replayed = openReader(`${proxy.url}/without`);
    await replayed.arrival("mine");
    expect(await replayed.ended).toBe("complete");
  });
});

describe.concurrent("X-Accel-Buffering: no, sent by the server", () => {
  const server = { headers: { "x-accel-buffering": "no" } };

  test("does for its stream what proxy_buffering off does", async ({ open }) => {
    const { stream, reader } = await open({ edit: location("proxy_http_version 1.1;"), server });
    stream.send("large", 5000);
    await reader.arrival("large");
    // nginx keeps it for itself.
    expect((await reader.response).headers["x-accel-buffering"]).toBeUndefined();
  });

  test("does nothing where nginx has been told to ignore it", async ({ open }) => {
    const lines = "proxy_http_version 1.1; proxy_ignore_headers X-Accel-Buffering;";
    const { stream, reader } = await open({ edit: location(lines), server });
    stream.send("large", 5000);
    expect(await isHeld(reader, "large")).toBe(true);
  });
});

/** Lines that are copied from answer to answer. docs/proxies/nginx.md names each of them. */
const COPIED = [
  "sendfile off;",
  "aio off;",
  "tcp_nopush off;",
  "tcp_nodelay on;",
  "keepalive_timeout 0;",
  "postpone_output 0;",
  "proxy_redirect off;",
  "proxy_max_temp_file_size 0;",
  "proxy_request_buffering off;",
  "proxy_read_timeout 24h;",
  "proxy_cache off;",
  "gzip off;",
  "chunked_transfer_encoding off;",
  'proxy_set_header Connection "";',
  "proxy_set_header X-Accel-Buffering no;",
  "add_header X-Accel-Buffering no;",
];

describe.concurrent("lines that circulate as cures", () => {
  test("none of them lets the end of a large event through, nor do all together", async ({ open }) => {
    const cures = await Promise.all(
      [...COPIED, COPIED.join(" ")].map(async (line) => {
        const { stream, reader } = await open({ edit: location(`proxy_http_version 1.1; ${line}`) });
        stream.send("large", 5000);
        const held = await isHeld(reader, "large");
        stream.send("next");
        await reader.arrival("large");
        return held ? [] : [line];
      }),
    );
    expect(cures.flat()).toEqual([]);
  });

  test("each of them is named on the page", () => {
    const page = readFileSync(new URL("../../docs/proxies/nginx.md", import.meta.url), "utf8");
    expect(COPIED.filter((line) => !page.includes(`\`${line.replace(/;$/, "")}\``))).toEqual([]);
  });

  test("chunked_transfer_encoding off makes a crash look like an end", async ({ open }) => {
    const { stream, reader } = await open({ edit: location(`${OURS} chunked_transfer_encoding off;`) });
    stream.send("last");
    await reader.arrival("last");
    stream.crash();
    expect(await reader.ended).toBe("complete");
  });

  test("proxy_ignore_client_abort on hides from the server that its client left", async ({ open }) => {
    const { stream, reader } = await open({ edit: location(`${OURS} proxy_ignore_client_abort on;`) });
    await reader.response;
    reader.leave();
    expect(await happensWithin(NO_MS, stream.closed)).toBe(false);
  });

  test("proxy_set_header in a location drops those that stand above it", async ({ onTestFinished }) => {
    const origin = await startOrigin();
    const proxy = await startProgram(
      nginx,
      ({ port }) => `server { listen 127.0.0.1:${port};
        proxy_set_header X-Forwarded-Proto https;
        location /plain { proxy_pass ${origin.url}; ${OURS} }
        location /pasted { proxy_pass ${origin.url}; ${OURS} proxy_set_header Connection ""; } }`,
    );
    onTestFinished(async () => {
      await origin.stop();
      await proxy.stop();
    });
    const forwarded = async (path: string): Promise<unknown> => {
      const reader = openReader(proxy.url + path);
      const { request } = await origin.next();
      reader.leave();
      return request.headers["x-forwarded-proto"];
    };
    expect(await forwarded("/plain")).toBe("https");
    expect(await forwarded("/pasted")).toBeUndefined();
  });
});

test.concurrent("worker_shutdown_timeout ends the streams of an old worker after a reload", async ({
  open,
}) => {
  const edit = (config: string): string => `worker_shutdown_timeout 1s;\n${config}`;
  const { reader, proxy } = await open({ edit });
  await reader.response;
  await proxy.reload();
  expect(await reader.ended).toBe("cut");
});

test.concurrent("the whole site of the page is one that nginx takes, and streams through", async ({
  onTestFinished,
}) => {
  const page = readFileSync(new URL("../../docs/proxies/nginx.md", import.meta.url), "utf8");
  const block = /```nginx\n(upstream [^]*?)```/.exec(page)?.[1] ?? "";
  const origin = await startOrigin();
  const proxy = await startProgram(nginx, ({ port }) =>
    block
      .replace("listen 80;", `listen 127.0.0.1:${port};`)
      .replace("127.0.0.1:3001", `127.0.0.1:${origin.port}`),
  );
  onTestFinished(async () => {
    await origin.stop();
    await proxy.stop();
  });
  const reader = openReader(`${proxy.url}/events`, { headers: { "x-forwarded-for": "192.0.2.1" } });
  const stream = await origin.next();
  expect(stream.request.headers).toMatchObject({
    host: new URL(proxy.url).hostname,
    "x-forwarded-for": "192.0.2.1, 127.0.0.1",
    "x-forwarded-proto": "http",
  });
  stream.send("large", 5000);
  await reader.arrival("large");
});

describe.concurrent("several servers", () => {
  test("what `tidings proxy` prints for the name of an upstream block is used with it", async ({
    onTestFinished,
  }) => {
    const origin = await startOrigin();
    const proxy = await startProgram(
      nginx,
      ({ port }) =>
        `upstream app { server 127.0.0.1:${origin.port} max_fails=0; }
        ${proxyConfig("nginx", { upstream: "http://app", listen: `127.0.0.1:${port}` })}`,
    );
    onTestFinished(async () => {
      await origin.stop();
      await proxy.stop();
    });
    const reader = openReader(proxy.url);
    const stream = await origin.next();
    stream.send("large", 5000);
    await reader.arrival("large");
  });

  test("without max_fails=0, a server that was restarted is not used for ten seconds", async ({
    onTestFinished,
  }) => {
    const port = await freePort();
    const absent = await freePort();
    const upstream = (name: string, more: string): string =>
      `upstream ${name} { server 127.0.0.1:${port}${more}; server 127.0.0.1:${absent}${more}; }`;
    const proxy = await startProgram(
      nginx,
      ({ port: front }) => `${upstream("plain", "")} ${upstream("patient", " max_fails=0")}
        server { listen 127.0.0.1:${front};
          location /plain { proxy_pass http://plain; ${OURS} }
          location /patient { proxy_pass http://patient; ${OURS} } }`,
    );
    const statuses = async (): Promise<number[]> => {
      const paths = ["/plain", "/patient", "/plain", "/patient"];
      const responses = await Promise.all(paths.map((path) => fetch(proxy.url + path)));
      for (const response of responses) void response.body?.cancel();
      return responses.map(({ status }) => status);
    };
    expect(await statuses()).toEqual([502, 502, 502, 502]);
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(": open\n\n");
    }).listen(port, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(async () => {
      server.close();
      server.closeAllConnections();
      await proxy.stop();
    });
    expect(await statuses()).toEqual([502, 200, 502, 200]);
  });

  test("with the line of the page, another server is asked where a hub is leaving", async ({
    onTestFinished,
  }) => {
    const page = readFileSync(new URL("../../docs/proxies/nginx.md", import.meta.url), "utf8");
    const [line = ""] = /^proxy_next_upstream .*;$/m.exec(page) ?? [];
    expect(line).toContain("http_503");
    const hubs = [createHub(), createHub()];
    const servers = hubs.map((hub) =>
      createServer((request, response) => {
        void hub.subscribe(request, response, { topics: ["news"] });
      }).listen(0, "127.0.0.1"),
    );
    await Promise.all(servers.map((server) => once(server, "listening")));
    const ports = servers.map((server) => (server.address() as AddressInfo).port);
    const proxy = await startProgram(
      nginx,
      ({ port }) => `upstream app { ${ports.map((one) => `server 127.0.0.1:${one} max_fails=0;`).join(" ")} }
        server { listen 127.0.0.1:${port};
          location /plain { proxy_pass http://app; ${OURS} }
          location /other { proxy_pass http://app; ${OURS} ${line} } }`,
    );
    onTestFinished(async () => {
      await hubs[1]!.drain({ overMs: 0 });
      for (const server of servers) server.close();
      for (const server of servers) server.closeAllConnections();
      await proxy.stop();
    });
    await hubs[0]!.drain({ overMs: 0 });
    const statuses = async (path: string, method: string): Promise<number[]> => {
      const responses = [];
      for (let i = 0; i < 4; i += 1) responses.push(await fetch(proxy.url + path, { method }));
      for (const response of responses) void response.body?.cancel();
      return responses.map(({ status }) => status).sort((one, other) => one - other);
    };
    expect(await statuses("/plain", "GET")).toEqual([200, 200, 503, 503]);
    expect(await statuses("/other", "GET")).toEqual([200, 200, 200, 200]);
    expect(await statuses("/other", "POST")).toEqual([200, 200, 503, 503]);
  });
});
