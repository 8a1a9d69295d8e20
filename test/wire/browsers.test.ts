import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createParser } from "../../packages/tidings/src/wire/parser.ts";
import type { ParsedMessage } from "../../packages/tidings/src/wire/message.ts";
import { bytes, cut, cuts } from "../../packages/tidings/src/wire/streams.oracle.ts";
import { loadVectors } from "../../vectors/load.ts";
import { type Browser, engines } from "../browsers/index.ts";

/** Streams and where to cut them; the vectors first, then what chance makes, the same at each run. */
const STREAMS: { stream: Uint8Array; parts: number[] }[] = [
  ...loadVectors().map(({ bytes }) => ({ stream: bytes, parts: [0.5] })),
  ...fc.sample(fc.record({ stream: bytes, parts: cuts }), { numRuns: 2400, seed: 20_261_122 }),
];

const parsed = STREAMS.map(({ stream }) => parse(stream));
/** An EventSource hands on nothing that nobody listens to, so that the page must know each event type, as each engine reads it. */
const types = [
  ...new Set([
    "message",
    ...parsed.flatMap((messages) => messages.flatMap(({ event }) => [event, event.replaceAll("\0", "")])),
  ]),
];

let server: Server;
let origin: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === "/")
      return void response
        .setHeader("content-type", "text/html")
        .end("<!doctype html><title>streams</title>");
    const entry = STREAMS[Number(request.url!.slice(1))];
    if (!entry) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    // The end of what is sent: a reconnection time that no test waits for, and the one event type that ends a stream here.
    for (const chunk of cut(entry.stream, entry.parts)) if (chunk.length > 0) response.write(chunk);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/**
 * Where an engine departs from the standard: what it makes of the stream is what the parser makes of another one. Each must be needed by one of the streams, so that the list cannot outlive its reasons.
 */
const DEPARTURES: Record<string, { what: string; instead(this: void, stream: string): string }[]> = {
  chromium: [
    {
      what: "the character behind a byte order mark never ends a line",
      instead: (stream) => stream.replace(/^\xef\xbb\xbf[\r\n]/, "x"),
    },
  ],
  firefox: [
    { what: "an id counts in a block with data alone", instead: dropLoneIds },
    {
      what: "NUL is left out wherever it is, and a block whose id has one dispatches nothing",
      instead: (stream) => dropLoneIds(dropNuls(stream)),
    },
  ],
};

function dropLoneIds(stream: string): string {
  return eachBlock(stream, (lines) =>
    lines.some((line) => /^(\xef\xbb\xbf)?data(:|$)/.test(line))
      ? lines
      : lines.filter((line) => !/^(\xef\xbb\xbf)?id(:|$)/.test(line)),
  );
}

function dropNuls(stream: string): string {
  return eachBlock(stream, (lines) =>
    lines.some((line) => /^(\xef\xbb\xbf)?id:.*\0/.test(line)) ? [] : lines,
  ).replaceAll("\0", "");
}

function eachBlock(stream: string, change: (lines: string[]) => string[]): string {
  const blocks: string[][] = [[]];
  for (const line of stream.split(/\r\n|\r|\n/)) {
    if (line === "") blocks.push([]);
    else blocks.at(-1)!.push(line);
  }
  return blocks
    .map((lines) => [...change(lines), "", ""].join("\n"))
    .join("")
    .slice(0, -2);
}

describe.each(engines.filter(({ engine }) => engine !== "webkit"))(
  "the EventSource of $engine",
  ({ engine, start }) => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await start();
      await browser.open(origin);
    });
    afterAll(() => browser?.close());

    test(
      `reads ${STREAMS.length} streams as the parser does, but for known departures`,
      { timeout: 120_000 },
      async () => {
        const differing: unknown[] = [];
        const needed = new Set<string>();
        let same = 0;
        for (let from = 0; from < STREAMS.length; from += 200) {
          const to = Math.min(from + 200, STREAMS.length);
          const seen = await browser.evaluate(readAll, from, to, types);
          for (const [index, messages] of seen.entries()) {
            const stream = Buffer.from(STREAMS[from + index]!.stream);
            const expected = flat(parsed[from + index]!);
            if (JSON.stringify(messages) === JSON.stringify(expected)) {
              same++;
              continue;
            }
            const departure = DEPARTURES[engine]!.find(({ instead }) => {
              const other = instead(stream.toString("latin1"));
              return JSON.stringify(messages) === JSON.stringify(flat(parse(Buffer.from(other, "latin1"))));
            });
            if (departure) needed.add(departure.what);
            else differing.push({ stream: stream.toString(), messages, expected });
          }
        }
        expect(differing).toEqual([]);
        expect(same).toBeGreaterThanOrEqual(2000);
        expect([...needed].sort()).toEqual(DEPARTURES[engine]!.map(({ what }) => what).sort());
      },
    );
  },
);

function flat(messages: readonly ParsedMessage[]): string[][] {
  return messages.map(({ event, data, id }) => [event, data, id]);
}

/** Runs in the page: each stream to its end, six at a time, which is as many as a browser opens. */
async function readAll(from: number, to: number, types: readonly string[]): Promise<string[][][]> {
  const results: string[][][] = [];
  let next = from;
  const read = (index: number) =>
    new Promise<void>((resolve) => {
      const messages: string[][] = [];
      const source = new EventSource(`/${index}`);
      for (const type of types) {
        source.addEventListener(type, (event) => {
          if (event instanceof MessageEvent)
            messages.push([event.type, event.data as string, event.lastEventId]);
        });
      }
      // The server has ended the response: the browser says so before it returns.
      source.addEventListener("error", (event) => {
        if (event instanceof MessageEvent) return;
        source.close();
        results[index - from] = messages;
        resolve();
      });
    });
  const worker = async () => {
    while (next < to) await read(next++);
  };
  await Promise.all([worker(), worker(), worker(), worker(), worker(), worker()]);
  return results;
}

function parse(stream: Uint8Array): ParsedMessage[] {
  const messages: ParsedMessage[] = [];
  const parser = createParser({ onMessage: (message) => messages.push(message) });
  parser.push(stream);
  parser.end();
  return messages;
}
