/**
 * Each line of haproxy.cfg taken away, and lines that others add. What every proxy is asked stands in matrix.test.ts.
 */
import { describe, expect } from "vitest";
import { happensWithin, NO_MS, writesUntilClosed } from "../checks.ts";
import { testThrough, type Through } from "../open-through.ts";
import { versionOf } from "../program.ts";
import { without } from "../proxies.ts";
import { haproxy } from "./program.ts";

const test = testThrough("haproxy");

const add = (line: string) => (config: string) =>
  config.replace("    mode http\n", `    mode http\n    ${line}\n`);

/** How late each of five events is, each sent when the one before has arrived. */
async function lagsMs({ stream, reader }: Through): Promise<number[]> {
  const lags: number[] = [];
  for (let index = 0; index < 5; index++) {
    const sentAt = stream.send(String(index));
    lags.push((await reader.arrival(String(index))) - sentAt);
  }
  return lags;
}

describe.concurrent("option http-no-delay", () => {
  test("without it, every event to an HTTP/1.1 client is late by 200 ms; with it, none is", async ({
    open,
  }) => {
    const slow = await lagsMs(await open({ edit: without("option http-no-delay") }));
    expect(Math.min(...slow)).toBeGreaterThan(150);
    const fast = await lagsMs(await open());
    // A busy machine may be late with some of them; a proxy that delays is late with all.
    expect(Math.min(...fast)).toBeLessThan(100);
  });

  test("without it, the tokens of an answer come in clumps", async ({ open }) => {
    const { stream, reader } = await open({ edit: without("option http-no-delay") });
    await reader.response;
    for (let index = 0; index < 40; index++) {
      stream.send(String(index));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await reader.arrival("39");
    const arrivals = [...reader.arrivedAt.values()];
    const clumps = arrivals.filter((at, index) => at - (arrivals[index - 1] ?? 0) > 50).length;
    expect(clumps).toBeLessThan(10);
  });
});

describe.concurrent("option abortonclose", () => {
  test("without it, the server does not learn that its client left before it writes", async ({ open }) => {
    const { stream, reader } = await open({ edit: without("option abortonclose") });
    await reader.response;
    reader.leave();
    expect(await happensWithin(NO_MS, stream.closed)).toBe(false);
    expect(await writesUntilClosed(stream)).toBeLessThanOrEqual(3);
  });

  test("in the backend alone it is not enough for an HTTP/1.1 client", async ({ open }) => {
    const { stream, reader } = await open({
      edit: (config) =>
        without("option abortonclose")(config).replace(
          "backend app\n",
          "backend app\n    option abortonclose\n",
        ),
    });
    await reader.response;
    reader.leave();
    expect(await happensWithin(NO_MS, stream.closed)).toBe(false);
  });
});

describe.concurrent("timeouts", () => {
  test.for(["timeout connect 5s", "timeout client 60s", "timeout server 60s"])(
    "without %s, HAProxy warns",
    async (line, { open }) => {
      const { proxy } = await open({ edit: without(line) });
      expect(proxy.output()).toContain("missing timeouts");
    },
  );

  test("with all of them it does not", async ({ open }) => {
    const { proxy } = await open();
    expect(proxy.output()).not.toContain("[WARNING]");
  });

  test("timeout server ends a silent stream, however long timeout tunnel is", async ({ open }) => {
    const edit = (config: string): string =>
      add("timeout tunnel 1h")(config.replace("timeout server 60s", "timeout server 1s"));
    const { stream, reader } = await open({ edit });
    stream.send("last");
    expect(await reader.ended).toBe("cut");
  });

  test("timeout client ends the stream of a client that stopped reading", async ({ open }) => {
    const edit = (config: string): string => config.replace("timeout client 60s", "timeout client 1s");
    const { stream, reader } = await open({ edit });
    stream.send("first");
    await reader.pause();
    stream.response.write("x".repeat(48_000_000));
    await stream.closed;
    expect(stream.response.writableFinished).toBe(false);
  });

  test("timeout client alone does not end a silent stream, which has nothing to take", async ({ open }) => {
    const edit = (config: string): string => config.replace("timeout client 60s", "timeout client 500ms");
    const { stream, reader } = await open({ edit });
    await reader.response;
    expect(await happensWithin(1500, reader.ended)).toBe(false);
    stream.send("late");
    await reader.arrival("late");
  });
});

test.concurrent("hard-stop-after ends the streams of an old process after a reload", async ({ open }) => {
  const edit = (config: string): string => `global\n    hard-stop-after 1s\n${config}`;
  const { reader, proxy } = await open({ edit });
  await reader.response;
  await proxy.reload();
  expect(await reader.ended).toBe("cut");
});

describe.concurrent("compression", () => {
  const compressed = { headers: { "accept-encoding": "gzip" } };

  test("without a type it takes event streams too, which HAProxy 2.6 keeps one event behind", async ({
    open,
  }) => {
    const { stream, reader } = await open({
      edit: add("compression algo gzip"),
      ...compressed,
    });
    stream.send("1");
    expect((await reader.response).headers["content-encoding"]).toBe("gzip");
    const behind = !(await happensWithin(NO_MS, reader.arrival("1")));
    stream.send("2");
    await reader.arrival("1");
    // Mended in 3.0.
    expect(behind).toBe(Number.parseInt(versionOf(haproxy), 10) < 3);
  });

  test("with a list of types that has none of ours, it leaves them alone", async ({ open }) => {
    const edit = (config: string): string =>
      add("compression type text/html")(add("compression algo gzip")(config));
    const { stream, reader } = await open({ edit, ...compressed });
    stream.send("1");
    await reader.arrival("1");
    expect((await reader.response).headers["content-encoding"]).toBeUndefined();
  });

  test("it leaves the streams of a server that uses Tidings alone", async ({ open }) => {
    const { stream, reader } = await open({
      edit: add("compression algo gzip"),
      server: { tidings: true },
      ...compressed,
    });
    stream.send("1");
    await reader.arrival("1");
    expect((await reader.response).headers["content-encoding"]).toBeUndefined();
  });
});
