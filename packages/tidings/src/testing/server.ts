/**
 * A scripted server on a port of its own, or behind yours: for whatever speaks HTTP, browsers too.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Outlet } from "./answer.ts";
import { type Scripted, scriptedServer, type ScriptedServer, type ScriptOptions } from "./scripted-server.ts";

export interface TestServerOptions extends ScriptOptions {
  /** Default: 0: any that is free. */
  port?: number | undefined;
  /** Default: `"127.0.0.1"`: nobody else's business. */
  host?: string | undefined;
}

/** A scripted server as a listener for node:http, Express and their like. */
export interface TestHandler extends ScriptedServer {
  (request: IncomingMessage, response: ServerResponse): void;
}

export interface TestServer extends ScriptedServer {
  /** `"http://127.0.0.1:49152"` */
  readonly origin: string;
  /** The origin and a slash. Any path leads to the same script. */
  readonly url: string;
  /** Cuts all connections and frees the port. `await using` calls it too. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A server that is answered for by a script, listening when the promise fulfils.
 * @param script - What is said to the first request, the second, and so on; or options.
 * @throws {RangeError} If `port` is none.
 */
export async function createTestServer(
  script: readonly Scripted[] | TestServerOptions = {},
): Promise<TestServer> {
  const options: TestServerOptions = "length" in script ? { script } : script;
  const { port: wanted = 0 } = options;
  if (!(Number.isInteger(wanted) && wanted >= 0 && wanted < 65_536)) {
    throw new RangeError(`Cannot create server: port is ${wanted}, expected a whole number from 0 to 65535`);
  }
  const { handle, server } = handler(options);
  const http = createServer(handle);
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(wanted, options.host ?? "127.0.0.1", resolve);
  });
  const { address, family, port } = http.address() as AddressInfo;
  const origin = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.stop();
      http.close(() => resolve());
      http.closeAllConnections();
    });
  return Object.assign(server, { origin, url: `${origin}/`, close, [Symbol.asyncDispose]: close });
}

/** A scripted server for an HTTP server that you have: `createServer(createTestHandler([…]))`, `app.use("/prices", …)`. */
export function createTestHandler(script: readonly Scripted[] | ScriptOptions = {}): TestHandler {
  const { handle, server } = handler("length" in script ? { script } : script);
  return Object.defineProperties(handle, Object.getOwnPropertyDescriptors(server)) as TestHandler;
}

function handler(options: ScriptOptions) {
  const server = scriptedServer(options);
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const accept = (body: string): void => {
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value);
      const { method = "GET", url = "/" } = request;
      server.accept({ method, url, headers, body }, createOutlet(response));
    };
    // Middleware that parses bodies has read it before.
    if (request.readableEnded) return accept(textOf((request as { body?: unknown }).body));
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MOST_BODY_BYTES) request.destroy();
      else chunks.push(chunk);
    });
    request.on("end", () => accept(Buffer.concat(chunks).toString()));
  };
  return { handle, server };
}

/** Of a body that was parsed: the text itself, or its JSON. */
function textOf(body: unknown): string {
  if (typeof body === "string" || Buffer.isBuffer(body)) return body.toString();
  return body === undefined ? "" : JSON.stringify(body);
}

function createOutlet(response: ServerResponse): Outlet {
  let state: Outlet["state"] = "open";
  const closed = new Promise<void>((resolve) => {
    response.on("close", () => {
      if (state === "open") state = "left";
      resolve();
    });
  });
  // One chunk is one packet, if the other side reads as fast.
  response.socket?.setNoDelay(true);
  // A client that leaves is no mistake.
  response.on("error", () => {});

  return {
    closed,
    get state() {
      return state;
    },
    head(status, headers, ends) {
      // When a connection that was used before is refused, browsers ask again by themselves: a request too many for a script.
      // What will be cut must not say that it closes, or Node's fetch takes the cut for its end.
      if (ends) response.shouldKeepAlive = false;
      response.writeHead(status, headers);
      response.flushHeaders();
    },
    async write(bytes) {
      if (state !== "open" || bytes.length === 0) return;
      const taken = new Promise<void>((resolve) => {
        const hasRoom = response.write(bytes, () => hasRoom && resolve());
        if (!hasRoom) response.once("drain", resolve);
      });
      await Promise.race([taken, closed]);
    },
    end() {
      if (state !== "open") return;
      state = "ended";
      response.end();
    },
    cut() {
      if (state !== "open") return;
      state = "cut";
      const stalled = response.writableNeedDrain || !response.headersSent;
      if (stalled) response.destroy();
      // What was written goes out first, and then the connection ends in the middle of the response.
      else response.write("", () => response.destroy());
    },
  };
}

const MOST_BODY_BYTES = 2 ** 24;
