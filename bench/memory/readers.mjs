/**
 * What a reader costs, told apart: the stream itself, what a reader that reads nothing has beside it, and the pages of the log that all
 * of them share. Its arguments: whether they read, the bytes of a message, and how many the log has.
 *
 * Pages are those that the hub counts in `blockedBytes`. What each reader has of its own is the difference between 60 and 300 of them,
 * since code that was compiled and tables that were made are there with the first. Their other ends have a heap of their own.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { Worker } from "node:worker_threads";
import { createHub } from "tidings/server";

const SOME = 60;
const ALL = 300;
const reads = process.argv[2] === "reads";
const [bytes, messages] = process.argv.slice(3).map(Number);
const pause = (ms) => new Promise((resolve) => void setTimeout(resolve, ms));

const hub = createHub();
for (let n = 0; n < messages; n += 1) await hub.publish("a", { data: "x".repeat(bytes) });
const http = createServer(
  (request, response) => void hub.subscribe(request, response, { topics: ["a"], from: "earliest" }),
);
await once(http.listen(0, "127.0.0.1"), "listening");
const clients = new Worker(
  `const { connect } = require("node:net");
   const { parentPort } = require("node:worker_threads");
   // A socket that reads nothing keeps no thread alive.
   setInterval(() => undefined, 60_000);
   let taken = 0;
   let sockets = [];
   const ask = () => {
     const socket = connect(${http.address().port}, "127.0.0.1").on("error", () => undefined);
     if (${reads}) socket.on("data", (chunk) => { taken += chunk.length; });
     else socket.pause();
     socket.write("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n");
     return socket;
   };
   parentPort.on("message", (more) => {
     if (more > 0) sockets.push(...Array.from({ length: more }, ask));
     if (more < 0) {
       for (const socket of sockets) socket.destroy();
       sockets = [];
       taken = 0;
     }
     parentPort.postMessage(taken);
   });`,
  { eval: true },
);

/** @param more - Readers to open; none, to ask only; negative, to close all. @returns Bytes that all of them were sent. */
async function tell(more) {
  clients.postMessage(more);
  return (await once(clients, "message"))[0];
}

/** What the process holds beside the pages that readers share, and those. */
async function measure(readers) {
  if (readers > 0) await tell(readers - hub.stats().streams);
  while (hub.stats().streams !== readers) await pause(20);
  if (reads) while ((await tell(0)) < readers * bytes * messages) await pause(20);
  else while (hub.stats().blockedStreams < readers) await pause(20);
  // Pages that were read last are kept for 10 seconds.
  await pause(11_000);
  // Native parts are let go of in one collection, and freed in the next.
  global.gc();
  global.gc();
  const { heapUsed, external } = process.memoryUsage();
  const pages = hub.stats().blockedBytes;
  return { held: heapUsed + external - pages, pages };
}

// So that the code is warm.
await measure(10);
await tell(-1);
await measure(0);
const some = await measure(SOME);
const all = await measure(ALL);
process.send({ each: (all.held - some.held) / (ALL - SOME), pages: all.pages }, () => process.exit());
