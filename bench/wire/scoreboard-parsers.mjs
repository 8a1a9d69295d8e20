/**
 * Other parsers and clients under the vectors. Each reads a stream in given chunks and says which messages it saw: a parser
 * through its own interface, a client from a response (or a request of XMLHttpRequest's form) that answers with the chunks.
 * `shows` are the fields of a message that it gives to its user; the others are not compared.
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { streamOf } from "./parsers.mjs";

const require = createRequire(import.meta.url);
const ADDRESS = "http://tidings.example/";
/** For clients that tell of no end: by then they have read everything, or never will. */
const LONG_ENOUGH_MS = 250;

/** @returns A list of `{ name, version, shows, read(chunks, types) }`; `types` are the event types to listen for. */
export async function parsersToScore(tidings) {
  return [
    {
      name: "tidings",
      version: "",
      shows: ["event", "data", "id"],
      async read(chunks) {
        const messages = [];
        const parser = tidings.createParser({ onMessage: (message) => messages.push(message) });
        for (const chunk of chunks) parser.push(chunk);
        return messages;
      },
    },
    await eventSourceParser("eventsource-parser-3"),
    await eventSourceParser("eventsource-parser-4"),
    await eventsource(),
    await fetchEventSource(),
    undici(),
    eventSourcePolyfill(),
    await eventSourcePlus(),
    launchDarkly(),
    await openai(),
    await sseJs(),
    await fetchEventStream(),
    await parseSse(),
  ];
}

async function eventSourceParser(alias) {
  const { createParser } = await import(alias);
  return {
    ...named(alias, "eventsource-parser"),
    shows: ["event", "data"],
    async read(chunks) {
      const messages = [];
      const parser = createParser({
        onEvent: ({ event, data }) => messages.push({ event: event ?? "message", data }),
      });
      const decoder = new TextDecoder();
      for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
      return messages;
    },
  };
}

async function eventsource() {
  const { EventSource } = await import("eventsource");
  return {
    ...named("eventsource"),
    shows: ["event", "data", "id"],
    read: (chunks, types) =>
      listen(
        types,
        (finish) =>
          new EventSource(ADDRESS, { fetch: async () => (finish.first() ? response(chunks) : never()) }),
      ),
  };
}

async function fetchEventSource() {
  const { getLines, getMessages } = await import("@microsoft/fetch-event-source/lib/esm/parse.js");
  return {
    ...named("@microsoft/fetch-event-source"),
    shows: ["event", "data"],
    async read(chunks) {
      const messages = [];
      const take = ({ event, data }) => messages.push({ event: event || "message", data });
      const read = getLines(
        getMessages(
          () => {},
          () => {},
          take,
        ),
      );
      for (const chunk of chunks) read(chunk);
      return messages;
    },
  };
}

function undici() {
  const { EventSourceStream } = require("undici/lib/web/eventsource/eventsource-stream.js");
  return {
    ...named("undici"),
    shows: ["event", "data", "id"],
    async read(chunks) {
      const messages = [];
      const stream = new EventSourceStream({
        eventSourceSettings: { lastEventId: "", origin: "", reconnectionTime: 3000 },
        push: ({ type, options }) =>
          messages.push({ event: type, data: options.data, id: options.lastEventId }),
      });
      for (const chunk of chunks) stream._transform(Buffer.from(chunk), undefined, rethrow);
      return messages;
    },
  };
}

function eventSourcePolyfill() {
  // It takes the globals when it is loaded.
  let answer;
  const own = globalThis.fetch;
  globalThis.fetch = (...args) => answer(...args);
  const { EventSourcePolyfill } = require("event-source-polyfill");
  globalThis.fetch = own;
  return {
    ...named("event-source-polyfill"),
    shows: ["event", "data", "id"],
    read: (chunks, types) =>
      listen(types, (finish) => {
        answer = async () => (finish.first() ? response(chunks) : never());
        return new EventSourcePolyfill(ADDRESS);
      }),
  };
}

async function eventSourcePlus() {
  const { EventSourcePlus } = await import("event-source-plus");
  return {
    ...named("event-source-plus"),
    shows: ["event", "data"],
    read: (chunks) =>
      new Promise((resolve) => {
        const messages = [];
        let asked = 0;
        const source = new EventSourcePlus(ADDRESS, {
          fetch: async () => {
            if (asked++ === 0) return response(chunks);
            resolve(messages);
            controller.abort();
            return never();
          },
        });
        const controller = source.listen({
          onMessage: ({ event, data }) => messages.push({ event: event || "message", data }),
        });
        setTimeout(() => (controller.abort(), resolve(messages)), LONG_ENOUGH_MS);
      }),
  };
}

