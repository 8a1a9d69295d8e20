/**
 * Streams that played no part when the checks were written: how other frameworks write, and what goes wrong with them. What must
 * be found was written down before the doctor saw them.
 */
import { randomUUID } from "node:crypto";
import { createSecureServer } from "node:http2";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { GOOD_HEADERS, serve, type Setup, type Started, ticking } from "./setup.ts";
import { type Answer, answering, every, stream } from "./stream-setups.ts";

/** A log whose ids are UUIDs, as Postgres and many message brokers make them. */
function uuidLog(): Answer {
  const ids: string[] = [];
  const started = performance.now();
  return (request, response) => {
    response.writeHead(200, GOOD_HEADERS);
    response.write(": \n\n");
    let at = ids.indexOf(String(request.headers["last-event-id"])) + 1;
    every(50, response, () => {
      while (ids.length < (performance.now() - started) / 250) ids.push(randomUUID());
      for (; at < ids.length; at++) response.write(`id: ${ids[at]}\ndata: {"at":${at}}\n\n`);
    });
  };
}

async function http2Server(): Promise<Started> {
  const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }]);
  const sessions = new Set<import("node:http2").ServerHttp2Session>();
  const server = createSecureServer({ key, cert, allowHTTP1: true }, (request, response) => {
    response.writeHead(200, GOOD_HEADERS);
    response.write(": \n\n");
    let n = Number(request.headers["last-event-id"] ?? 0);
    const timer = setInterval(() => response.write(`id: ${++n}\ndata: 1\n\n`), 300);
    response.on("close", () => clearInterval(timer));
  }).listen(0, "127.0.0.1");
  server.on("session", (session) => sessions.add(session));
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

export const heldOutStreams: readonly Setup[] = [
  // Healthy.
  stream("CRLF, no spaces, and a charset in capitals, as Spring writes", [], {
    head: { ...GOOD_HEADERS, "content-type": "text/event-stream;charset=UTF-8" },
    messageOf: (n) => `id:${n}\r\nevent:tick\r\ndata:{"n":${n}}\r\n\r\n`,
  }),
  answering("ids that are UUIDs, from a log that resumes", [], uuidLog()),
  answering("ids that are JSON, as Wikimedia's", [], (request, response) => {
    const id = String(request.headers["last-event-id"] ?? "[]");
    request.headers["last-event-id"] = String((JSON.parse(id) as { offset: number }[])[0]?.offset ?? 0);
    ticking(request, response, {
      messageOf: (n) => `event: message\nid: [{"topic":"a","offset":${n}}]\ndata: {"n":${n}}\n\n`,
    });
  }),
  answering("a byte order mark before the stream", [], (request, response) => {
    let first = true;
    ticking(request, response, {
      write(text) {
        response.write(first ? `\uFEFF${text}` : text);
        first = false;
      },
    });
  }),
  answering("messages that the server itself makes five at a time", [], (request, response) => {
    response.writeHead(200, GOOD_HEADERS);
    response.write(": \n\n");
    let n = Number(request.headers["last-event-id"] ?? 0);
    every(900, response, () => {
      for (let more = 0; more < 5; more++) response.write(`id: ${++n}\ndata: {"ts":${Date.now()}}\n\n`);
    });
  }),
  answering("800 messages a second", [], (request, response) => {
    response.writeHead(200, GOOD_HEADERS);
    response.write(": \n\n");
    let n = Number(request.headers["last-event-id"] ?? 0);
    every(10, response, () => {
      for (let more = 0; more < 8; more++) response.write(`id: ${++n}\ndata: {"n":${n}}\n\n`);
    });
  }),
  stream("times of sending in seconds, by a clock that is an hour slow", [], {
    messageOf: (n) => `id: ${n}\ndata: {"ts":${Date.now() / 1000 - 3600}}\n\n`,
  }),
  answering("heartbeats as messages without an id, between others with one", [], (request, response) => {
    ticking(request, response, { everyMs: 400 });
    every(1000, response, () => response.write("event: ping\ndata: {}\n\n"));
  }),
  { name: "node:http2 over TLS", finds: [], start: http2Server },
  // Broken.
  stream("JSON lines, and so called", ["C02"], {
    head: { ...GOOD_HEADERS, "content-type": "application/x-ndjson" },
    messageOf: (n) => `{"n":${n}}\n`,
  }),
  answering("a redirect to a page that asks for a login", ["C02"], (request, response) => {
    if (request.url !== "/login") return void response.writeHead(302, { location: "/login" }).end();
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Log in</title>");
  }),
  answering(
    "429 with Retry-After",
    ["C01"],
    (_, response) => void response.writeHead(429, { "retry-after": "5" }).end(),
  ),
  stream("one line break between messages, so that none ever ends", ["F01"], {
    messageOf: (n) => `id: ${n}\ndata: {"n":${n}}\n`,
  }),
  stream("data of several lines, with data: before the first alone", ["F01"], {
    messageOf: (n) => `id: ${n}\ndata: one\ntwo ${n}\n\n`,
  }),
  stream("an id with a NUL", ["F01"], { messageOf: (n) => `id: ${n}\u0000\ndata: ${n}\n\n` }),
  stream("a reconnection time of an hour", ["R04"], {
    messageOf: (n) => `retry: 3600000\nid: ${n}\ndata: 1\n\n`,
  }),
  stream(
    "times of sending that arrive a whole second late and together",
    ["B06"],
    {},
    {
      start: () =>
        serve((request, response) => {
          response.writeHead(200, GOOD_HEADERS);
          response.write(": \n\n");
          let n = Number(request.headers["last-event-id"] ?? 0);
          let kept = "";
          every(
            150,
            response,
            () => void (kept += `id: ${++n}\ndata: {"time":"${new Date().toISOString()}"}\n\n`),
          );
          every(1000, response, () => {
            response.write(kept);
            kept = "";
          });
        }),
      // As long as the command does: three groups show no rhythm yet.
      stream: { watchMs: 10_000 },
    },
  ),
  stream("Content-Encoding: gzip before bytes that are not", ["Z04"], {
    head: { ...GOOD_HEADERS, "content-encoding": "gzip" },
  }),
  stream(
    "no credentials allowed, for a request with cookies",
    ["O01"],
    {
      head: {
        ...GOOD_HEADERS,
        "access-control-allow-origin": "https://app.example.com",
        "access-control-allow-headers": "last-event-id",
      },
    },
    { stream: { origin: "https://app.example.com" }, target: { headers: { cookie: "session=1" } } },
  ),
  answering(
    "an answer of OpenAI's whose connection is cut",
    ["P02"],
    (_, response) => {
      response.writeHead(200, GOOD_HEADERS);
      response.write('data: {"choices":[{"delta":{"content":"a"}}]}\n\n');
      setTimeout(() => response.destroy(), 200);
    },
    { profile: "openai" },
  ),
  stream("a proxy that answers for the server, 30 seconds old", ["K02"], {
    head: { ...GOOD_HEADERS, age: "30", "x-cache": "HIT from proxy" },
  }),
];
