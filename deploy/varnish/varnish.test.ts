/**
 * The line of default.vcl taken away, and lines that others add. What every proxy is asked stands in matrix.test.ts.
 */
import { describe, expect } from "vitest";
import { happensWithin, NO_MS, writesUntilClosed } from "../checks.ts";
import { testThrough } from "../open-through.ts";
import { without } from "../proxies.ts";
import { openReader } from "../reader.ts";

const test = testThrough("varnish");

/** Instead of our line: nothing, or another one. */
const instead = (line: string) => (config: string) => config.replace("return (pipe);", line);
const response = (lines: string) => (config: string) =>
  `${config}\nsub vcl_backend_response {\n${lines}\n}\n`;
/** More parameters of varnishd stand in its arguments; this is how a VCL asks for them. */
const backend = (line: string) => (config: string) => config.replace(/^( +\.port = .+)$/m, `$1\n    ${line}`);

describe.concurrent("without return (pipe)", () => {
  test("a second client is given the first one's stream, with what was sent before it came", async ({
    open,
  }) => {
    const { stream, reader, proxy, origin } = await open({
      edit: without("return (pipe);"),
    });
    stream.send("for the first alone");
    await reader.arrival("for the first alone");
    const second = openReader(proxy.url);
    await second.arrival("for the first alone");
    second.leave();
    expect(await happensWithin(NO_MS, origin.next())).toBe(false);
  });

  test("a client that comes after the end is given a recording", async ({ open }) => {
    const { stream, reader, proxy } = await open({ edit: without("return (pipe);") });
    stream.send("for the first alone");
    stream.end();
    await reader.ended;
    const second = openReader(proxy.url);
    await second.arrival("for the first alone");
    expect(Number((await second.response).headers["age"])).toBeGreaterThanOrEqual(0);
  });

  test("Cache-Control: no-cache gives each a stream of its own", async ({ open }) => {
    const { proxy, origin } = await open({
      edit: without("return (pipe);"),
      server: { headers: { "cache-control": "no-cache" } },
    });
    const second = openReader(proxy.url);
    const stream = await origin.next();
    stream.end();
    expect(await second.ended).toBe("complete");
  });
});

describe.concurrent("return (pass)", () => {
  test("does not tell the server that its client left before it has written a few times", async ({
    open,
  }) => {
    const { stream, reader } = await open({ edit: instead("return (pass);") });
    await reader.response;
    reader.leave();
    expect(await happensWithin(NO_MS, stream.closed)).toBe(false);
    expect(await writesUntilClosed(stream)).toBeGreaterThan(1);
  });

  test("with do_gzip, holds everything to the end", async ({ open }) => {
    const { stream, reader } = await open({
      edit: (config) => response("set beresp.do_gzip = true;")(instead("return (pass);")(config)),
      headers: { "accept-encoding": "gzip" },
    });
    stream.send("first");
    expect(await happensWithin(NO_MS, reader.arrival("first"))).toBe(false);
    stream.end();
    await reader.arrival("first");
  });

  test("ends a stream that is silent for between_bytes_timeout", async ({ open }) => {
    const { stream, reader } = await open({
      edit: (config) => backend(".between_bytes_timeout = 1s;")(instead("return (pass);")(config)),
    });
    stream.send("last");
    await reader.arrival("last");
    expect(await reader.ended).toBe("cut");
  });
});

describe.concurrent("return (pipe)", () => {
  test("asks for nothing in vcl_pipe: the server is told to close the connection after the stream anyway", async ({
    open,
  }) => {
    const { stream } = await open();
    expect(stream.request.headers["connection"]).toBe("close");
  });

  test("pays no heed to do_gzip and between_bytes_timeout", async ({ open }) => {
    const { stream, reader } = await open({
      edit: (config) =>
        response("set beresp.do_gzip = true;")(backend(".between_bytes_timeout = 500ms;")(config)),
      headers: { "accept-encoding": "gzip" },
    });
    stream.send("first");
    await reader.arrival("first");
    expect(await happensWithin(1500, reader.ended)).toBe(false);
    stream.send("late");
    await reader.arrival("late");
  });
});
