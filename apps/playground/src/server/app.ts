/**
 * The demo server as an Express application: two event streams, topics to publish to, and the page that shows them all.
 * It holds no port and no signal handler, so that tests can run many of it; main.ts has those.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import express, { type Express, type Response } from "express";
import { createHub } from "tidings/server";
import { chat, requireDemoToken } from "./chat.ts";
import { clock } from "./clock.ts";
import { MAX_BODY_BYTES, onlyMethods, refuse, refuseByError } from "./refuse.ts";
import { createStreams, type Streams } from "./streams.ts";
import { publish, subscribe } from "./topics.ts";

export interface PlaygroundOptions {
  /** From one message of `GET /api/sse` to the next. Default 1000. */
  tickMs?: number;
  /** From one token of `POST /api/chat` to the next. Default 60. */
  tokenMs?: number;
}

export interface Playground {
  readonly app: Express;
  readonly streams: Streams;
  /** Ends every open stream as HTTP ends one, without waiting for the peers. The clients will be back. */
  endStreams(): void;
}

// The same folder from src/server/ and from dist/server/.
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TIDINGS = dirname(dirname(createRequire(import.meta.url).resolve("tidings/client")));

export function createPlayground({ tickMs = 1000, tokenMs = 60 }: PlaygroundOptions = {}): Playground {
  const streams = createStreams();
  const app = express();
  app.disable("x-powered-by");

  app.get("/api/sse", clock(streams.open, tickMs));
  app.all("/api/sse", onlyMethods("GET"));
  // curl -d says that it sends a form; what counts is whether it is JSON.
  const readJson = express.json({ type: () => true, limit: MAX_BODY_BYTES });
  app.post("/api/chat", requireDemoToken, readJson, chat(streams.open, tokenMs));
  app.all("/api/chat", onlyMethods("POST"));

  const hub = createHub({ retention: { messages: 1000, bytes: 4 * 2 ** 20 }, limits: { streams: 1000 } });
  app.get("/api/topics/:topic", subscribe(hub));
  app.post("/api/topics/:topic", readJson, publish(hub));
  app.all("/api/topics/:topic", onlyMethods("GET", "POST"));

  // Whoever reloads the page after a build gets that build.
  const files = { setHeaders: (response: Response) => void response.setHeader("Cache-Control", "no-cache") };
  app.use("/tidings", express.static(TIDINGS, files));
  app.use("/page", express.static(`${ROOT}dist/page`, files));
  app.use(express.static(`${ROOT}src/page`, files));

  app.use((request, response) => refuse(response, 404, `Cannot find ${request.originalUrl}`));
  app.use(refuseByError);
  return {
    app,
    streams,
    endStreams() {
      streams.endAll();
      void hub.drain({ overMs: 0 });
    },
  };
}
