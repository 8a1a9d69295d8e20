/**
 * A hub behind a real server, and a subscriber that keeps what it reads: for tests of what goes over the socket.
 */
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach } from "vitest";
import { createParser } from "../../packages/tidings/src/wire/parser.ts";
import type { ParsedMessage } from "../../packages/tidings/src/wire/message.ts";
import { type Hub } from "../../packages/tidings/src/server/hub/hub.ts";
import type { HubOptions } from "../../packages/tidings/src/server/hub/hub-options.ts";
import { createHub } from "../../packages/tidings/src/server/hub/create-hub.ts";
import type { SubscribeOptions } from "../../packages/tidings/src/server/subscribe/subscribe-options.ts";
import type { Subscription } from "../../packages/tidings/src/server/streams/subscription.ts";

export interface HubServer {
  readonly hub: Hub;
  readonly url: string;
  readonly errors: unknown[];
  readonly subscriptions: Subscription[];
  readonly server: Server;
  close(): Promise<void>;
}

/** Serves every request with the same subscription, `?topic=` naming its topics unless told. */
export async function serveHub(
  options: HubOptions = {},
  subscribe: Partial<SubscribeOptions> | ((url: URL) => Partial<SubscribeOptions>) = {},
): Promise<HubServer> {
  const errors: unknown[] = [];
  const subscriptions: Subscription[] = [];
  const hub = createHub({ onError: (error) => errors.push(error), ...options });
  const server = createServer((request, response) => {
    const url = new URL(request.url!, "http://localhost");
    const more = typeof subscribe === "function" ? subscribe(url) : subscribe;
    hub
      .subscribe(request, response, { topics: url.searchParams.getAll("topic"), ...more })
      .then((subscription) => {
        if (subscription !== undefined) subscriptions.push(subscription);
      })
      .catch((error: unknown) => {
        errors.push(error);
        response.destroy();
      });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    hub,
    server,
    errors,
    subscriptions,
    url: `http://127.0.0.1:${port}/`,
    async close() {
      await hub.drain({ overMs: 0, graceMs: 500 }).catch(() => undefined);
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

/** Hubs and readers of one test file: what these open is ended after each test. */
export function openForTests(): {
  serve: typeof serveHub;
  read: typeof Reader.open;
} {
  const open: (HubServer | Reader)[] = [];
  afterEach(async () => {
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      if (one instanceof Reader) one.cut();
      else await one.close();
    }
  });
  const kept = <T extends HubServer | Reader>(one: T): T => {
    open.push(one);
    return one;
  };
  return {
    serve: async (...options) => kept(await serveHub(...options)),
    read: async (...options) => kept(await Reader.open(...options)),
  };
}

/** One reading subscriber. It reconnects only when told. */
export class Reader {
  readonly messages: ParsedMessage[] = [];
  readonly comments: string[] = [];
  readonly retries: number[] = [];
  lastEventId = "";
  status = 0;
  text = "";
  headers: IncomingMessage["headers"] = {};
  /** Resolves when the response is over: whether it ended as HTTP ends one. */
  ended!: Promise<{ complete: boolean }>;
  #response: IncomingMessage | undefined;
  #waiting: (() => void)[] = [];
  #reading = true;

  static async open(url: string, lastEventId?: string): Promise<Reader> {
    const reader = new Reader();
    if (lastEventId !== undefined) reader.lastEventId = lastEventId;
    await reader.connect(url);
    return reader;
  }

  /** Connects, with the last event ID there is. */
  async connect(url: string, headers: Record<string, string> = {}): Promise<void> {
    const sent = this.lastEventId === "" ? headers : { "last-event-id": this.lastEventId, ...headers };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest(url, { headers: sent, agent: false }, resolve).on("error", reject).end();
    });
    this.#response = response;
    this.status = response.statusCode!;
    this.headers = response.headers;
    const parser = createParser({
      onMessage: (message) => void this.messages.push(message),
      onComment: (comment) => void this.comments.push(comment),
      onRetry: (ms) => void this.retries.push(ms),
    });
    parser.lastEventId = this.lastEventId;
    response.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
      if (this.status === 200) {
        parser.push(chunk);
        this.lastEventId = parser.lastEventId;
      }
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      response.on("error", () => undefined);
      response.on("close", () => {
        resolve({ complete: response.complete });
        this.#wake();
      });
    });
    if (!this.#reading) response.pause();
  }

  get data(): string[] {
    return this.messages.map(({ data }) => data);
  }

  /** Waits until something holds; looks again whenever bytes arrive. */
  async until(condition: () => boolean, what = "what the test waits for", ms = 10_000): Promise<void> {
    const giveUp = Date.now() + ms;
    while (!condition()) {
      const left = giveUp - Date.now();
      if (left <= 0) {
        throw new Error(
          `${what} did not come; ${this.messages.length} messages, text ends ${JSON.stringify(this.text.slice(-200))}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 50));
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async messagesUntil(count: number): Promise<ParsedMessage[]> {
    await this.until(() => this.messages.length >= count, `message ${count}`);
    return this.messages;
  }

  /** Stops reading, so that the socket fills up. */
  pause(): void {
    this.#reading = false;
    this.#response?.pause();
  }

  resume(): void {
    this.#reading = true;
    this.#response?.resume();
  }

  /** Cuts the connection. */
  cut(): void {
    this.#response?.destroy();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Waits until something holds that no reader can see. */
export async function until(
  condition: () => boolean,
  what = "what the test waits for",
  ms = 10_000,
): Promise<void> {
  const giveUp = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error(`${what} did not come`);
    await new Promise((resolve) => void setTimeout(resolve, 5));
  }
}
