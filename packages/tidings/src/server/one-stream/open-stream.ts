/**
 * Opens an event stream as the answer to a request, whatever server it came through.
 * This module is browser compatible.
 */
import { reporter } from "../../guard/foreign.ts";
import { checkOptionNames } from "../../guard/option-names.ts";
import { createFetchOutlet } from "../adapters/fetch.ts";
import { createNodeOutlet } from "../adapters/node.ts";
import { type ContractOptions, dataCheck } from "../message/check-data.ts";
import { checkCompression, type CompressionOptions } from "../compression/compression-options.ts";
import { offerGzip, openPerStreamGzip } from "../compression/open-gzip.ts";
import { EventStream } from "./event-stream.ts";
import { lastEventIdOf } from "../request/last-event-id.ts";
import { type HeadOptions, responseHead } from "../out/response-head.ts";
import { isSource, pump, type Source } from "./source.ts";
import { resolveLimits, type StreamLimits } from "./stream-limits.ts";
import type { FastifyReply, FetchRequest, NodeRequest, NodeResponse } from "../request/http-types.ts";
import type { EventMap, NoInfer } from "../../wire/contract.ts";

export interface StreamOptions<Events extends object = EventMap>
  extends HeadOptions, StreamLimits, ContractOptions<Events> {
  /**
   * Whether the stream is compressed, if its peer accepts gzip. Default: false. It then has its own compressor, of 64 kB
   * by default. Do not compress secrets together with text that others choose.
   */
  compression?: boolean | Omit<CompressionOptions, "perStream">;
  /** Receives the error that the source threw, which also cuts the stream. Default: `console.error`. */
  onError?: (error: unknown) => void;
}

/** An event stream over the Fetch standard: return its `response` from the handler. */
export type FetchEventStream<Events extends object = EventMap> = EventStream<Events> & {
  readonly response: Response;
};

/**
 * Responds with an event stream: headers and first byte are sent at once, and a heartbeat runs. `send` sends messages.
 * For servers with the Fetch API (Hono, h3, Next, Bun, Deno, Workers): return the stream's `response`.
 * @param source - Messages to send, as fast as the peer reads them. The stream ends when it ends. You can pass the options here instead.
 * @throws {TypeError} If there is no such option, or one is wrong; nothing has been sent then.
 * @throws {RangeError} If `status`, `retryMs` or a limit is out of range.
 */
export function openStream<Events extends object = EventMap>(
  request: FetchRequest,
  source?: Source<NoInfer<Events>> | StreamOptions<Events>,
  options?: StreamOptions<Events>,
): FetchEventStream<Events>;
/**
 * The same for node:http, node:http2 and frameworks on them: Express, Nest, Fastify (`request, reply`, which it
 * hijacks), Koa (`ctx.req, ctx.res`, after `ctx.respond = false`).
 * @throws {TypeError} If the headers of the response were sent already, or it has ended.
 */
export function openStream<Events extends object = EventMap>(
  request: NodeRequest,
  response: NodeResponse | FastifyReply,
  source?: Source<NoInfer<Events>> | StreamOptions<Events>,
  options?: StreamOptions<Events>,
): EventStream<Events>;
export function openStream(request: NodeRequest | FetchRequest, ...rest: unknown[]): EventStream {
  const response = isResponse(rest[0]) ? rest.shift() : undefined;
  const source = isSource(rest[0]) ? rest.shift() : undefined;
  const options = (rest[0] ?? {}) as StreamOptions;
  assertRequest(request, response);

  // Whatever can be wrong is found before the head leaves.
  checkOptionNames("open event stream", options, NAMES);
  const limits = resolveLimits(options);
  const check = dataCheck(options);
  const { compression } = options;
  const gzip = checkCompression(
    "open event stream",
    typeof compression === "object" ? { ...compression, perStream: true } : compression,
    { perStream: true },
  );
  const offer = offerGzip(request, responseHead(options), gzip);
  const lastEventId = lastEventIdOf(request);
  const isHead = request.method === "HEAD";

  let stream: EventStream;
  if (isFetchRequest(request)) {
    let response!: Response;
    const outlet = openPerStreamGzip(offer, (head, first) => {
      const opened = createFetchOutlet(request, head, first);
      ({ response } = opened);
      return opened.outlet;
    });
    stream = Object.assign(new EventStream({ outlet, lastEventId, limits, check, isHead }), { response });
  } else {
    const outlet = openPerStreamGzip(offer, (head, first) =>
      createNodeOutlet(request, response as NodeResponse | FastifyReply, head, first),
    );
    stream = new EventStream({ outlet, lastEventId, limits, check, isHead });
  }
  if (source !== undefined && !stream.closed) {
    const report = reporter(options.onError);
    void pump(source as Source, stream, (error) => {
      stream.cutAfterSent("source-failed", error);
      report(error);
    });
  }
  return stream;
}

const STREAM_OPTIONS: Record<keyof StreamOptions, true> = {
  status: true,
  headers: true,
  retryMs: true,
  heartbeatMs: true,
  maxBufferedBytes: true,
  stallMs: true,
  events: true,
  checkEvents: true,
  compression: true,
  onError: true,
};
const NAMES = { known: Object.keys(STREAM_OPTIONS) };

function isFetchRequest(request: NodeRequest | FetchRequest): request is FetchRequest {
  return typeof request.headers.get === "function";
}

function isResponse(value: unknown): value is NodeResponse | FastifyReply {
  if (typeof value !== "object" || value === null) return false;
  return "hijack" in value || ("setHeader" in value && "write" in value);
}

function assertRequest(request: unknown, response: unknown): void {
  const { headers, req } = (request ?? {}) as { headers?: { get?: unknown }; req?: unknown };
  const isFetch = typeof headers?.get === "function";
  if (isFetch ? response === undefined : headers !== undefined && response !== undefined) return;
  const hint =
    req === undefined ? "" : ": give the request that is inside this context, and for Koa its ctx.res";
  throw new TypeError(
    `Cannot open event stream: ${headers === undefined ? `request is ${describe(request)}` : "response is missing"}, expected a Request, or a Node request and its response${hint}`,
  );
}

function describe(value: unknown): string {
  return value === null || value === undefined ? String(value) : `of type ${typeof value} without headers`;
}
