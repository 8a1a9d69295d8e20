/**
 * One reader among thousands: a socket, a parser, and its place in the stream, over its reconnects.
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { createParser, type Parser } from "../../wire/parser.ts";
import type { ParsedMessage } from "../../wire/message.ts";
import { responseReader } from "./response-reader.ts";
import type { LoadTarget } from "./target.ts";

/** What a connection reports. */
export interface LoadEvents {
  onOpen(connection: LoadConnection, tookMs: number): void;
  /** An attempt did not get a stream. @param why - Short: a status, or what the system said. */
  onFailed(connection: LoadConnection, why: string): void;
  /** A stream ended that was open. */
  onLost(connection: LoadConnection): void;
  onBytes(bytes: number): void;
  onMessage(connection: LoadConnection, message: ParsedMessage): void;
}

/** An attempt without a head after this has failed. */
const ANSWER_MS = 20_000;
const DEFAULT_RETRY_MS = 1000;

export class LoadConnection {
  state: "idle" | "connecting" | "open" = "idle";
  lastEventId = "";
  retryMs: number = DEFAULT_RETRY_MS;
  /** When its stream opened: what was sent before comes out of the server's memory. */
  openedAtMs = 0;
  /** The order tracker's, and opaque here. */
  place: unknown;
  #socket: Socket | undefined;
  readonly #target: LoadTarget;
  readonly #events: LoadEvents;
  readonly #parser: Parser;

  constructor(target: LoadTarget, events: LoadEvents) {
    this.#target = target;
    this.#events = events;
    this.#parser = createParser({
      onMessage: (message) => {
        this.lastEventId = message.id;
        events.onMessage(this, message);
      },
      onRetry: (ms) => void (this.retryMs = Math.min(ms, 60_000)),
    });
  }

  open(): void {
    const { address, port, secure, servername, insecure } = this.#target;
    const startMs = performance.now();
    this.state = "connecting";
    this.#parser.reset();
    const socket = secure
      ? connectTls({
          host: address,
          port,
          servername,
          rejectUnauthorized: !insecure,
          ALPNProtocols: ["http/1.1"],
        })
      : connectTcp({ host: address, port });
    this.#socket = socket;
    const isCurrent = (): boolean => this.#socket === socket;
    const over = (why: string): void => {
      if (!isCurrent()) return;
      const wasOpen = this.state === "open";
      this.close();
      if (wasOpen) this.#events.onLost(this);
      else this.#events.onFailed(this, why);
    };
    socket.setNoDelay(true);
    socket.setTimeout(ANSWER_MS, () => over("no answer"));
    socket.once(secure ? "secureConnect" : "connect", () =>
      socket.write(this.#target.request(this.lastEventId)),
    );
    socket.on(
      "data",
      responseReader({
        onHead: (status) => {
          if (status !== 200) return over(`status ${status}`);
          // Silence of an open stream is the server's business.
          socket.setTimeout(0);
          this.state = "open";
          this.openedAtMs = performance.now();
          this.#events.onOpen(this, performance.now() - startMs);
        },
        onBody: (bytes) => {
          if (!isCurrent()) return;
          this.#events.onBytes(bytes.length);
          try {
            this.#parser.push(bytes);
          } catch {
            over("a message too long");
          }
        },
        onEnd: () => over("ended"),
        onNonsense: () => over("no HTTP"),
      }),
    );
    socket.on("error", (error: NodeJS.ErrnoException) => over(error.code ?? error.message));
    socket.on("close", () => over("closed"));
  }

  /** Leaves, without a word to the server. No event follows. */
  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.state = "idle";
    socket?.destroy();
  }
}
