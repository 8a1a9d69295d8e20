/** One server of the comparison, in its process. It is told what to publish, and tells what it used. */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createHub } from "../../packages/tidings/dist/server/index.js";

const require = createRequire(import.meta.url);
const [name] = process.argv.slice(2);
const side = create(name);

const server = createServer(side.listener);
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));

process.on("message", (question) => void answer(question));

async function answer({ ask, publish: count, perTurn }) {
  if (ask === "usage") {
    globalThis.gc();
    const { user, system } = process.cpuUsage();
    return process.send({ cpuUs: user + system, memory: process.memoryUsage().rss });
  }
  for (let i = 0; i < count; i += perTurn) {
    side.publish(Array.from({ length: perTurn }, (_, n) => message(i + n)));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  process.send({ done: true });
}

function message(i) {
  const bid = ((i * 7_919) % 50_000) / 100;
  return {
    symbol: ["AAPL", "MSFT", "GOOG", "TSLA"][i % 4],
    bid,
    ask: bid + 0.02,
    at: 1_764_000_000_000 + i * 37,
    venue: "XNAS",
  };
}

function create(name) {
  if (name === "compression middleware") return behindMiddleware();
  const compression = {
    hub: false,
    "hub, shared gzip": true,
    "hub, gzip per stream": { perStream: true },
  }[name];
  const hub = createHub({ compression });
  return {
    listener: (request, response) => void hub.subscribe(request, response, { topics: ["a"] }),
    publish: (all) => void hub.publish(all.map((data) => ({ topic: "a", data }))),
  };
}

function behindMiddleware() {
  const compress = require("compression")({ threshold: 0 });
  const responses = new Set();
  let id = 0;
  return {
    listener: (request, response) =>
      compress(request, response, () => {
        response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
        response.write(":\n\n");
        response.flush();
        responses.add(response);
      }),
    publish(all) {
      for (const data of all) {
        const text = `id: abcdefghijkl.${(id += 1)}\ndata: ${JSON.stringify(data)}\n\n`;
        for (const response of responses) {
          response.write(text);
          response.flush();
        }
      }
    },
  };
}
