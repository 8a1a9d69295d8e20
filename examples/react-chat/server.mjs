/**
 * The server of this example: an answer that is streamed, a count that all pages see, and Vite for the pages.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { createHub, openStream } from "tidings/server";
import { createServer as createVite } from "vite";

const hub = createHub();
const crashed = new Set();
let running = 0;

const server = createServer((request, response) => {
  // A client may ask for what is no URL, where Vite throws.
  if (!URL.canParse(request.url, "http://localhost")) return void response.writeHead(400).end();
  if (request.url === "/api/chat" && request.method === "POST") {
    // What a client sends need not be JSON, nor come at all.
    return void chat(request, response).catch(() => response.headersSent || response.writeHead(400).end());
  }
  if (request.url === "/api/running") {
    return void hub.subscribe(request, response, {
      topics: ["running"],
      snapshot: () => ({ event: "running", data: running }),
    });
  }
  vite.middlewares(request, response);
});

async function chat(request, response) {
  const { q } = await json(request);
  if (typeof q !== "string") throw new TypeError("q is no text");
  const stream = openStream(request, response, async function* ({ signal }) {
    for (const token of answer(q)) {
      yield { data: { token } };
      // Whoever stops the answer stops what makes it.
      await wait(60, undefined, { signal });
    }
    yield { event: "done", data: {} };
  });
  await told(1);
  // As a server that crashes in the midst, the first time.
  if (q.includes("crash") && !crashed.has(q)) {
    setTimeout(() => {
      if (!stream.closed) crashed.add(q);
      response.destroy();
    }, 400);
  }
  await stream.ended;
  await told(-1);
}

function told(by) {
  running += by;
  return hub.publish("running", { event: "running", data: running });
}

/** What a language model would say. */
function answer(q) {
  const thought = "I have thought about it, one word after the other. ".repeat(q.includes("long") ? 50 : 1);
  return `You asked: ${q}. ${thought}That is what I can say. 谢谢你的问题。`.match(/\S+\s*/g);
}

const vite = await createVite({
  root: fileURLToPath(new URL(".", import.meta.url)),
  configFile: false,
  plugins: [react()],
  server: { middlewareMode: true, hmr: { server } },
  // In this repository the package is a link with a React beside it; in yours it is not, and this line may go.
  resolve: { dedupe: ["react", "react-dom"] },
});
const port = Number(process.env.PORT ?? 3002);
server.listen(port, "127.0.0.1");
await once(server, "listening").catch(({ code, message }) => {
  console.error(
    code === "EADDRINUSE" ? `Port ${port} is taken. Choose another: PORT=3012 npm start` : message,
  );
  process.exit(1);
});
console.log(`http://127.0.0.1:${server.address().port}`);

process.once("SIGTERM", () => void leave());

/** As a deployment ends it: the streams at an even pace, each told when to return, and then the process. */
async function leave() {
  server.close();
  await hub.drain({ overMs: 2000 });
  await vite.close();
  server.closeAllConnections();
}
