/**
 * The server of this example: prices that every page sees, in a log on disk, so that a restart loses none of them.
 * SIGTERM, as a deployment sends it, ends the streams at an even pace, each told when to return, and then the process.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import express from "express";
import { open } from "lmdb";
import { lmdbLog } from "tidings/log/lmdb";
import { createHub } from "tidings/server";

const env = open({
  path: process.env.LOG ?? fileURLToPath(new URL("log", import.meta.url)),
  overlappingSync: false,
  eventTurnBatching: false,
});
const hub = createHub({ log: lmdbLog(env), retention: { messages: 10_000, ageMs: 3_600_000 } });

const app = express();
app.use(express.json());
app.get("/", (_request, response) =>
  response.sendFile(fileURLToPath(new URL("index.html", import.meta.url))),
);
app.get("/prices", (request, response) => hub.subscribe(request, response, { topics: ["prices"] }));
app.post("/prices", (request, response, next) => {
  const publishing = hub.publish("prices", { event: "price", data: request.body });
  publishing.then(({ id }) => response.status(202).json({ id }), next);
});

const port = Number(process.env.PORT ?? 3003);
const server = createServer(app).listen(port, "127.0.0.1");
await once(server, "listening").catch(({ code, message }) => {
  console.error(
    code === "EADDRINUSE" ? `Port ${port} is taken. Choose another: PORT=3013 npm start` : message,
  );
  process.exit(1);
});
console.log(`http://127.0.0.1:${server.address().port}`);

// Prices of its own, unless it is told to wait for others'.
let price = 100;
const ticking =
  process.env.TICK_MS === "0"
    ? undefined
    : setInterval(
        () => {
          price = Math.max(1, price + Math.random() - 0.5);
          hub
            .publish("prices", { event: "price", data: { bid: Number(price.toFixed(2)) } })
            // Such as a full disk: the next price is tried all the same.
            .catch((error) => console.error(error.message));
        },
        Number(process.env.TICK_MS ?? 1000),
      );

for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void leave());

async function leave() {
  clearInterval(ticking);
  server.close();
  // All of them at once would come back at once: over this time they leave, and each is told another moment to return.
  await hub.drain({ overMs: Number(process.env.DRAIN_MS ?? 5000), retryMs: [500, 3000] });
  server.closeAllConnections();
  await env.close();
}
