/**
 * Event streams through `wx.request`, whose chunks come through a callback and whose every rule has an exception somewhere:
 * a status that comes at the end, chunks that never come, bytes of another realm, failures told in prose. Each one that is
 * known is met here; docs/mini-program.md lists them.
 * Also for hosts of the same shape: HarmonyOS atomic services (`has`), Baidu (`swan`, whose chunks are text).
 * This module is browser compatible.
 */
import { TransportError, type TransportErrorCode } from "../client/transports/transport-error.ts";
import type {
  PlatformSignals,
  Transport,
  TransportRequest,
  TransportSink,
} from "../client/transports/transport.ts";
import { collectText, LONGEST_TEXT_BYTES, type TextCollector } from "./collect-text.ts";
import type { WxHost, WxLike, WxNetwork, WxResult, WxTask } from "./wx-host.ts";

export interface WxOptions {
  /**
   * After how many milliseconds the host may end a request, however healthy; the connection then returns from its last event ID.
   * Default 600 000. Hosts differ: without it WeChat ends at 60 000, and some iPhones do with it.
   */
  timeoutMs?: number;
  /**
   * After how many milliseconds in the background the host kills requests; the stream is taken for dead then, since not every host
   * says that it is. Default 5000, as WeChat has it.
   */
  interruptedAfterMs?: number;
  /** More options for `wx.request`, such as `{ forceCellularNetwork: true }`. What an event stream needs cannot be changed. */
  request?: object;
}

/**
 * A transport over `wx`, or whatever has its shape.
 * @throws {TypeError} If `wx.request` is not a function.
 */
export function fromWx(wx: WxLike, options: WxOptions = {}): Transport {
  const host = wx as unknown as WxHost;
  if (!host || typeof host.request !== "function") {
    throw new TypeError(
      "Cannot make a transport from wx: wx.request is not a function, expected the mini program's global wx",
    );
  }
  return {
    name: "wx",
    open: (request, sink) => open(host, options, request, sink),
    watch: (signals) => watch(host, options.interruptedAfterMs || INTERRUPTED_AFTER_MS, signals),
  };
}

function open(
  host: WxHost,
  options: WxOptions,
  request: TransportRequest,
  sink: TransportSink,
): { abort(): void } {
  let over = false;
  let answered = false;
  let chunks = 0;
  let headers: Record<string, string> | undefined;
  // Chunks that came before it was known what they are part of.
  let early: (Uint8Array | string)[] = [];
  let earlyBytes = 0;
  let refusal: TextCollector | undefined;
  let task: WxTask | undefined;

  try {
    task = host.request(
      Object.assign({}, options.request, {
        url: request.url,
        method: request.method,
        header: request.headers,
        data: payload(request.body),
        timeout: options.timeoutMs || TIMEOUT_MS,
        enableChunked: true,
        responseType: "arraybuffer",
        // With the default, "json", the host would parse what came.
        dataType: "text",
        success: ended,
        fail: failed,
      }),
    );
  } catch (error) {
    // Told later: nobody expects to hear before open() has returned.
    setTimeout(() => fail("network", String((error as Error).message || error), error), 0);
    return { abort };
  }

  // A task that is a promise too rejects with what `fail` has told already.
  if (task && typeof task.then === "function") task.then(nothing, nothing);
  const hasHeaders = !!task && typeof task.onHeadersReceived === "function";
  if (task && typeof task.onChunkReceived === "function") {
    if (hasHeaders) task.onHeadersReceived!(received);
    task.onChunkReceived(({ data }) => chunk(data));
  } else {
    setTimeout(() => {
      if (!over && task && typeof task.abort === "function") task.abort();
      fail("unsupported", NO_CHUNKS, task);
    }, 0);
  }
  return { abort };

  function abort(): void {
    if (!close()) return;
    // Its `fail` comes later, and finds that all is over, as do the chunks that were under way.
    if (task && typeof task.abort === "function") task.abort();
  }

  function received(result: WxResult): void {
    if (over || answered) return;
    headers = lowerNames(result.header);
    // The devtools keep the status to themselves until the end. What says it is an event stream need not wait for it;
    // anything else is a refusal, and worth its status.
    if (result.statusCode !== undefined || /^\s*text\/event-stream/i.test(headers["content-type"] || "")) {
      answer(result.statusCode);
    }
  }

  function chunk(data: unknown): void {
    const part = read(data);
    if (over || part === undefined) return;
    chunks++;
    if (answered) return deliver(part);
    early.push(part);
    earlyBytes += part.length;
    // Without a callback for the headers they are known at the end, which an event stream may not have.
    if (!hasHeaders || earlyBytes > LONGEST_TEXT_BYTES) answer(undefined);
  }

  function answer(status: number | undefined): void {
    answered = true;
    sink.onResponse({
      status,
      url: request.url,
      header: (name) => (headers && headers[name] !== undefined ? headers[name] : null),
      text() {
        if (!refusal) refusal = collectText();
        return refusal.text;
      },
    });
    const parts = early;
    early = [];
    parts.forEach(deliver);
  }

  function deliver(part: Uint8Array | string): void {
    if (refusal) refusal.push(part);
    // mini programs cannot read slower: what the reader does not take, the connection holds, up to its limit.
    else if (over) return;
    else if (typeof part !== "string") void sink.onBytes(part);
    else if (sink.onText) void sink.onText(part);
  }

  function ended(result: WxResult): void {
    if (over) return;
    if (!answered) {
      if (!headers) headers = lowerNames(result.header);
      answer(result.statusCode);
    }
    // On PC no chunk comes at all, and the whole body now; elsewhere it is empty by now.
    const part = chunks === 0 ? read(result.data) : undefined;
    if (part !== undefined && part.length > 0) deliver(part);
    if (close()) sink.onEnd();
  }

  function failed(result: WxResult): void {
    const said = (result && result.errMsg) || "";
    fail(codeOf(said), said || "request:fail", result);
  }

  function fail(code: TransportErrorCode, message: string, cause: unknown): void {
    if (close()) sink.onError(new TransportError(code, message, cause));
  }

  /** @returns Whether it was open until now. */
  function close(): boolean {
    if (over) return false;
    over = true;
    early = [];
    if (refusal) refusal.end();
    return true;
  }
}

