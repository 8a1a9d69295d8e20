/**
 * One attempt at an event stream: makes the request, judges the response, hands what comes to the parser, and says how it was
 * lost. Whether and when another follows is its owner's to say.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";
import type { Parser } from "../wire/parser.ts";
import type { ParserEnd } from "../wire/text-parser.ts";
import { asEventStreamError, type EventStreamError, streamError } from "./event-stream-error.ts";
import { judgeResponse, quoteBody, REFUSAL_BODY_MS } from "./refusal.ts";
import { settle } from "./settle.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transports/transport.ts";

export interface AttemptOwner {
  /** Asked once. A failure of it is a failed attempt. */
  request(): TransportRequest | PromiseLike<TransportRequest>;
  open: Transport["open"];
  /** A timer, in place of the one before. */
  arm(run: () => void, ms: number): void;
  /** The response is an event stream, and is read. */
  onOpen(response: TransportResponse): void;
  /** A message that the transport has parsed; all others come out of the parser. */
  onMessage(message: ParsedMessage): void;
  /** After each chunk, or such a message. @returns A promise while the reader is behind. */
  onChunk(chunk?: Uint8Array | string): void | PromiseLike<void>;
  /** It is over, and nobody cut it. @param end - Whether it ended inside a message, and inside which. */
  onLost(error: EventStreamError, end?: ParserEnd): void;
}

/**
 * @param parser - The owner's; it is reset first, and when the attempt is cut, so that nothing more comes of the chunk that is read.
 * @param hold - Given what cuts the attempt, before anything else happens: from then on the owner hears nothing of it.
 */
export function attempt(owner: AttemptOwner, parser: Parser, hold: (cut: () => void) => void): void {
  let cut = false;
  /** Nothing more is read: it was cut, or the response refused. */
  let over = false;
  let opened: { abort(): void } | undefined;
  let behind: void | PromiseLike<void>;

  hold(() => {
    over = cut = true;
    parser.reset();
    if (opened) opened.abort();
  });
  settle(
    () => owner.request(),
    send,
    (cause) => lose(asEventStreamError(cause, "request", undefined, "Cannot make the request")),
  );

  function send(request: TransportRequest): void {
    if (cut) return;
    const { url } = request;
    const take = (push: () => void, chunk?: Uint8Array | string): void | PromiseLike<void> => {
      if (over) return;
      try {
        push();
      } catch (cause) {
        return lose(asEventStreamError(cause, "handler", url));
      }
      return (behind = over ? undefined : owner.onChunk(chunk));
    };
    const read = (chunk: Uint8Array | string) => take(() => parser.push(chunk), chunk);
    // A transport that cannot hold back may end before its messages were taken; the end comes after them all the same.
    const end = (error: EventStreamError) =>
      settle(
        () => behind,
        () => over || lose(error, parser.end()),
        nothing,
      );

    parser.reset();
    opened = owner.open(request, {
      onResponse(response) {
        if (over) return;
        const refusal = judgeResponse(response);
        if (!refusal) return owner.onOpen(response);
        over = true;
        const refuse = (body?: string) => {
          quoteBody(refusal, body);
          lose(refusal);
        };
        if (!response.text) return refuse();
        owner.arm(refuse, REFUSAL_BODY_MS);
        response.text().then(refuse, () => refuse());
      },
      onBytes: read,
      onText: read,
      onMessage: (message) => take(() => owner.onMessage(message)),
      onEnd: () => end(streamError("ended", url, "ended")),
      onError: (cause) => end(asEventStreamError(cause, "network", url)),
    });
    if (cut) opened.abort();
  }

  function lose(error: EventStreamError, end?: ParserEnd): void {
    if (!cut) owner.onLost(error, end);
  }
}

function nothing(): void {}
