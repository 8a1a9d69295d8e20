/** `hub.read` behind what people have: each recipe of docs/in-process.md with the package itself, cut off and taken up again. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { createORPCClient } from "@orpc/client";
import { RPCLink } from "@orpc/client/fetch";
import { getEventMeta, os, type RouterClient, withEventMeta } from "@orpc/server";
import { RPCHandler } from "@orpc/server/node";
import { createTRPCClient, httpSubscriptionLink } from "@trpc/client";
import { initTRPC, tracked } from "@trpc/server";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import type * as GraphQL from "graphql";
import { createClient } from "graphql-sse";
import { createHandler } from "graphql-sse/lib/use/http";
import { from, lastValueFrom, take, toArray } from "rxjs";
import { EventSource } from "tidings/client";
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

  it("of Nest: an Observable, which leaves the hub when it is unsubscribed", async () => {
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
});
