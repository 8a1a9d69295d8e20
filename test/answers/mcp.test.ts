/** MCP servers whose event store is ours: what a client missed while its stream was cut, it gets when it returns. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as client2 from "@modelcontextprotocol/client";
import { NodeStreamableHTTPServerTransport } from "@modelcontextprotocol/node";
import * as server2 from "@modelcontextprotocol/server";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as ClientTransport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer as McpServer1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport as ServerTransport1 } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { createMcpEvents, type McpEvents } from "tidings/integrations/mcp";
import { memoryLog } from "tidings/log";
import { afterEach, describe, expect, it } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

interface Transport {
  handleRequest(request: IncomingMessage, response: ServerResponse, body?: unknown): Promise<void>;
}

/** Serves sessions, each with a transport of its own. */
async function serve(open: (sessionId: string) => Promise<Transport>): Promise<string> {
  const sessions = new Map<string, Transport>();
  const server: Server = createServer((request, response) => {
    void (async () => {
      const given = request.headers["mcp-session-id"] as string | undefined;
      const sessionId = given ?? randomUUID();
      const transport = sessions.get(sessionId) ?? (await open(sessionId));
      sessions.set(sessionId, transport);
      await transport.handleRequest(request, response);
    })();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

/** A fetch whose responses break off after some events, as often as it may. */
function cutting(afterEvents: number, times: number): { fetch: typeof fetch; cuts: () => number } {
  let cuts = 0;
  return {
    cuts: () => cuts,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
      const isCall = typeof init?.body === "string" && init.body.includes("tools/call");
      const isReturn = new Headers(init?.headers).has("last-event-id");
      if (!isStream || (!isCall && !isReturn) || cuts >= times) return response;
      let events = 0;
      const decoder = new TextDecoder();
      const body = response.body!.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            controller.enqueue(chunk);
            events += decoder.decode(chunk).split("\n\n").length - 1;
            if (events < afterEvents) return;
            cuts += 1;
            controller.error(new Error("the network changed"));
          },
        }),
      );
      return new Response(body, { status: response.status, headers: response.headers });
    },
  };
}

const COUNT = 12;
const numbers = Array.from({ length: COUNT }, (_, i) => `number ${i}`);
const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

function openEvents(): McpEvents {
  const events = createMcpEvents({ log: memoryLog() });
  closers.push(() => events.close());
  return events;
}

describe("the event store of a session", () => {
  it("gives sdk 1 all notifications and the result, though its stream is cut", async () => {
    const events = openEvents();
    const url = await serve(async (sessionId) => {
      const server = new McpServer1({ name: "s", version: "1" }, { capabilities: { logging: {} } });
      server.registerTool("count", { description: "counts" }, async ({ sendNotification }) => {
        for (const data of numbers) {
          await sendNotification({ method: "notifications/message", params: { level: "info", data } });
          await wait(20);
        }
        return { content: [{ type: "text", text: "counted" }] };
      });
      const transport = new ServerTransport1({
        sessionIdGenerator: () => sessionId,
        eventStore: events.forSession(sessionId),
        retryInterval: 50,
      });
      await server.connect(transport);
      return transport;
    });
    const { fetch, cuts } = cutting(4, 3);
    const client = new Client1({ name: "c", version: "1" });
    closers.push(() => client.close());
    const seen: unknown[] = [];
    client.setNotificationHandler(
      LoggingMessageNotificationSchema,
      ({ params }) => void seen.push(params.data),
    );
    await client.connect(new ClientTransport1(new URL(url), { fetch }));
    const result = await client.callTool({ name: "count", arguments: {} });
    expect(result.content).toEqual([{ type: "text", text: "counted" }]);
    expect(seen).toEqual(numbers);
    expect(cuts()).toBe(3);
  });

  it("gives the split packages the same", async () => {
    const events = openEvents();
    const url = await serve(async (sessionId) => {
      const server = new server2.McpServer({ name: "s", version: "1" }, { capabilities: { logging: {} } });
      server.registerTool("count", { description: "counts" }, async (context) => {
        for (const data of numbers) {
          await context.mcpReq.notify({ method: "notifications/message", params: { level: "info", data } });
          await wait(20);
        }
        return { content: [{ type: "text", text: "counted" }] };
      });
      const transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: () => sessionId,
        eventStore: events.forSession(sessionId),
        retryInterval: 50,
      });
      await server.connect(transport);
      return transport;
    });
    const { fetch, cuts } = cutting(4, 3);
    const client = new client2.Client({ name: "c", version: "1" });
    closers.push(() => client.close());
    const seen: unknown[] = [];
    client.setNotificationHandler("notifications/message", ({ params }) => void seen.push(params.data));
    await client.connect(new client2.StreamableHTTPClientTransport(new URL(url), { fetch }));
    const result = await client.callTool({ name: "count", arguments: {} });
    expect(result.content).toEqual([{ type: "text", text: "counted" }]);
    expect(seen).toEqual(numbers);
    expect(cuts()).toBe(3);
  });

  it("does not know the events of another session, or of another log", async () => {
    const events = openEvents();
    const [ann, bob] = ["ann", "bob"].map((id) => events.forSession<object>(id));
    const id = await ann!.storeEvent("_GET_stream", { secret: 1 });
    await bob!.storeEvent("_GET_stream", { other: 1 });
    expect(await ann!.getStreamIdForEventId(id)).toBe("_GET_stream");
    expect(await bob!.getStreamIdForEventId(id)).toBeUndefined();
    expect(await ann!.getStreamIdForEventId("nonsense")).toBeUndefined();
    const sent: unknown[] = [];
    const send = async (_id: string, message: object): Promise<void> => void sent.push(message);
    await expect(bob!.replayEventsAfter(id, { send })).rejects.toThrow(/not an event of this session/);
    await ann!.storeEvent("_GET_stream", {});
    await ann!.storeEvent("_GET_stream", { n: 2 });
    await ann!.storeEvent("other stream", { n: 3 });
    expect(await ann!.replayEventsAfter(id, { send })).toBe("_GET_stream");
    expect(sent).toEqual([{ n: 2 }]);
  });

  it("says that an event is no longer kept, rather than leave some out", async () => {
    const events = createMcpEvents({ log: memoryLog(), retention: { messages: 2 } });
    closers.push(() => events.close());
    const store = events.forSession<object>("s");
    const id = await store.storeEvent("a", { n: 1 });
    for (let n = 2; n < 6; n += 1) await store.storeEvent("a", { n });
    expect(await store.getStreamIdForEventId(id)).toBeUndefined();
  });
});
