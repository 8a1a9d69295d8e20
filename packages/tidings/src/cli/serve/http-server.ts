/**
 * The small server of `serve` and `replay`: by default for this machine only.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Input, OptionSpec } from "../arguments/command.ts";
import { parseCount } from "../arguments/units.ts";
import { systemProblem, UsageError } from "../arguments/usage-error.ts";
import { page } from "./page.ts";

export const SERVER_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  port: { short: "p", value: "PORT", about: "Default: the variable PORT, or 4455; 0: any" },
  host: { value: "HOST", about: "Default: 127.0.0.1; 0.0.0.0 for the network" },
  cors: { value: "ORIGIN", about: "Which pages may read it; * for all. Default: none" },
};

export interface Listening {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * @param answer - Answers what asks for the stream; browsers that ask for a page get one that shows it.
 * @throws {UsageError} If the port cannot be had.
 */
export async function startServer(
  input: Input,
  env: Readonly<Record<string, string | undefined>>,
  answer: (request: IncomingMessage, response: ServerResponse, headers: Record<string, string>) => void,
): Promise<Listening> {
  const host = input.get("host") ?? "127.0.0.1";
  const port = parseCount("port", input.get("port") ?? env["PORT"] ?? "4455", 0, 65_535);
  const origin = input.get("cors");
  if (origin !== undefined && origin !== "*" && !/^https?:\/\/[^/]+$/.test(origin)) {
    throw new UsageError(
      `--cors is ${JSON.stringify(origin)}, expected an origin such as http://localhost:5173, or *.`,
    );
  }
  const isLocal = /^(127\.|localhost$|::1$)/.test(host);
  const headers: Record<string, string> = {
    ...(origin !== undefined && {
      "access-control-allow-origin": origin,
      ...(origin !== "*" && { vary: "origin" }),
    }),
  };
  const server = createServer((request, response) => {
    response.on("error", () => {});
    // A page elsewhere could point a name of its own at this machine, and would then be of the same origin.
    if (isLocal && !/^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/i.test(request.headers.host ?? "localhost")) {
      return refuse(response, 421, "This server answers to localhost alone; --host changes that.\n");
    }
    if (request.method === "OPTIONS" && origin !== undefined) {
      response.writeHead(204, {
        ...headers,
        "access-control-allow-headers": "last-event-id, authorization, cache-control",
      });
      return void response.end();
    }
    if (request.method === "GET" && request.headers.accept?.includes("text/html") === true) {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
      return void response.end(page());
    }
    answer(request, response, headers);
  });
  await listenAt(server, port, host);
  const { port: actual } = server.address() as AddressInfo;
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${actual}/`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function listenAt(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw systemProblem(`Cannot listen on port ${port} of ${host}`, error, "--port 0 uses any free port");
  }
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(text);
}
