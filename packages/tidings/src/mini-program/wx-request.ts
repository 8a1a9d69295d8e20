/**
 * One request over `wx.request`, whose chunks come through a callback and whose every rule has an exception somewhere:
 * a status that comes at the end, headers or chunks that never come, bytes of another realm, failures told in prose. Each
 * exception that is known is met here; docs/mini-program.md lists them.
 * This module is browser compatible.
 */
import { LONGEST_TIMER_MS } from "../guard/timer.ts";
import { explain } from "../client/core/event-stream-error.ts";
import { TransportError, type TransportErrorCode } from "../client/transports/transport-error.ts";
import type { TransportRequest, TransportSink } from "../client/transports/transport.ts";
import { tell } from "../guard/foreign.ts";
import type { Doubt } from "./doubt.ts";
import { createHearing } from "./hearing.ts";
import { firstCode, lowerNames, readBody, tagOf, writeBody } from "./wx-body.ts";
import type { WxHost, WxResult, WxTask } from "./wx-host.ts";
import { readsWhole, type WxOptions } from "./wx-options.ts";

export function openRequest(
  host: WxHost,
  options: WxOptions,
  doubt: Doubt,
  request: TransportRequest,
  sink: TransportSink,
): { abort(): void } {
  let over = false;
  let answered = false;
  let hasHeaders = false;
  let hasChunks = false;
  let chunks = 0;
  let headers: Record<string, string> | undefined;
  // Chunks that came before it was known what they are part of.
  let early: (Uint8Array | string)[] = [];
  let earlyBytes = 0;
  let task: WxTask | undefined;
  let timer: unknown;
  /** What to do once the chunks that are under way have come. */
  let last: (() => void) | undefined;
  const suspect = { method: request.method, heardMs: Date.now(), fail: kill };
  const { heard, begin } = createHearing((error) => kill(explain(error), "unsupported"));

  doubt.add(suspect);
  try {
    task = host.request(
      Object.assign({}, options.request, {
        url: request.url,
        method: request.method,
        header: request.headers,
        // Alipay's name for `header`.
        headers: request.headers,
        data: writeBody(request.body),
        timeout: Math.min(options.timeoutMs || TIMEOUT_MS, LONGEST_TIMER_MS),
        enableChunked: true,
        responseType: "arraybuffer",
        // With the default, "json", the host would parse what came.
        dataType: "text",
        success: heard(ended),
        fail: heard(failed),
      }),
    );
    // A task that is a promise too rejects with what `fail` has told already.
    tell(nothing, () => task as unknown);
    hasHeaders = !!task && typeof task.onHeadersReceived === "function";
    hasChunks = !!task && typeof task.onChunkReceived === "function";
    if (hasChunks) {
      if (hasHeaders) task!.onHeadersReceived!(heard(received));
      task!.onChunkReceived!(heard(({ data }) => chunk(data)));
    } else if (!readsWhole(options, request)) arm(() => kill(NO_CHUNKS, "unsupported"), 0);
  } catch (error) {
    // What was made all the same would go on for nobody.
    abortTask();
    arm(() => fail("network", explain(error), error), 0);
  }
  begin();
  return { abort };

  function abort(): void {
    if (close()) abortTask();
  }

  /** Its `fail` comes later, and finds that all is over, as do the chunks that were under way. */
  function abortTask(): void {
    tell(nothing, () => {
      if (task && task.abort) task.abort();
    });
  }

  /** Ends it from here. */
  function kill(why: string, code: TransportErrorCode = "interrupted"): void {
    if (over) return;
    abort();
    sink.onError(new TransportError(code, why, task));
  }

  function received(result: WxResult): void {
    if (over || answered) return;
    headers = lowerNames(result.header);
    // The devtools keep the status to themselves until the end. What says it is an event stream need not wait for it;
    // anything else is a refusal, and worth its status.
    const status = statusOf(result);
    if (status !== undefined || /^\s*text\/event-stream/i.test(headers["content-type"] || "")) {
      answer(status);
    }
  }

  function chunk(data: unknown): void {
    if (over || data === undefined || data === null) return;
    const part = readBody(data);
    // Left out in silence it would be missing from what looks whole.
    if (part === undefined) return kill(`a chunk is ${tagOf(data)}, expected an ArrayBuffer`, "unsupported");
    if (part.length === 0) return;
    doubt.heard(suspect);
    if (chunks++ === 0 && firstCode(part) === GZIP) return kill(COMPRESSED, "unsupported");
    if (last) arm(last, LAST_CHUNK_MS);
    if (answered) return deliver(part);
    early.push(part);
    earlyBytes += part.length;
    // Without a callback for the headers they are known at the end, which an event stream may not have.
    if (!hasHeaders || earlyBytes > MOST_EARLY_BYTES) return answer(undefined);
    // Some hosts have the callback and never call it. A refusal ends, and then has a status.
    const type = headers && headers["content-type"];
    if (!type && !/[{[<]/.test(String.fromCharCode(firstCode(early[0]!)!)) && early.length === 1) {
      arm(() => answered || answer(undefined), HEADERS_MS);
    }
  }

  function answer(status: number | undefined): void {
    answered = true;
    sink.onResponse({
      status,
      url: request.url,
      header: (name) => (headers && headers[name] !== undefined ? headers[name] : null),
    });
    const parts = early;
    early = [];
    parts.forEach(deliver);
  }

  function deliver(part: Uint8Array | string): void {
    // mini programs cannot read slower: what the reader does not take, the connection holds, up to its limit.
    if (over) return;
    if (typeof part !== "string") void sink.onBytes(part);
    else if (sink.onText) void sink.onText(part);
  }

  function ended(result: WxResult): void {
    if (over) return;
    if (!answered) {
      headers = headers || lowerNames(result.header || result.headers);
      answer(statusOf(result));
    }
    finish(() => {
      // On PC no chunk comes at all, and the whole body now; elsewhere it is empty by now.
      const part = chunks === 0 ? readBody(result.data) : undefined;
      if (part !== undefined && part.length > 0) deliver(part);
      if (close()) sink.onEnd();
    });
  }

  function failed(result: WxResult): void {
    const said = result.errMsg || "";
    // Some hosts call it for a status, and some of them tell the status only here.
    if (!answered && statusOf(result)! >= 400) return ended(result);
    const code = codeOf(said);
    finish(() => fail(code, (said || "request:fail") + (code === "timeout" ? TIMED_OUT : ""), result));
  }

  /** The last chunks of some hosts come after the end. */
  function finish(then: () => void): void {
    if (over || last) return;
    last = then;
    if (hasChunks && answered) arm(then, LAST_CHUNK_MS);
    else then();
  }

  function fail(code: TransportErrorCode, message: string, cause: unknown): void {
    if (close()) sink.onError(new TransportError(code, message, cause));
  }

  function arm(run: () => void, ms: number): void {
    clearTimeout(timer as number);
    timer = setTimeout(run, ms);
  }

  /** @returns Whether it was open until now. */
  function close(): boolean {
    if (over) return false;
    over = true;
    early = [];
    clearTimeout(timer as number);
    doubt.remove(suspect);
    return true;
  }
}

/** Told by the words: `errno` is missing on some hosts, and the words are translated on others. */
function codeOf(said: string): TransportErrorCode {
  if (/interrupt|abort/i.test(said)) return "interrupted";
  if (/time[ds]?[ -]?out|超时/i.test(said)) return "timeout";
  if (/domain list|合法域名|invalid url/i.test(said)) return "unsupported";
  return "network";
}

function statusOf({ errMsg, status, statusCode = status }: WxResult): number | undefined {
  const said = /status(?: ?code)?:? ?(\d{3})\b/i.exec(errMsg || "");
  if (statusCode === undefined) return said ? Number(said[1]) : undefined;
  return Number(statusCode);
}

function nothing(): void {}

const TIMEOUT_MS = 600_000;
/** How much may come before it is known what it is part of. */
const MOST_EARLY_BYTES = 65_536;
/** How long a chunk waits for headers, where a host has a callback for them. */
const HEADERS_MS = 1000;
/** How long after the end, or after the chunk before, a last chunk may come. */
const LAST_CHUNK_MS = 100;
/** The first byte of gzip. No event stream begins with it. */
const GZIP = 0x1f;

const NO_CHUNKS =
  "the request cannot stream: it has no onChunkReceived, expected base library 2.20.2 or later and wx itself rather than a wrapper, " +
  "or wholeBody: true for a stream that ends";
const COMPRESSED =
  "the body is compressed, expected no accept-encoding header, and no compression of text/event-stream";
const TIMED_OUT = "; see timeoutMs, and networkTimeout.request in app.json";
