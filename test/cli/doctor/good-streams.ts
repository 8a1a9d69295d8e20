/**
 * Streams that are as they should be: the doctor finds nothing on them.
 */
import { createHub, openStream } from "../../../packages/tidings/src/server/index.ts";
import { GOOD_HEADERS, serve, type Setup, type Started } from "./setup.ts";
import { answering, finite, stream } from "./stream-setups.ts";

async function hubServer(): Promise<Started> {
  const hub = createHub();
  let n = 0;
  const timer = setInterval(() => void hub.publish("ticks", { data: String(++n) }), 300);
  const server = await serve(
    (request, response) => void hub.subscribe(request, response, { topics: ["ticks"], from: "earliest" }),
  );
  return {
    url: server.url,
    async stop() {
      clearInterval(timer);
      await server.stop();
      await hub.drain({ overMs: 0 });
    },
  };
}

export const goodStreams: readonly Setup[] = [
  stream("a plain server that keeps to the rules", [], {}),
  { name: "a hub", finds: [], start: hubServer },
  answering("openStream of a generator", [], (request, response) => {
    let n = Number(request.headers["last-event-id"] ?? 0);
    openStream(request, response, async function* () {
      for (;;) {
        yield { id: String(++n), data: { n } };
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    });
  }),
  stream("a stream with a reconnection time, over a slow second", [], {
    messageOf: (n) => `retry: 2000\nid: ${n}\ndata: {"n":${n}}\n\n`,
  }),
  stream("messages with the time of their sending", [], {
    everyMs: 250,
    messageOf: (n) => `id: ${n}\ndata: {"ts":${Date.now()}}\n\n`,
  }),
  answering(
    "an AI SDK answer",
    [],
    finite(
      'data: {"type":"start"}\n\ndata: {"type":"text-delta","id":"1","delta":"a"}\n\ndata: {"type":"finish"}\n\ndata: [DONE]\n\n',
      { ...GOOD_HEADERS, "x-vercel-ai-ui-message-stream": "v1" },
    ),
    { profile: "ai-sdk" },
  ),
  answering(
    "an OpenAI answer",
    [],
    finite('data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n'),
    { profile: "openai" },
  ),
  answering(
    "an Anthropic answer",
    [],
    finite('event: ping\ndata: {"type":"ping"}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'),
    { profile: "anthropic" },
  ),
  answering(
    "an MCP server that answers with a stream",
    [],
    finite('id: 1\ndata: \n\nid: 2\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'),
    { profile: "mcp" },
  ),
  answering(
    "an MCP server that answers with JSON",
    [],
    finite('{"jsonrpc":"2.0","id":1,"result":{}}', { "content-type": "application/json" }),
    { profile: "mcp" },
  ),
  stream(
    "a page of another origin, allowed",
    [],
    {
      head: {
        ...GOOD_HEADERS,
        "access-control-allow-origin": "*",
        "access-control-allow-headers": "last-event-id",
      },
    },
    { stream: { origin: "https://app.example.com" } },
  ),
  stream("ten streams at once", [], {}, { stream: { streams: 10 } }),
];
