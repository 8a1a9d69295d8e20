/**
 * Lines that others add to Apache httpd, since ours has none for event streams. What every proxy is asked stands in matrix.test.ts.
 */
import { describe, expect } from "vitest";
import { happensWithin, NO_MS, writesUntilClosed } from "../checks.ts";
import { testThrough } from "../open-through.ts";
import { openReader } from "../reader.ts";

const test = testThrough("apache");

/** More lines before the virtual host. */
const server = (lines: string) => (config: string) => `${lines}\n${config}`;

/** More lines in the virtual host. */
const host = (lines: string) => (config: string) =>
  config.replace("</VirtualHost>", `${lines}\n</VirtualHost>`);

test.concurrent("the server learns that its client left when it writes for the second time", async ({
  open,
}) => {
  const { stream, reader } = await open();
  await reader.response;
  reader.leave();
  expect(await happensWithin(NO_MS, stream.closed)).toBe(false);
  expect(await writesUntilClosed(stream)).toBe(2);
});

describe.concurrent("lines that are not needed", () => {
  test("flushpackets=on makes no difference to a client that leaves", async ({ open }) => {
    const edit = (config: string): string => config.replace(/^( +ProxyPass .+)$/m, "$1 flushpackets=on");
    const { stream, reader } = await open({ edit });
    await reader.response;
    reader.leave();
    expect(await happensWithin(NO_MS, stream.closed)).toBe(false);
  });

  test("no-gzip: where event streams are compressed, they come as they are sent", async ({ open }) => {
    const { stream, reader } = await open({
      edit: host("SetOutputFilter DEFLATE"),
      headers: { "accept-encoding": "gzip" },
    });
    for (const [id, bytes] of [
      ["small", 10],
      ["large", 5000],
    ] as const) {
      stream.send(id, bytes);
      await reader.arrival(id);
    }
    expect((await reader.response).headers["content-encoding"]).toBe("gzip");
  });
});

test.concurrent("ProxyTimeout ends a silent stream", async ({ open }) => {
  const { stream, reader } = await open({ edit: host("ProxyTimeout 1") });
  stream.send("last");
  await reader.arrival("last");
  expect(await reader.ended).toBe("cut");
});

test.concurrent("a stream takes a thread, and a client for whom none is left gets no answer until one is free", async ({
  open,
}) => {
  const { stream, reader, proxy, origin } = await open({
    edit: server("ThreadsPerChild 4\nMaxRequestWorkers 4\nServerLimit 1"),
  });
  await reader.response;
  const others = [1, 2, 3].map(() => openReader(proxy.url));
  await Promise.all(others.map((other) => other.response));
  const oneTooMany = openReader(proxy.url);
  expect(await happensWithin(NO_MS, oneTooMany.response)).toBe(false);
  stream.end();
  expect((await oneTooMany.response).status).toBe(200);
  await origin.stop();
});
