/** `hub.read` behind what people have: each recipe of docs/in-process.md with the package itself, cut off and taken up again. */
import "reflect-metadata";
import { createServer, type RequestListener, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { Controller, Headers, type MessageEvent, Module, Sse } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { createORPCClient } from "@orpc/client";
import { RPCLink } from "@orpc/client/fetch";
import { getEventMeta, os, type RouterClient, withEventMeta } from "@orpc/server";
import { RPCHandler } from "@orpc/server/node";
import { experimental_streamedQuery, QueryClient, QueryObserver } from "@tanstack/query-core";
import { createTRPCClient, httpSubscriptionLink } from "@trpc/client";
import { initTRPC, tracked } from "@trpc/server";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import type * as GraphQL from "graphql";
import { createClient } from "graphql-sse";
import { createHandler } from "graphql-sse/lib/use/http";
import { finalize, from, lastValueFrom, type Observable, take, toArray } from "rxjs";
import { connect, EventSource } from "tidings/client";
import { createHub, type Hub } from "tidings/server";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";

// Vite would take its other build, and graphql refuses to be there twice.
const { buildSchema } = createRequire(import.meta.url)("graphql") as typeof GraphQL;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

function openHub(): Hub {
  const hub = createHub();
  closers.push(() => hub.drain({ overMs: 0 }));
  return hub;
}

async function listen(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);

async function publish(hub: Hub, ns: readonly number[]): Promise<string[]> {
  const ids: string[] = [];
  for (const n of ns) ids.push((await hub.publish("prices", { event: "price", data: { n } })).id);
  return ids;
}

describe("hub.read() in a recipe", () => {
  it("of tRPC: tracked, and its client's own return", async () => {
    const hub = openHub();
    const t = initTRPC.create();
    const router = t.router({
      prices: t.procedure
        .input(z.object({ lastEventId: z.string().optional() }).optional())
        .subscription(async function* ({ input, signal }) {
          const after = input?.lastEventId;
          for await (const { id, data } of hub.read({ topics: ["prices"], after, signal })) {
            yield tracked(id, JSON.parse(data) as { n: number });
          }
        }),
    });
    const { url, server } = await listen(createHTTPHandler({ router }));
    const client = createTRPCClient<typeof router>({
      links: [httpSubscriptionLink({ url, EventSource: EventSource as never })],
    });
    const [lastEventId] = await publish(hub, [-1]);
    const seen: number[] = [];
    const subscription = client.prices.subscribe(
      { lastEventId },
      { onData: ({ data }) => void seen.push(data.n) },
    );
    closers.push(() => subscription.unsubscribe());
    await publish(hub, numbers(5));
    await expect.poll(() => seen).toEqual(numbers(5));
    server.closeAllConnections();
    await publish(hub, [5, 6, 7]);
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual(numbers(8));
  });

  it("of oRPC: event iterators, from the client's last event ID", async () => {
    const hub = openHub();
    const router = {
      prices: os.handler(async function* ({ lastEventId, signal }) {
        for await (const { id, data } of hub.read({ topics: ["prices"], after: lastEventId, signal })) {
          yield withEventMeta(JSON.parse(data) as { n: number }, { id });
        }
      }),
    };
    const handler = new RPCHandler(router);
    const { url } = await listen((request, response) => void handler.handle(request, response));
    const client = createORPCClient<RouterClient<typeof router>>(new RPCLink({ url }));
    const [first] = await publish(hub, numbers(3));
    const seen: number[] = [];
    let last = first;
    for (let round = 0; round < 2; round += 1) {
      const events = await client.prices(undefined, { ...(last !== undefined && { lastEventId: last }) });
      for await (const event of events) {
        seen.push(event.n);
        last = getEventMeta(event)?.id;
        if (seen.length % 2 === 0) break;
      }
      await publish(hub, [3 + round * 2, 4 + round * 2]);
    }
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it("of graphql-sse: the cursor is a field", async () => {
    const hub = openHub();
    const schema = buildSchema(`
      type Query { ok: Boolean }
      type Price { id: ID! n: Int! }
      type Subscription { price(after: ID): Price! }
    `);
    const field = schema.getSubscriptionType()!.getFields()["price"]!;
    field.subscribe = async function* (_source, { after }: { after?: string }) {
      for await (const { id, data } of hub.read({ topics: ["prices"], after })) {
        yield { price: { id, ...(JSON.parse(data) as { n: number }) } };
      }
    };
    const handler = createHandler({ schema });
    const { url } = await listen((request, response) => void handler(request, response));
    const client = createClient({ url });
    closers.push(() => client.dispose());
    const [after] = await publish(hub, numbers(3));
    const seen: number[] = [];
    const query = "subscription($after: ID) { price(after: $after) { id n } }";
    for await (const { data } of client.iterate({ query, variables: { after } })) {
      seen.push((data as { price: { n: number } }).price.n);
      if (seen.length === 2) await publish(hub, [3]);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([1, 2, 3]);
  });

  it("of Nest: an Observable for @Sse, from the cursor on, which leaves the hub when its client does", async () => {
    const hub = openHub();
    const [first] = await publish(hub, numbers(3));
    const application = await NestFactory.create(nestModule(hub), { logger: ["error"] });
    await application.listen(0, "127.0.0.1");
    closers.push(() => application.close());
    const seen: [string, string][] = [];
    const connection = connect(`${await application.getUrl()}/prices`, {
      lastEventId: first!,
      retry: { baseMs: 100, capMs: 200 },
      onMessage: ({ event, data }) => {
        seen.push([event, data]);
        // It returns from where it was.
        if (seen.length === 2) connection.reconnect();
      },
    });
    await expect.poll(() => seen.length).toBe(2);
    await publish(hub, [3, 4]);
    await expect.poll(() => seen).toEqual([1, 2, 3, 4].map((n) => ["price", `{"n":${n}}`]));
    connection.close();
    await expect.poll(() => hub.stats().routes).toBe(0);
  });

  it("of any Observable", async () => {
    const hub = openHub();
    await publish(hub, numbers(3));
    const events = from(hub.read({ topics: ["prices"], from: "earliest" })).pipe(take(2), toArray());
    const seen = await lastValueFrom(events);
    expect(seen.map(({ event, data }) => [event, JSON.parse(data)])).toEqual([
      ["price", { n: 0 }],
      ["price", { n: 1 }],
    ]);
    await expect.poll(() => hub.stats().routes).toBe(0);
  });

  it("of TanStack Query: the newest messages are the data, and the stream ends when it is cancelled", async () => {
    const hub = openHub();
    const { url } = await listen((request, response) => {
      void hub.subscribe(request, response, { topics: ["prices"], from: "earliest" });
    });
    await publish(hub, numbers(3));
    const client = new QueryClient();
    const query = new QueryObserver(client, {
      queryKey: ["prices"],
      queryFn: experimental_streamedQuery({
        streamFn: ({ signal }) => connect<{ price: { n: number } }>(url, { json: true, signal }),
        reducer: (newest: { data: { n: number } }[], message) => [...newest.slice(-3), message],
        initialValue: [],
      }),
    });
    closers.push(query.subscribe(() => undefined));
    const shown = (): number[] | undefined => query.getCurrentResult().data?.map(({ data }) => data.n);
    await expect.poll(shown).toEqual([0, 1, 2]);
    await publish(hub, [3, 4]);
    await expect.poll(shown).toEqual([1, 2, 3, 4]);
    await client.cancelQueries({ queryKey: ["prices"] });
    await expect.poll(() => hub.stats().streams).toBe(0);
    client.clear();
  });
});

/** What `@Sse("prices") prices(@Headers("last-event-id") after?: string)` says, without decorator syntax. */
function nestModule(hub: Hub): new () => object {
  async function* events(after: string | undefined, signal: AbortSignal): AsyncGenerator<MessageEvent> {
    for await (const { id, event, data } of hub.read({ topics: ["prices"], after, signal })) {
      yield { id, type: event, data };
    }
  }
  class Prices {
    prices(after?: string): Observable<MessageEvent> {
      const abort = new AbortController();
      return from(events(after, abort.signal)).pipe(finalize(() => abort.abort()));
    }
  }
  Sse("prices")(Prices.prototype, "prices", Object.getOwnPropertyDescriptor(Prices.prototype, "prices")!);
  Headers("last-event-id")(Prices.prototype, "prices", 0);
  Controller()(Prices);
  // oxlint-disable-next-line typescript/no-extraneous-class -- what Nest calls a module is an empty class
  class Application {}
  Module({ controllers: [Prices] })(Application);
  return Application;
}