function launchDarkly() {
  const { EventSource } = require("launchdarkly-eventsource");
  return {
    ...named("launchdarkly-eventsource"),
    shows: ["event", "data", "id"],
    async read(chunks, types) {
      const server = createServer((request, answer) => void answerWith(answer));
      async function answerWith(answer) {
        answer.writeHead(200, { "content-type": "text/event-stream" });
        answer.flushHeaders();
        for (const chunk of chunks) {
          answer.write(chunk);
          // A packet each, as far as the machine lets it be.
          if (chunks.length < 10) await new Promise((resolve) => setImmediate(resolve));
        }
        answer.end();
      }
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      try {
        return await listen(
          types,
          () =>
            new EventSource(`http://127.0.0.1:${server.address().port}/`, {
              initialRetryDelayMillis: 60_000,
            }),
          ["error", "end", "closed", "retrying"],
        );
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

async function openai() {
  const { _iterSSEMessages } = await import("openai/core/streaming");
  return {
    ...named("openai"),
    shows: ["event", "data"],
    async read(chunks) {
      const messages = [];
      for await (const { event, data } of _iterSSEMessages(response(chunks), new AbortController())) {
        messages.push({ event: event || "message", data });
      }
      return messages;
    },
  };
}

async function sseJs() {
  const { SSE } = await import("sse.js");
  return {
    ...named("sse.js"),
    shows: ["event", "data", "id"],
    read(chunks, types) {
      globalThis.XMLHttpRequest = requestOf(chunks);
      globalThis.CustomEvent ??= class extends Event {};
      return listen(
        types,
        () => new SSE(ADDRESS),
        ["load", "readystatechange", "error"],
        ({ type, readyState }) => type !== "readystatechange" || readyState === 2,
      );
    },
  };
}

async function fetchEventStream() {
  const { events } = await import("fetch-event-stream");
  return {
    ...named("fetch-event-stream"),
    shows: ["event", "data"],
    async read(chunks) {
      const messages = [];
      for await (const { event, data } of events(response(chunks)))
        messages.push({ event: event ?? "message", data });
      return messages;
    },
  };
}

async function parseSse() {
  const { parseServerSentEvents } = await import("parse-sse");
  return {
    ...named("parse-sse"),
    shows: ["event", "data", "id"],
    async read(chunks) {
      const messages = [];
      for await (const { type, data, lastEventId } of parseServerSentEvents(response(chunks))) {
        messages.push({ event: type, data, id: lastEventId });
      }
      return messages;
    },
  };
}

/** What an EventSource-like object dispatches, until one of `ends` says that the response is over. */
function listen(types, create, ends = ["error"], isEnd = () => true) {
  return new Promise((resolve) => {
    const messages = [];
    let asked = 0;
    let source;
    const timer = setTimeout(finish, LONG_ENOUGH_MS);
    function finish() {
      clearTimeout(timer);
      source.close();
      resolve(messages);
    }
    source = create({
      first: () => {
        if (asked++ === 0) return true;
        finish();
        return false;
      },
    });
    for (const type of types) {
      source.addEventListener(type, (event) => {
        if (typeof event.data === "string")
          messages.push({ event: type, data: event.data, id: event.lastEventId });
      });
    }
    for (const type of ends) {
      source.addEventListener(type, (event) => {
        // What the stream calls `error` carries data, and is no end.
        if (typeof event.data !== "string" && isEnd(event)) setImmediate(finish);
      });
    }
  });
}

/** A request whose text grows chunk by chunk, decoded as browsers decode it. */
function requestOf(chunks) {
  return class XMLHttpRequest extends EventTarget {
    static HEADERS_RECEIVED = 2;
    static LOADING = 3;
    static DONE = 4;
    readyState = 0;
    status = 200;
    responseText = "";
    open() {}
    setRequestHeader() {}
    abort() {}
    getAllResponseHeaders() {
      return "content-type: text/event-stream\r\n";
    }
    async send() {
      await Promise.resolve();
      this.readyState = 2;
      this.dispatchEvent(new Event("readystatechange"));
      const decoder = new TextDecoder();
      for (const chunk of chunks) {
        this.readyState = 3;
        this.responseText += decoder.decode(chunk, { stream: true });
        this.dispatchEvent(new Event("progress"));
      }
      this.readyState = 4;
      this.dispatchEvent(new Event("load"));
    }
  };
}

function response(chunks) {
  const answer = new Response(streamOf(chunks), { headers: { "content-type": "text/event-stream" } });
  Object.defineProperty(answer, "url", { value: ADDRESS });
  return answer;
}

function never() {
  return new Promise(() => {});
}

function rethrow(error) {
  if (error) throw error;
}

function named(installed, name = installed) {
  const paths = require.resolve.paths(installed).map((folder) => `${folder}/${installed}/package.json`);
  for (const path of paths) {
    try {
      return { name, version: require(path).version };
    } catch {}
  }
  throw new Error(`Cannot find the version of ${installed}`);
}
