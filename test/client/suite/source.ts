/**
 * The standard's EventSource.
 */
import { type Case, equal, ok, sleep, soon, type World } from "./world.ts";

const define = (name: string, run: Case["run"]): Case => ({
  name: `EventSource: ${name}`,
  door: "EventSource",
  run,
});

type Source = InstanceType<World["EventSource"]>;
const event = (source: Source, type: string): Promise<MessageEvent> =>
  soon(`event ${type}`, new Promise((resolve) => source.addEventListener(type, resolve, { once: true })));

export const source: readonly Case[] = [
  define("messages have data, type, last event ID and origin", async ({ EventSource, script, origin }) => {
    const site = await script({
      body: ["\uFEFFid: 七\ndata: 你\ndata: 好\n\nevent: price\ndata: 1\n\n"],
      then: "stay",
    });
    const source = new EventSource(site.url);
    equal([source.readyState, source.url, source.withCredentials], [0, site.url, false]);
    const seen: unknown[] = [];
    source.onopen = () => seen.push(`open ${source.readyState}`);
    source.onmessage = ({ data, lastEventId, origin }) => seen.push([data, lastEventId, origin]);
    const price = await event(source, "price");
    equal(seen, ["open 1", ["你\n好", "七", origin]]);
    equal([price.type, price.data, price.lastEventId], ["price", "1", "七"]);
    source.close();
    equal(source.readyState, 2);
    await site.until("that it left", ([request]) => request!.state === "left");
  }),

  define("text is whole wherever its bytes are cut", async ({ EventSource, script }) => {
    const site = await script({ body: ["data: 你好🙂\n\n"], chunkBytes: 1, then: "stay" });
    const source = new EventSource(site.url);
    equal((await event(source, "message")).data, "你好🙂");
    source.close();
  }),

  define(
    "an ended stream returns with its last event ID, after its reconnection time",
    async ({ EventSource, script }) => {
      const site = await script(
        { body: ["retry: 1100\nid: 7\ndata: 1\n\n"] },
        { body: [{ data: "2" }], then: "stay" },
      );
      const source = new EventSource(site.url);
      const states: number[] = [];
      source.addEventListener("error", () => states.push(source.readyState));
      await event(source, "message");
      equal((await event(source, "message")).data, "2");
      source.close();
      const [first, second] = await site.requests();
      equal([states, second!.lastEventId], [[0], "7"]);
      ok(second!.atMs - first!.atMs >= 1080, `it returned after ${second!.atMs - first!.atMs} ms`);
    },
  ),

  define("what is no event stream fails it for good", async ({ EventSource, script }) => {
    const html = { headers: { "content-type": "text/html" }, body: "data: 1\n\n" };
    for (const answer of [{ status: 204 }, { status: 500, body: "down" }, html]) {
      const site = await script(answer);
      const source = new EventSource(site.url);
      await event(source, "error");
      equal(source.readyState, 2, `the state after ${JSON.stringify(answer)}`);
      equal((await site.requests()).length, 1);
    }
  }),

  define("close() is final", async ({ EventSource, script }) => {
    const steps = Array.from({ length: 30 }, (_, n) => [{ data: String(n) }, { waitMs: 10 }]).flat();
    const site = await script({ body: steps }, { body: steps });
    const source = new EventSource(site.url);
    let after = 0;
    await event(source, "message");
    source.close();
    for (const type of ["message", "error", "open"]) source.addEventListener(type, () => after++);
    await sleep(150);
    equal([after, source.readyState, (await site.requests()).length], [0, 2, 1]);
  }),

  define("headers, method and body may be given", async ({ EventSource, script }) => {
    const site = await script({ body: [{ data: "1" }], then: "stay" });
    const source = new EventSource(site.url, {
      method: "POST",
      headers: { authorization: "Bearer x" },
      body: { q: "好" },
    });
    await event(source, "message");
    source.close();
    const [{ method, headers, body }] = (await site.requests()) as [
      Awaited<ReturnType<typeof site.requests>>[0],
    ];
    equal([method, headers["authorization"], body], ["POST", "Bearer x", '{"q":"好"}']);
  }),

  define("a redirect is followed", async ({ EventSource, script, origin }) => {
    const there = await script({ body: [{ data: "here" }], then: "stay" });
    const site = await script({ status: 302, headers: { location: there.path } });
    const source = new EventSource(site.url);
    const message = await event(source, "message");
    source.close();
    equal([message.data, message.origin, source.url], ["here", origin, site.url]);
  }),

  define("a stream of bytes may be given instead of a URL", async ({ EventSource }) => {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("data: 好\n\n"));
        controller.close();
      },
    });
    const source = EventSource.fromReadableStream(stream);
    equal((await event(source, "message")).data, "好");
    if (source.readyState !== 2) await event(source, "error");
    equal(source.readyState, 2);
  }),

  define("a relative URL is resolved against the page or the worker", async ({ EventSource, script }) => {
    const site = await script({ body: [{ data: "1" }], then: "stay" });
    const source = new EventSource(site.path);
    await event(source, "message");
    source.close();
    equal(source.url, site.url);
  }),

  define("where there is no page, a relative URL is a SyntaxError", async ({ EventSource }) => {
    let name = "";
    try {
      equal(new EventSource("/somewhere").readyState, "nothing");
    } catch (error) {
      ({ name } = error as Error);
    }
    equal(name, "SyntaxError");
  }),
];
