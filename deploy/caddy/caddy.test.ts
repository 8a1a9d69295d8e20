/**
 * Lines that others add to a Caddyfile, since ours has none for event streams. What every proxy is asked stands in matrix.test.ts.
 */
import { describe, expect } from "vitest";
import { happensWithin, NO_MS } from "../checks.ts";
import { testThrough } from "../open-through.ts";
import { versionOf } from "../program.ts";
import { caddy } from "./program.ts";

const test = testThrough("caddy");

/** More lines in the site's block. */
const site = (lines: string) => (config: string) => config.replace(/^\tbind /m, `${lines}\n\tbind `);

/** Lines in the block of `reverse_proxy`. */
const proxying = (lines: string) => (config: string) =>
  config.replace(/^(\treverse_proxy .+)$/m, `$1 {\n${lines}\n}`);

const gzip = { headers: { "accept-encoding": "gzip" } };
const [major = 0, minor = 0] = versionOf(caddy).split(".").map(Number);
const isOld = major === 2 && minor <= 6;
// Caddy compresses what has 512 bytes or more.
const LARGE_BYTES = 900;

describe.concurrent("encode", () => {
  test("holds a stream that begins with 512 bytes or more to its end, with Caddy 2.6", async ({ open }) => {
    const { stream, reader } = await open({ edit: site("encode gzip"), ...gzip });
    stream.send("large", LARGE_BYTES);
    const live = await happensWithin(isOld ? NO_MS : 10_000, reader.arrival("large"));
    stream.end();
    await reader.arrival("large");
    expect(live).toBe(!isOld);
  });

  test("leaves alone what begins with less, as the streams of Tidings do", async ({ open }) => {
    const { stream, reader } = await open({
      edit: site("encode gzip"),
      server: { tidings: true },
      ...gzip,
    });
    await reader.response;
    stream.send("large", LARGE_BYTES);
    await reader.arrival("large");
    expect((await reader.response).headers["content-encoding"]).toBeUndefined();
  });

  test("holds the headers until the first byte", async ({ open }) => {
    const { stream, reader } = await open({ edit: site("encode gzip"), ...gzip });
    expect(await happensWithin(NO_MS, reader.response)).toBe(false);
    stream.send("first", LARGE_BYTES);
    await reader.response;
  });

  test("leaves alone the paths that its matcher leaves out", async ({ open }) => {
    const edit = site("@compressible not path /*\n\tencode @compressible gzip");
    const { stream, reader } = await open({ edit, ...gzip });
    await reader.response;
    stream.send("large", LARGE_BYTES);
    await reader.arrival("large");
    expect((await reader.response).headers["content-encoding"]).toBeUndefined();
  });
});

describe.concurrent("flush_interval -1", () => {
  test("is not needed, and hides from the server that its client left with Caddy 2.6", async ({ open }) => {
    const { stream, reader } = await open({ edit: proxying("flush_interval -1") });
    await reader.response;
    reader.leave();
    expect(await happensWithin(isOld ? NO_MS : 10_000, stream.closed)).toBe(!isOld);
  });
});

test.concurrent("a write timeout of the server ends a stream at that age, whatever is sent", async ({
  open,
}) => {
  const edit = (config: string): string =>
    // Into the block of global options, which opens the file.
    `{\nservers {\ntimeouts {\nwrite 1s\n}\n}\n}\n${config}`;
  const { stream, reader } = await open({ edit });
  const beat = setInterval(() => stream.send("beat"), 100);
  expect(await reader.ended).toBe("cut");
  clearInterval(beat);
});
