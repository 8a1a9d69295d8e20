/**
 * Opens an event stream as the answer to a request, whatever server it came through.
 * This module is browser compatible.
 */
import { isThenable, reporter } from "../../guard/foreign.ts";
import { checkOptionNames } from "../../guard/option-names.ts";
import { show } from "../../guard/show.ts";
import { createFetchOutlet } from "../adapters/fetch.ts";
import { assertUnbegun, createNodeOutlet } from "../adapters/node.ts";
import { LEFT, refusePipelined } from "../adapters/pipelined.ts";
import { type ContractOptions, dataCheck } from "../message/check-data.ts";
import { sourceRemedy } from "../message/read-source.ts";
import { checkCompression, type CompressionOptions } from "../compression/compression-options.ts";
import { offerGzip, openPerStreamGzip } from "../compression/open-gzip.ts";
import { EventStream } from "./event-stream.ts";
import { lastEventIdOf } from "../request/last-event-id.ts";
import { checkMethods, DEFAULT_METHODS, refuseMethod } from "../request/methods.ts";
import { refuseFetch, refuseNode, withAppHeaders } from "../request/refusal.ts";
import { closedOutlet } from "../out/outlet.ts";
import { type HeadOptions, responseHead } from "../out/response-head.ts";
import { discard, isSource, pump, type Source } from "./source.ts";
import { resolveLimits, type StreamLimits } from "./stream-limits.ts";
import type { FastifyReply, FetchRequest, NodeRequest, NodeResponse } from "../request/http-types.ts";
import type { EventMap, NoInfer } from "../../wire/contract.ts";

export interface StreamOptions<Events extends object = EventMap>
  extends HeadOptions, StreamLimits, ContractOptions<Events> {
  /**
   * Whether the stream is compressed, if its peer accepts gzip. Default: false. It then has its own compressor, of 64 kB
   * by default. Do not compress secrets together with text that others choose.
   */
  compression?: boolean | Omit<CompressionOptions, "perStream"> | undefined;
  /**
   * The HTTP methods that open a stream. OPTIONS is answered with 204, a CORS preflight with what `headers` implies, and any other with
   * 405: the stream is then closed, and its source is not started. Default: `["GET", "HEAD", "POST", "QUERY"]`.
   */
  methods?: readonly string[] | undefined;
  /** Receives the error that the source threw, which also cuts the stream. Default: `console.error`. */
  onError?: ((error: unknown) => void) | undefined;
}

/** An event stream over the Fetch standard: return its `response` from the handler. */
export type FetchEventStream<Events extends object = EventMap> = EventStream<Events> & {
  readonly response: Response;
};

/**
 * Responds with an event stream: headers and first byte are sent at once, and a heartbeat runs. `send` sends messages.
 * For servers with the Fetch API (Hono, h3, Next, Bun, Deno, Workers): return the stream's `response`.
 * @param source - Messages to send, as fast as the peer reads them. The stream ends when it ends. You can pass the options here instead.
 * @throws {TypeError} If the source is none, such as a promise or a `Response`, there is no such option, or one is wrong; nothing has been sent then.
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
  const response = isResponse(rest[0]) ? (rest.shift() as NodeResponse | FastifyReply) : undefined;
  assertRequest(request, response);
  const { source, options } = readArguments(rest);

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
  const head = responseHead(options);
  const { methods = DEFAULT_METHODS, headers = {} } = options;
  checkMethods("open event stream", methods);
  if (response !== undefined) assertUnbegun(response);
  const report = reporter(options.onError);
  const isHead = request.method === "HEAD";
  const parts = { lastEventId: lastEventIdOf(request), limits, check };

  // HEAD has its answer at once, wherever it waits.
  const waits = isHead ? undefined : refusePipelined(request, response);
  const refusal = refuseMethod(request, methods, headers) ?? waits;
  let stream: EventStream;
  if (refusal !== undefined) {
    const refused = withAppHeaders(refusal, headers);
    const closedAs = refusal === LEFT ? "peer-left" : "refused";
    stream = new EventStream({ ...parts, outlet: closedOutlet(), closedAs });
    if (response === undefined) Object.assign(stream, { response: refuseFetch(refused) });
    else refuseNode(response, refused, report);
  } else {
    let answer: Response | undefined;
    const outlet = openPerStreamGzip(offerGzip(request, head, gzip), (head, first) => {
      if (!isFetchRequest(request)) return createNodeOutlet(request, response!, head, first);
      const opened = createFetchOutlet(request, head, first);
      answer = opened.response;
      return opened.outlet;
    });
    stream = new EventStream({ ...parts, outlet, closedAs: isHead ? "head" : "peer-left" });
    if (answer !== undefined) Object.assign(stream, { response: answer });
  }

  if (source === undefined) return stream;
  if (stream.closed) {
    discard(source, stream, report);
  } else {
    void pump(source, stream, (error) => {
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
  maxTotalBufferedBytes: true,
  maxMessageBytes: true,
  stallMs: true,
  events: true,
  checkEvents: true,
  methods: true,
  compression: true,
  onError: true,
};
const NAMES = { known: Object.keys(STREAM_OPTIONS) };

/**
 * Tells the arguments behind the request and its response apart: a source, options, both or neither.
 * @throws {TypeError} If one is neither. Taken for options, it would open a stream that stays empty.
 */
export function readArguments(given: readonly unknown[]): {
  readonly source: Source | undefined;
  readonly options: StreamOptions;
} {
  const [first, second] = given;
  if (first === undefined || isSource(first)) return { source: first, options: readOptions(second) };
  if (!isOptions(first)) {
    throw new TypeError(
      `Cannot open event stream: source is ${show(first)}, expected a function, an iterable, an async iterable, a ReadableStream, or options${sourceRemedy(first)}`,
    );
  }
  // `source ?? options, options` gives them twice where there is no source.
  if (second === undefined || second === first) return { source: undefined, options: first };
  throw new TypeError(
    `Cannot open event stream: ${show(second)} follows the options, expected a source before them`,
  );
}

function readOptions(value: unknown): StreamOptions {
  if (value === undefined) return {};
  if (isOptions(value)) return value;
  throw new TypeError(
    `Cannot open event stream: options is ${show(value)}, expected an object such as { retryMs: 1000 }`,
  );
}

/** What is no plain object is something else, such as a promise, unless it has options and nothing else. */
function isOptions(value: unknown): value is StreamOptions {
  if (typeof value !== "object" || value === null || isSource(value)) return false;
  if (show(value) === "an object" && !isThenable(value)) return true;
  const names = Object.keys(value);
  return names.length > 0 && names.every((name) => NAMES.known.includes(name));
}

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
