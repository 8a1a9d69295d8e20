/**
 * The other end: one request over HTTP/1.1 or HTTP/2, read or left unread as a test says.
 */
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type { Readable } from "node:stream";
import { createParser } from "../../packages/tidings/src/wire/parser.ts";
import type { ParsedMessage } from "../../packages/tidings/src/wire/message.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly messages: readonly ParsedMessage[];
  /** Comments and reconnection times, as `:text` and `retry:ms`. */
  readonly others: readonly string[];
  /** Resolves when the body is over: whole, or cut. */
  readonly over: Promise<"whole" | "cut">;
  /** Resolves when `condition` holds, checked at each chunk; rejects when the body is over before. */
  until(condition: () => boolean): Promise<void>;
  pause(): void;
  resume(): void;
  /** Leaves without a word. */
  leave(): void;
}

export interface PeerRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** How to reach a server. One object per server: HTTP/2 keeps its connection in it. */
export class Peer {
  readonly #origin: string;
  readonly #version: 1 | 2;
  #session: http2.ClientHttp2Session | undefined;

  constructor(origin: string, version: 1 | 2 = 1) {
    this.#origin = origin;
    this.#version = version;
  }

  async request(path: string, { method = "GET", headers = {}, body }: PeerRequest = {}): Promise<Reply> {
    return this.#version === 1
      ? this.#request1(path, method, headers, body)
      : this.#request2(path, method, headers, body);
  }

  close(): void {
    this.#session?.destroy();
  }

  #request1(path: string, method: string, headers: PeerRequest["headers"], body?: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const options = { method, headers: { ...headers }, agent: false as const, rejectUnauthorized: false };
      const { request } = this.#origin.startsWith("https:") ? https : http;
      const sent = request(this.#origin + path, options, (response) => {
        const whole = () => response.complete;
        resolve(reply(response, response.statusCode ?? 0, response.headers, whole, () => sent.destroy()));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  #request2(path: string, method: string, headers: PeerRequest["headers"], body?: string): Promise<Reply> {
    this.#session ??= http2.connect(this.#origin, { rejectUnauthorized: false });
    const stream = this.#session.request({ ":path": path, ":method": method, ...headers });
    stream.end(body);
    return new Promise((resolve, reject) => {
      stream.on("error", reject);
      stream.on("close", () => reject(new Error("The stream was cut before its head")));
      stream.on("response", (head) => {
        const { ":status": status = 0, ...fields } = head;
        const whole = () => stream.rstCode === http2.constants.NGHTTP2_NO_ERROR;
        resolve(reply(stream, status, fields, whole, () => stream.close(http2.constants.NGHTTP2_CANCEL)));
      });
    });
  }
}

function reply(
  body: Readable,
  status: number,
  headers: Reply["headers"],
  isWhole: () => boolean,
  leave: () => void,
): Reply {
  const messages: ParsedMessage[] = [];
  const others: string[] = [];
  const parser = createParser({
    onMessage: (message) => void messages.push(message),
    onComment: (text) => void others.push(`:${text}`),
    onRetry: (ms) => void others.push(`retry:${ms}`),
  });
  let changed = () => {};
  let isOver = false;
  const over = new Promise<"whole" | "cut">((resolve) => {
    body.on("error", () => {});
    body.on("close", () => {
      isOver = true;
      resolve(isWhole() ? "whole" : "cut");
      changed();
    });
  });
  const result = { status, headers, text: "", messages, others, over, until, leave, pause, resume };
  body.on("data", (chunk: Buffer) => {
    result.text += chunk.toString();
    parser.push(chunk);
    changed();
  });
  return result;

  function until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      changed = () => {
        if (condition()) resolve();
        else if (isOver)
          reject(new Error(`The body was over before: ${JSON.stringify(result.text.slice(0, 2000))}`));
      };
      changed();
    });
  }
  function pause(): void {
    body.pause();
  }
  function resume(): void {
    body.resume();
  }
}
