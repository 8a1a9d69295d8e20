/**
 * Runs the demo server: http://127.0.0.1:3001, or another port in the environment variable PORT.
 * SIGINT (Ctrl-C) and SIGTERM end the event streams and then the process; the second one does not wait.
 */
import type { AddressInfo } from "node:net";
import { createPlayground } from "./app.ts";

const HOST = "127.0.0.1";
const FAREWELL_MS = 2000;

const port = Number(process.env["PORT"] || 3001);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  fail(
    `Cannot start: PORT is ${JSON.stringify(process.env["PORT"])}, expected a whole number from 0 to 65535`,
  );
}

const playground = createPlayground();
const server = playground.app.listen(port, HOST);
server.once("listening", () => {
  const origin = `http://${HOST}:${(server.address() as AddressInfo).port}`;
  console.log(`
  Tidings playground   ${origin}

  curl -N -H "Accept: text/event-stream" "${origin}/api/sse?tick=2"
  curl -N -H "Authorization: Bearer demo" -d '{"q":"你好"}' ${origin}/api/chat
  curl -N ${origin}/api/topics/news
  curl -d '{"data":"Hello, 世界"}' ${origin}/api/topics/news

  Ctrl-C ends it.
`);
});
server.once("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EADDRINUSE") {
    fail(
      `Cannot listen on ${HOST}:${port}: the port is in use. End the program that has it, or choose another: PORT=${port + 1} npm start`,
    );
  }
  if (error.code === "EACCES")
    fail(`Cannot listen on ${HOST}:${port}: not allowed. Choose a port above 1023: PORT=3001 npm start`);
  fail(`Cannot listen on ${HOST}:${port}: ${error.message}`);
});

let leaving = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (leaving) process.exit(1);
    leaving = true;
    playground.endStreams();
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    // Whoever does not take the end of a stream is cut off.
    setTimeout(() => server.closeAllConnections(), FAREWELL_MS).unref();
  });
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
