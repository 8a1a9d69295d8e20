/**
 * A port of 127.0.0.1 for a program that must be told one. It lies below those that the system gives to outgoing connections: a
 * server that is restarted has to find it free again.
 */
import { once } from "node:events";
import { createServer } from "node:net";

const LOWEST = 20_000;
const HIGHEST = 32_000;
const given = new Set();

/** Never the same twice in one process. */
export async function freePort() {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (given.has(port)) continue;
    const server = createServer().listen(port, "127.0.0.1");
    const listens = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!listens) continue;
    server.close();
    await once(server, "close");
    given.add(port);
    return port;
  }
}
