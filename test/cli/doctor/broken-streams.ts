/**
 * Streams with one fault each, which the doctor finds by watching.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { GOOD_HEADERS, serve, type Setup, ticking } from "./setup.ts";
import {
  answering,
  compressed,
  every,
  finite,
  rawServer,
  stream,
  tlsServer,
  without,
} from "./stream-setups.ts";

const ORIGIN = "https://app.example.com";

export const brokenStreams: readonly Setup[] = [
  answering("503 to every request", ["C01"], (_, response) => void response.writeHead(503).end("later")),
  answering("204", ["C01"], (_, response) => void response.writeHead(204).end()),
  answering("401", ["C01"], (_, response) => void response.writeHead(401).end()),
  answering("a server that accepts and never answers", ["C01"], () => {}),
  {
    name: "a port where nobody listens",
    finds: ["C01"],
    start: async () => ({ url: "http://127.0.0.1:1/", stop: () => Promise.resolve() }),
  },
  answering(
    "an HTML page behind 200",
    ["C02"],
    (_, response) =>
      void response
        .writeHead(200, { "content-type": "text/html" })
        .end("<!doctype html><title>Sign in</title>"),
  ),
  stream("a charset that is not UTF-8", ["C02"], {
    head: { ...GOOD_HEADERS, "content-type": "text/event-stream; charset=iso-8859-1" },
  }),
  answering("a body with Content-Length", ["C03"], (request, response) => {
    const from = Number(request.headers["last-event-id"] ?? 0);
    const body = `id: ${from + 1}\ndata: 1\n\nid: ${from + 2}\ndata: 2\n\n`;
    response.writeHead(200, { ...GOOD_HEADERS, "content-length": String(body.length) }).end(body);
  }),
  { name: "HTTP/1.0", finds: ["C03"], start: () => rawServer("HTTP/1.0 200 OK") },
  {
    name: "a body that ends with its connection",
    finds: ["C03"],
    start: () => rawServer("HTTP/1.1 200 OK\r\nconnection: close"),
  },
  { name: "TLS without HTTP/2", finds: ["C04"], start: tlsServer },
  answering("head and first byte together, late", ["C05"], (request, response) => {
    setTimeout(
      () => ticking(request, response),
      Number(request.headers["last-event-id"] ?? 0) > 0 ? 0 : 2000,
    );
  }),
  answering("no byte for a while after the head", ["C06"], (request, response) => {
    const later: string[] = [];
    let held = request.headers["last-event-id"] === undefined;
    ticking(request, response, {
      write: (text) => (held ? void later.push(text) : void response.write(text)),
    });
    setTimeout(() => {
      held = false;
      response.write(later.splice(0).join(""));
    }, 1500);
  }),
  stream("no X-Accel-Buffering", ["H02"], { head: without("x-accel-buffering") }),
  stream("another origin, not allowed", ["O01"], {}, { stream: { origin: ORIGIN } }),
  stream(
    "any origin, for a request with cookies",
    ["O01"],
    { head: { ...GOOD_HEADERS, "access-control-allow-origin": "*" } },
    { stream: { origin: ORIGIN }, target: { headers: { cookie: "a=b" } } },
  ),
  stream(
    "a preflight that does not know Last-Event-ID",
    ["O01"],
    { head: { ...GOOD_HEADERS, "access-control-allow-origin": "*" } },
    { stream: { origin: ORIGIN } },
  ),
  answering(
    "a refusal that another origin cannot see",
    ["C01", "O01"],
    (_, response) => void response.writeHead(403).end(),
    { stream: { origin: ORIGIN } },
  ),
  answering("a redirect to another host", ["O02"], (request, response) => {
    if (request.url === "/" && request.headers.host?.startsWith("127.") === true) {
      return void response
        .writeHead(307, { location: `http://localhost:${request.socket.localPort}/there` })
        .end();
    }
    ticking(request, response);
  }),
  {
    ...stream("a token in the URL", ["O02"], {}),
    start: async () => {
      const server = await serve((request, response) => void ticking(request, response));
      return { ...server, url: `${server.url}?access_token=abc` };
    },
  },
  answering(
    "events that come together at the end",
    ["B01"],
    (request, response) => {
      const kept: string[] = [];
      ticking(request, response, {
        write: (text) => void kept.push(text),
        messageOf: timedMessage,
        everyMs: 200,
      });
      response.write(": \n\n");
      every(3600, response, () => response.write(kept.splice(0).join("")));
    },
    { stream: { watchMs: 6000 } },
  ),
  answering(
    "events in blocks of several",
    ["B02"],
    (request, response) => {
      let kept: string[] = [];
      const sizes = [3, 5, 2, 4, 3, 6, 2];
      response.on("error", () => {});
      ticking(request, response, {
        everyMs: 200,
        messageOf: timedMessage,
        write(text) {
          kept.push(text);
          if (kept.length < sizes[0]!) return;
          sizes.push(sizes.shift()!);
          response.write(kept.join(""));
          kept = [];
        },
      });
    },
    { stream: { watchMs: 5000 } },
  ),
  answering("whole pages of 4096 bytes", ["B02"], (request, response) => {
    let kept = "";
    ticking(request, response, {
      everyMs: 60,
      messageOf: (n) => `id: ${n}\ndata: ${"x".repeat(700)}\n\n`,
      write(text) {
        kept += text;
        for (; kept.length >= 4096; kept = kept.slice(4096)) response.write(kept.slice(0, 4096));
      },
    });
    response.write(": \n\n");
  }),
  answering("messages that stop in their middle", ["B03"], (request, response) => {
    let rest = "";
    ticking(request, response, {
      everyMs: 600,
      messageOf: (n) => `id: ${n}\ndata: ${"x".repeat(5000)}\n\n`,
      write(text) {
        const all = rest + text;
        const cut = all.length < 100 ? all.length : all.length - 900;
        rest = all.slice(cut);
        response.write(all.slice(0, cut));
      },
    });
  }),
  answering("events passed on twice a second", ["B06"], (request, response) => {
    const kept: string[] = [];
    ticking(request, response, {
      everyMs: 120,
      messageOf: timedMessage,
      write: (text) => void kept.push(text),
    });
    response.write(": \n\n");
    every(500, response, () => response.write(kept.splice(0).join("")));
  }),
  answering("heartbeats that come several at a time", ["T04"], (request, response) => {
    ticking(request, response);
    every(1000, response, () => response.write(":\n\n:\n\n:\n\n"));
  }),
  answering("gzip without a flush", ["Z01"], compressed(false), { stream: { watchMs: 5000 } }),
  answering("gzip with a flush after each event", ["Z02"], compressed(true)),
  stream("no no-transform", ["Z03"], { head: { ...GOOD_HEADERS, "cache-control": "no-cache" } }),
  stream("Content-Encoding: none", ["Z04"], { head: { ...GOOD_HEADERS, "content-encoding": "none" } }),
  stream("no Cache-Control", ["K01", "Z03"], { head: without("cache-control") }),
  stream("max-age", ["K01"], {
    head: { ...GOOD_HEADERS, "cache-control": "public, max-age=60, no-transform" },
  }),
  stream("an answer out of a cache", ["K02"], { head: { ...GOOD_HEADERS, age: "12" } }),
  answering(
    "silence that is cut after 4.5 seconds",
    ["T01"],
    (request, response) => {
      const stop = ticking(request, response, { everyMs: 100 });
      setTimeout(stop, 350);
      setTimeout(() => response.destroy(), 5000);
    },
    { stream: { watchMs: 7000 } },
  ),
  answering("a stream that is cut at an age", ["T02"], (request, response) => {
    ticking(request, response);
    setTimeout(() => response.destroy(), 2000);
  }),
  answering(
    "no heartbeat in 26 seconds of silence",
    ["T03"],
    (request, response) => {
      const stop = ticking(request, response, { everyMs: 100 });
      setTimeout(stop, 350);
    },
    { stream: { watchMs: 4000, longMs: 27_000 } },
  ),
  answering(
    "five streams, and no more",
    ["L01"],
    (() => {
      let open = 0;
      return (request: IncomingMessage, response: ServerResponse) => {
        if (open === 5) return void response.writeHead(503).end();
        open++;
        response.on("close", () => open--);
        ticking(request, response);
      };
    })(),
    { stream: { streams: 8 } },
  ),
  stream("no ids", ["R01"], { messageOf: (n) => `data: ${n}\n\n` }),
  stream("a server that begins anew for who returns", ["R02"], { resumes: false }),
  answering("a server that sends the last message again", ["R02"], (request, response) => {
    const from = Number(request.headers["last-event-id"] ?? 1);
    ticking(request, response, {
      messageOf: (n) => `id: ${n + from - (n > from ? from : 0) - 1}\ndata: 1\n\n`,
      resumes: false,
    });
  }),
  stream("a reconnection time of 10 ms", ["R04"], { messageOf: (n) => `retry: 10\nid: ${n}\ndata: 1\n\n` }),
  stream("a reconnection time that is no number", ["R04"], {
    messageOf: (n) => `retry: 3s\nid: ${n}\ndata: 1\n\n`,
  }),
  answering(
    "two processes with a log each",
    ["R05"],
    (() => {
      let requests = 0;
      return (request: IncomingMessage, response: ServerResponse) => {
        const epoch = ["aaaaaaaaaaaA", "bbbbbbbbbbbB"][requests++ % 2]!;
        const from = /\.(\d+)$/.exec(String(request.headers["last-event-id"] ?? ""))?.[1] ?? "0";
        request.headers["last-event-id"] = from;
        ticking(request, response, {
          messageOf: (n) =>
            (requests > 2 ? "event: gap\ndata: {}\n\n" : "") + `id: ${epoch}.${n}\ndata: 1\n\n`,
        });
      };
    })(),
  ),
  answering(
    "every second request gets 502 with a page",
    ["R06"],
    (() => {
      let requests = 0;
      return (request: IncomingMessage, response: ServerResponse) => {
        if (requests++ % 2 === 0) return void ticking(request, response);
        response.writeHead(502, { "content-type": "text/html" }).end("<html>Bad gateway</html>");
      };
    })(),
  ),
  stream(
    "bytes that are not UTF-8",
    ["F01"],
    { messageOf: (n) => `id: ${n}\ndata: 1\n\n` },
    {
      start: () =>
        serve((request, response) => {
          ticking(request, response);
          response.write(Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0x0a, 0x0a]));
        }),
    },
  ),
  stream("a byte order mark in the middle", ["F01"], { messageOf: (n) => `id: ${n}\ndata: \uFEFF1\n\n` }),
  stream("JSON lines under the type of an event stream", ["F01"], { messageOf: (n) => `{"n":${n}}\n` }),
  answering("an end without a blank line", ["F01"], (request, response) => {
    const from = Number(request.headers["last-event-id"] ?? 0);
    response.writeHead(200, GOOD_HEADERS);
    response.end(
      [1, 2, 3]
        .map((n) => `id: ${from + n}\ndata: ${n}\n\n`)
        .join("")
        .trimEnd(),
    );
  }),
  answering(
    "an answer with foreign events, for the AI SDK",
    ["P01"],
    finite('data: {"type":"start"}\n\nevent: end\ndata: {"complete":true}\n\ndata: [DONE]\n\n', {
      ...GOOD_HEADERS,
      "x-vercel-ai-ui-message-stream": "v1",
    }),
    { profile: "ai-sdk" },
  ),
  answering(
    "an AI SDK answer without its header",
    ["P01"],
    finite('data: {"type":"start"}\n\ndata: [DONE]\n\n'),
    { profile: "ai-sdk" },
  ),
  answering("an OpenAI answer without [DONE]", ["P02"], finite('data: {"choices":[]}\n\n'), {
    profile: "openai",
  }),
  answering(
    "an Anthropic answer that breaks",
    ["P02"],
    (_, response) => {
      response.writeHead(200, GOOD_HEADERS);
      response.write('event: ping\ndata: {"type":"ping"}\n\n');
      setTimeout(() => response.destroy(), 100);
    },
    { profile: "anthropic" },
  ),
  stream(
    "a Mercure update without an id",
    ["P01", "R01"],
    { messageOf: (n) => `data: ${n}\n\n` },
    { profile: "mercure" },
  ),
];

function timedMessage(n: number): string {
  return `id: ${n}\ndata: {"ts":${Date.now()}}\n\n`;
}
