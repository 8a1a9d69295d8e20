/**
 * The load generator of the fan-out benchmark, against servers that do wrong: a figure is worth what its check is worth.
 */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

interface Generator {
  ask(line: string): Promise<Record<string, number>>;
  stop(): void;
}

const FIRST = 1_000_000_000;
const STREAMS = 3;
const hub = new URL("../../bench/hub/", import.meta.url);
const { startGenerator } = (await import(new URL("generator.mjs", hub).href)) as {
  startGenerator: () => Promise<Generator>;
};
const { createMessage, nowUs } = (await import(new URL("servers/message.mjs", hub).href)) as {
  createMessage: (seq: number, at: number) => object;
  nowUs: () => number;
};

let generator: Generator;
let closeServer = () => {};

beforeEach(async () => {
  generator = await startGenerator();
});

afterEach(() => {
  generator.stop();
  closeServer();
});

/** Opens streams to a server that writes these pieces, and tells what the generator heard. */
async function hear(pieces: readonly string[], headers = { "content-type": "text/event-stream" }) {
  const responses: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    response.writeHead(200, headers);
    response.flushHeaders();
    responses.push(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closeServer = () => {
    server.closeAllConnections();
    server.close();
  };
  const { port } = server.address() as AddressInfo;
  await generator.ask(`base ${FIRST}`);
  await generator.ask(`target ${port} /events`);
  const opening = await generator.ask(`open ${STREAMS} 64`);
  if (opening["refused"]! > 0) return opening;
  await generator.ask("mark");
  for (const response of responses) {
    for (const piece of pieces) {
      response.write(piece);
      await new Promise(setImmediate);
    }
  }
  // The last message of each list is FIRST + 3, however it comes about.
  await generator.ask(`settle ${FIRST + 3} 2000`);
  return generator.ask("report");
}

function message(number: number): string {
  return `id: ${number}\ndata: ${JSON.stringify(createMessage(FIRST + number, nowUs()))}\n\n`;
}

function gap(to: number): string {
  return `event: gap\ndata: {"from":"e.0","to":"e.${to}","reason":"slow"}\nid: e.${to}\n\n`;
}

const CLEAN = { lost: 0, doubled: 0, broken: 0, gaps: 0, announced: 0, misnamed: 0, closed: 0 };

describe("the load generator", () => {
  test("finds nothing wrong with messages that are whole and in order, cut anywhere", async () => {
    const text = `: hello\n\n${message(1)}${message(2)}id: 2\n\n${message(3)}`;
    const pieces = [...text.matchAll(/[^]{1,7}/g)].map(([piece]) => piece);
    expect(await hear(pieces)).toMatchObject({ ...CLEAN, deliveries: 3 * STREAMS, beats: 2 * STREAMS });
  });

  test("counts what is left out", async () => {
    expect(await hear([message(1), message(3)])).toMatchObject({ ...CLEAN, lost: STREAMS });
  });

  test("counts what comes twice", async () => {
    expect(await hear([message(1), message(2), message(2), message(3)])).toMatchObject({
      ...CLEAN,
      doubled: STREAMS,
    });
  });

  test("counts what comes late, and that it was missing", async () => {
    expect(await hear([message(2), message(1), message(3)])).toMatchObject({
      ...CLEAN,
      lost: STREAMS,
      doubled: STREAMS,
    });
  });

  test("counts a message whose end belongs to another", async () => {
    const torn = message(2).replace(`"end":${FIRST + 2}`, `"end":${FIRST + 3}`);
    expect(await hear([message(1), torn, message(3)])).toMatchObject({ broken: STREAMS, lost: STREAMS });
  });

  test("takes a gap that names what is missing", async () => {
    expect(await hear([message(1), gap(2), message(3)])).toMatchObject({
      ...CLEAN,
      gaps: STREAMS,
      announced: STREAMS,
    });
  });

  test("does not take a gap that names something else", async () => {
    expect(await hear([message(1), gap(1), message(3)])).toMatchObject({
      ...CLEAN,
      gaps: STREAMS,
      announced: STREAMS,
      misnamed: STREAMS,
    });
  });

  test("refuses a response that is no event stream", async () => {
    expect(await hear([], { "content-type": "text/plain" })).toMatchObject({ opened: 0, refused: STREAMS });
  });
});
