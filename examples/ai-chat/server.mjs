/**
 * One of the servers of this example. All of them share one LMDB environment: the chats, and the answers under way. Whichever of
 * them a request reaches can start an answer, join one that another server produces, or stop it.
 */
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { json } from "node:stream/consumers";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { convertToModelMessages, generateId, streamText } from "ai";
import { open } from "lmdb";
import { aiSdk } from "tidings/dialects";
import { lmdbLog } from "tidings/log/lmdb";
import { createAnswers } from "tidings/server";

const { PORT = "0", DATA = "data", MODEL, PAGES = "dist" } = process.env;
const environment = open({ path: DATA, overlappingSync: false, eventTurnBatching: false });
/** By the chat's id: its messages, and the id of its newest answer. */
const chats = environment.openDB("chats");
const answers = createAnswers({ log: lmdbLog(environment), dialect: aiSdk(), leaseMs: 2_000 });
const model = createOpenAICompatible({ name: "fake", baseURL: MODEL })("fake");

const server = createServer((request, response) => {
  const [, api, , chatId] = request.url.split("/");
  if (api !== "api") return page(request, response);
  route(request, response, chatId).catch((error) => {
    console.error(error);
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end();
  });
});

/** @param chatId - Absent for the POST of a question. */
async function route(request, response, chatId) {
  if (request.method === "POST") return ask(request, response);
  if (!isId(chatId)) return void response.writeHead(404).end();
  const { answerId = "none", messages = [] } = chats.get(chatId) ?? {};
  if (request.method === "DELETE") {
    await answers.stop(answerId);
    response.writeHead(204).end();
  } else if (request.url.endsWith("/stream")) {
    await answers.resume(request, response, answerId);
  } else {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(messages));
  }
}

async function ask(request, response) {
  // What a client sends need not be JSON, nor come at all.
  const { id: chatId, messages } = (await json(request).catch(() => undefined)) ?? {};
  if (!isId(chatId) || !Array.isArray(messages) || messages.length === 0)
    return void response.writeHead(400).end();
  const answerId = `${chatId}-${generateId()}`;
  await chats.put(chatId, { answerId, messages });
  await answers.resumable(request, response, answerId, async ({ signal }) => {
    const prompt = await convertToModelMessages(messages);
    return streamText({ model, messages: prompt, abortSignal: signal }).toUIMessageStream({
      originalMessages: messages,
      generateMessageId: generateId,
      onEnd: ({ messages }) => chats.put(chatId, { answerId, messages }),
    });
  });
}

function isId(value) {
  return typeof value === "string" && value !== "" && value.length <= 100;
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

function page({ url }, response) {
  // A client may ask for "//", which is no URL.
  if (!URL.canParse(url, "http://localhost")) return void response.writeHead(400).end();
  const { pathname } = new URL(url, "http://localhost");
  const file = pathname.startsWith("/assets/") ? pathname : "/index.html";
  response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
  createReadStream(join(PAGES, file))
    .on("error", () => response.writeHead(404).end())
    .pipe(response);
}

server.listen(Number(PORT), "127.0.0.1", () => console.log(server.address().port));
process.once("SIGTERM", () => void leave());

async function leave() {
  server.close();
  await answers.close({ graceMs: 10_000 });
  server.closeAllConnections();
}
