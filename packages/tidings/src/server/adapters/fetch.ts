/**
 * Makes an outlet and the `Response` that carries it, for servers that take a `Request` and want a `Response` back.
 * The body hands out bytes when the server asks for some: whatever was written since then goes in one batch.
 * This module is browser compatible.
 */
import type { Outlet, OutletOwner } from "../out/outlet.ts";
import { type Batch, joinBytes } from "../out/batch.ts";
import type { ResponseHead } from "../out/response-head.ts";
import type { FetchRequest } from "../request/http-types.ts";
import { nodeBehind } from "../request/node-behind.ts";
import { waitedFor } from "./pipelined.ts";
import { discardUnread } from "./unread-body.ts";

export function createFetchOutlet(
  request: FetchRequest,
  head: ResponseHead,
  first: Batch = head.first,
): { outlet: Outlet; response: Response } {
  const headers = new Headers();
  for (const [name, value] of head.headers) {
    for (const one of typeof value === "string" ? [value] : value) headers.append(name, one);
  }
  const init = { status: head.status, headers };
  if (request.method === "HEAD") {
    return { outlet: new FetchOutlet(request, first, false), response: new Response(null, init) };
  }
  const outlet = new FetchOutlet(request, first, true);
  const incoming = nodeBehind(request);
  if (incoming !== undefined) discardUnread(incoming);
  return { outlet, response: new Response(outlet.body, init) };
}

class FetchOutlet implements Outlet {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  closed = false;
  bufferedBytes = 0;
  owner: OutletOwner | undefined;

  readonly #signal: AbortSignal | undefined;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #queue: Uint8Array[] = [];
  /** The server has asked for bytes and received none yet. */
  #asked = false;
  #blocked = false;
  #ended = false;
  /** The body has been closed or failed; doing so again would throw. */
  #settled = false;

  constructor(request: FetchRequest, first: Batch, hasBody: boolean) {
    // A server may be told of the end of a connection before it asks for a response that nobody will read.
    if (!hasBody || request.signal?.aborted === true || waitedFor(request)?.destroyed === true) {
      this.closed = true;
      if (!hasBody) return;
    }
    // Not a byte stream: that would take each buffer away from the other streams that send it. And with nothing read ahead,
    // so that what a stalled peer holds up is held here, where it is counted.
    this.body = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => this.#pull(),
        cancel: () => this.#close(),
      },
      { highWaterMark: 0 },
    );
    if (this.closed) {
      this.#settled = true;
      this.#controller.close();
      return;
    }
    this.#signal = request.signal ?? undefined;
    this.#signal?.addEventListener("abort", this.#aborted);
    this.write(first);
    // A small batch is queued with the next one; a page waits until the server has asked for it.
    this.#blocked = first.length > 16_384;
  }

  write({ bytes }: Batch): boolean {
    if (this.closed || this.#ended) return false;
    if (bytes.length === 0) return !this.#blocked;
    if (this.#asked) {
      this.#asked = false;
      this.#controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
      return true;
    }
    this.#queue.push(bytes);
    this.bufferedBytes += bytes.length;
    this.#blocked = true;
    return false;
  }

  end(): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    if (this.#queue.length === 0) this.#finish();
  }

  destroy(reason: unknown = new Error("Event stream was cut by its server")): void {
    if (this.closed) return;
    this.#ended = true;
    // An error, not an end: the server must cut the response, or the peer takes what it has for the whole.
    if (!this.#settled) this.#controller.error(reason);
    this.#settled = true;
    queueMicrotask(() => this.#close());
  }

  #pull(): void {
    if (this.#queue.length > 0) {
      const bytes = this.#queue.length === 1 ? this.#queue[0]! : joinBytes(this.#queue, this.bufferedBytes);
      this.#queue = [];
      this.bufferedBytes = 0;
      this.#controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
    } else {
      this.#asked = true;
    }
    if (this.#ended) {
      if (!this.#settled) this.#finish();
      return;
    }
    if (!this.#blocked) return;
    this.#blocked = false;
    this.owner?.onDrain();
  }

  #finish(): void {
    this.#settled = true;
    this.#controller.close();
    queueMicrotask(() => this.#close());
  }

  readonly #aborted = (): void => {
    if (this.closed) return;
    // Not an error: the peer is gone, and servers report a body that fails.
    if (!this.#settled) this.#controller.close();
    this.#settled = true;
    this.#close();
  };

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#queue = [];
    this.bufferedBytes = 0;
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.owner?.onClose();
  }
}