function watch(host: WxHost, interruptedAfterMs: number, signals: PlatformSignals): () => void {
  let last = "";
  let watching = true;
  let hiddenAtMs: number | undefined;
  const hide = () => {
    hiddenAtMs = Date.now();
    if (watching) signals.onHide();
  };
  const show = () => {
    // Hosts call it at the launch too.
    if (!watching || hiddenAtMs === undefined) return;
    // By the clock, since timers stand still in the background.
    const interrupted = Date.now() - hiddenAtMs >= interruptedAfterMs && !isDesktop(host);
    hiddenAtMs = undefined;
    signals.onShow(interrupted);
  };
  const network = ({ isConnected, networkType }: WxNetwork) => {
    const now = `${isConnected} ${networkType}`;
    if (!watching || now === last) return;
    last = now;
    signals.onNetwork(isConnected !== false);
  };
  if (host.onAppShow) host.onAppShow(show);
  if (host.onAppHide) host.onAppHide(hide);
  if (host.onNetworkStatusChange) host.onNetworkStatusChange(network);
  return () => {
    // Older hosts can be told to call, not to stop.
    watching = false;
    if (host.offAppShow) host.offAppShow(show);
    if (host.offAppHide) host.offAppHide(hide);
    if (host.offNetworkStatusChange) host.offNetworkStatusChange(network);
  };
}

/** WeChat on PC and Mac goes on while its window is hidden. */
function isDesktop(host: WxHost): boolean {
  const { platform = "" } = (host.getDeviceInfo && host.getDeviceInfo()) || {};
  return platform === "windows" || platform === "mac";
}

/** Told by the words: `errno` is missing on some hosts, and the words are translated on others. */
function codeOf(said: string): TransportErrorCode {
  if (/interrupt|abort/i.test(said)) return "interrupted";
  if (/time[ds]?[ -]?out|超时/i.test(said)) return "timeout";
  if (/domain list|合法域名|invalid url/i.test(said)) return "unsupported";
  return "network";
}

/** `wx` takes strings, objects and ArrayBuffers; a view would be sent as the JSON of an object. */
function payload(body: unknown): unknown {
  if (tagOf(body) !== "[object Uint8Array]") return body;
  const { buffer, byteOffset, byteLength } = body as Uint8Array;
  return buffer.slice(byteOffset, byteOffset + byteLength);
}

/** By tag: the prototype may be another realm's, and then `instanceof` says no. */
function read(data: unknown): Uint8Array | string | undefined {
  const tag = tagOf(data);
  if (tag === "[object ArrayBuffer]") return new Uint8Array(data as ArrayBuffer);
  if (tag === "[object Uint8Array]") return data as Uint8Array;
  if (tag === "[object String]") return data as string;
  // A host that parsed it all the same: only a refusal is JSON.
  return tag === "[object Object]" ? JSON.stringify(data) : undefined;
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}

function lowerNames(header: Record<string, unknown> | undefined): Record<string, string> {
  const lower = Object.create(null) as Record<string, string>;
  Object.keys(header || {}).forEach((name) => {
    lower[name.toLowerCase()] = String(header![name]);
  });
  return lower;
}

function nothing(): void {}

const TIMEOUT_MS = 600_000;
const INTERRUPTED_AFTER_MS = 5000;
const NO_CHUNKS =
  "the request cannot stream: it has no onChunkReceived. " +
  "Expected WeChat's base library 2.20.2 or later, and wx itself rather than a wrapper or an intercepted Taro.request";
