/**
 * The head of a response in bytes, with what the server itself has to say in it.
 * This module is browser compatible.
 */
import { checkHeader } from "../out/check-header.ts";
import { newBytes } from "../out/chunk.ts";
import type { ResponseHead } from "../out/response-head.ts";
import type { Batch } from "../out/batch.ts";

/** @throws {TypeError} If a header cannot be written. */
export function writeResponseHead(
  status: number,
  headers: ResponseHead["headers"],
  keepsAlive: boolean,
  body: Uint8Array,
): Uint8Array {
  let text = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n`;
  for (const [name, value] of headers) {
    checkHeader(name, value);
    for (const one of typeof value === "string" ? [value] : value) text += `${name}: ${one}\r\n`;
  }
  text += `Date: ${new Date().toUTCString()}\r\nConnection: ${keepsAlive ? "keep-alive" : "close"}\r\n\r\n`;
  const bytes = newBytes(text.length + body.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  bytes.set(body, text.length);
  return bytes;
}

/** The head of an event stream and what follows it at once, for all streams that open alike within a second: they share it. */
export class SharedHead {
  #last:
    | { second: number; head: ResponseHead; first: Batch; keepsAlive: boolean; bytes: Uint8Array }
    | undefined;

  of(head: ResponseHead, first: Batch, keepsAlive: boolean): Uint8Array {
    const second = Math.floor(Date.now() / 1_000);
    const last = this.#last;
    if (
      last?.second === second &&
      last.head === head &&
      last.first === first &&
      last.keepsAlive === keepsAlive
    ) {
      return last.bytes;
    }
    const headers = [...head.headers, CHUNKED];
    const bytes = writeResponseHead(head.status, headers, keepsAlive, first.chunk);
    // Kept only where it is small: it is there for the thousands that return together and have missed nothing, or the same.
    if (bytes.length <= MOST_KEPT) this.#last = { second, head, first, keepsAlive, bytes };
    return bytes;
  }
}

const MOST_KEPT = 131_072;
const CHUNKED = ["transfer-encoding", "chunked"] as const;

/** Of the statuses that streams and refusals have. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  410: "Gone",
  412: "Precondition Failed",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};
