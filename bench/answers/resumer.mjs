/**
 * A process that returns to answers one after the other, and does nothing else: what it measures is not its own reading. For each URL that it
 * is sent it says how many milliseconds lie between the request, over a connection that is open, and the first message.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { sleep } from "./processes.mjs";

/** Waited for at most, and then counted as it is. */
const PATIENCE_MS = 10_000;

async function measureAll(urls) {
  const times = [];
  for (const url of urls) {
    times.push(await measure(new URL(url)));
    await sleep(5);
  }
  process.send(times);
}

process.on("message", (urls) => void measureAll(urls));
process.on("disconnect", () => process.exit());

async function measure({ hostname, port, pathname, host }) {
  const socket = connect(Number(port), hostname).setNoDelay();
  await once(socket, "connect");
  const startedMs = performance.now();
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const ms = await new Promise((resolve) => {
    const tell = () => resolve(performance.now() - startedMs);
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (text.includes("data: ")) tell();
    });
    socket.on("close", tell);
    socket.on("error", tell);
    setTimeout(tell, PATIENCE_MS).unref();
  });
  socket.destroy();
  return ms;
}
