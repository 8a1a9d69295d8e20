/**
 * One of the servers of this example. They share a log in Redis and nothing else: a note that one of them takes is shown by both,
 * and a page may be with either.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { createClient } from "redis";
import { redisLog } from "tidings/log/redis";
import { createHub } from "tidings/server";

const { PORT = "3005", REDIS = "redis://127.0.0.1:6379", NAME = PORT, DRAIN_MS = "2000" } = process.env;
const client = createClient({ url: REDIS });
client.on("error", (error) => console.error(error.message));
await client.connect();

const hub = createHub({ log: redisLog(client), retention: { messages: 1_000 } });

const server = createServer((request, response) => {
  // A client may ask for "//", which is no URL.
  if (!URL.canParse(request.url, "http://localhost")) return void response.writeHead(400).end();
  const { pathname } = new URL(request.url, "http://localhost");
  response.setHeader("x-server", NAME);
  if (pathname === "/notes" && request.method === "POST") return void take(request, response);
  if (pathname === "/restart" && request.method === "POST") {
    response.writeHead(202).end();
    return void leave();
  }
  // A first request gets the newest notes; one that returns, those it has missed.
  if (pathname === "/notes")
    return void hub.subscribe(request, response, { topics: ["notes"], snapshot: newest });
  return file(pathname, response);
}).listen(Number(PORT), "127.0.0.1");
await once(server, "listening");
console.log("ready");

async function newest() {
  const notes = await client.lRange("notes", 0, 19);
  return notes.toReversed().map((note) => ({ event: "note", data: JSON.parse(note) }));
}

async function take(request, response) {
  try {
    const note = { id: randomUUID(), text: (await text(request)).slice(0, 200), by: NAME };
    // First the state, then the message: who comes in between has it twice, and knows it by its id.
    await client.multi().lPush("notes", JSON.stringify(note)).lTrim("notes", 0, 19).exec();
    await hub.publish("notes", { event: "note", data: note });
    response.writeHead(202).end();
  } catch (error) {
    response.writeHead(503).end(error.message);
  }
}

const PAGE = fileURLToPath(new URL("index.html", import.meta.url));
/** The package as the browser gets it: it needs no bundler. */
const PACKAGE = fileURLToPath(new URL("../", import.meta.resolve("tidings/server")));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript" };

function file(pathname, response) {
  const path = pathname === "/" ? PAGE : join(PACKAGE, pathname.replace(/^\/tidings/, ""));
  response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
  createReadStream(path)
    .on("error", () => response.writeHead(404).end())
    .pipe(response);
}

let leaving = false;
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => void leave());

async function leave() {
  if (leaving) return;
  leaving = true;
  // First: nginx then asks the other server.
  server.close();
  await hub.drain({ overMs: Number(DRAIN_MS), retryMs: [100, 1_000] });
  client.destroy();
  server.closeAllConnections();
}
