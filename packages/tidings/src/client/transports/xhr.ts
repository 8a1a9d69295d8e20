/**
 * Event streams over XMLHttpRequest, where fetch hands a response over only when it is whole: React Native, old browsers and webviews.
 * The platform keeps all the text of a response for as long as that lives, and cannot be made to read slower: both are bounded, here
 * and by the connection's queue, and neither is over fetch. Use it where there is no choice.
 * Standard: https://xhr.spec.whatwg.org/
 * This module is browser compatible.
 */
import { percentEncoded } from "../../guard/percent-encoded.ts";
import { EventStreamError, wordsOf } from "../core/event-stream-error.ts";
import { TransportError, type TransportErrorCode } from "./transport-error.ts";
import type { Transport, TransportRequest, TransportSink } from "./transport.ts";

export interface XhrTransportOptions {
  /** Whether cookies are sent to another origin. Default: false. */
  withCredentials?: boolean | undefined;
  /** Called with `new`, instead of the platform's. */
  XMLHttpRequest?: (new () => XhrLike) | undefined;
  /**
   * How many characters of a response are taken before it is ended, after a whole message, and the connection returns from its last
   * event ID. A GET or HEAD; any other method has eight times as many, and its stream is truncated there unless it may be repeated.
   * Default: 1,048,576, at 1 or 2 bytes each. At most 2 MiB.
   */
  maxTextLength?: number | undefined;
}

/** As much of XMLHttpRequest as is used, since a program for Node or React Native has no types of the DOM. */
export interface XhrLike {
  withCredentials: boolean;
  onreadystatechange: Listener;
  onprogress: Listener;
  onload: Listener;
  onerror: Listener;
  ontimeout: Listener;
  onabort: Listener;
  readonly readyState: number;
  readonly responseText: string;
  readonly responseURL: string;
  readonly status: number;
  abort(): void;
  getResponseHeader(name: string): string | null;
  open(method: string, url: string, async: boolean): void;
  overrideMimeType?(type: string): void;
  // A method's parameter may be narrower on a platform.
  send(body?: unknown): void;
  setRequestHeader(name: string, value: string): void;
}

type Listener = ((event: never) => unknown) | null;

/**
 * A transport over `XMLHttpRequest`: for `connect(url, { transport: xhrTransport() })`.
 * @throws {RangeError} If `maxTextLength` is not above 0.
 */
export function xhrTransport(options: XhrTransportOptions = {}): Transport {
  const { maxTextLength = MAX_TEXT_LENGTH } = options;
  if (typeof maxTextLength !== "number" || !(maxTextLength > 0)) {
    throw new RangeError(
      `Cannot make transport: maxTextLength is ${maxTextLength}, expected a number above 0`,
    );
  }
  return { name: "xhr", open: (request, sink) => open(options, maxTextLength, request, sink) };
}

function open(
  options: XhrTransportOptions,
  maxTextLength: number,
  { url, method, headers, body }: TransportRequest,
  sink: TransportSink,
): { abort(): void } {
  const most = method === "GET" || method === "HEAD" ? maxTextLength : maxTextLength * 8;
  let xhr: XhrLike | undefined;
  let over = false;
  let answered = false;
  let taken = 0;

  try {
    // Called later: callers expect no event before open() has returned.
    send();
  } catch (thrown) {
    const cause = thrown instanceof TransportError ? thrown : asError("network", wordsOf(thrown), thrown);
    void Promise.resolve().then(() => fail(cause));
  }
  return { abort };

  function send(): void {
    const Request =
      options.XMLHttpRequest || (globalThis as { XMLHttpRequest?: new () => XhrLike }).XMLHttpRequest;
    if (!Request) throw asError("unsupported", "there is no XMLHttpRequest here");
    const protocol = /^([a-z][a-z\d+.-]*):/i.exec(url);
    if (protocol && !/^(https?|data|blob)$/i.test(protocol[1]!)) {
      throw asError("unsupported", `${protocol[0]} is not a protocol of event streams`);
    }
    xhr = new Request();
    xhr.open(method, uncached(url, method, headers), true);
    for (const name of Object.keys(headers)) {
      const value = headers[name]!;
      xhr.setRequestHeader(name, name === "last-event-id" ? asBytes(value) : value);
    }
    if (options.withCredentials) xhr.withCredentials = true;
    // An event stream is UTF-8, whatever its content type says.
    if (xhr.overrideMimeType) xhr.overrideMimeType("text/event-stream; charset=utf-8");
    // React Native reports text as it arrives only if one of these is set.
    xhr.onreadystatechange = take;
    xhr.onprogress = take;
    xhr.onload = end;
    xhr.onerror = () =>
      fail(asError("network", "no connection, or it broke, or the server does not allow this origin"));
    xhr.ontimeout = () => fail(asError("timeout", "the platform gave up waiting"));
    xhr.onabort = () => fail(asError("interrupted", "the platform ended the request"));
    xhr.send(body);
  }

  function abort(): void {
    close();
    if (xhr) xhr.abort();
  }

  function take(): void {
    const { readyState } = xhr!;
    // At its end the state says nothing of whether it was a good one.
    if (readyState >= 2 && readyState < 4) answer();
    if (readyState === 3) read(false);
  }

  function end(): void {
    answer();
    read(true);
    if (close()) sink.onEnd();
  }

  function fail(error: TransportError): void {
    if (close()) sink.onError(error);
  }

  function answer(): void {
    if (over || answered) return;
    answered = true;
    const { status, responseURL } = xhr!;
    sink.onResponse({
      status,
      url: responseURL || url,
      header: (name) => xhr!.getResponseHeader(name),
    });
  }

  function read(isWhole: boolean): void {
    if (over) return;
    const { responseText } = xhr!;
    let { length } = responseText;
    // Some decode what came so far, and the start of a character is none yet.
    while (!isWhole && length > taken && responseText.charCodeAt(length - 1) === REPLACEMENT) length--;
    if (length === taken) return;
    let text = responseText.slice(taken, length);
    taken = length;
    const isFull = taken > most && !isWhole;
    const boundary = isFull ? endOfMessages(text) : 0;
    if (boundary > 0) text = text.slice(0, boundary);
    void sink.onText!(text);
    if (!isFull || (boundary === 0 && taken < most * 2) || !close()) return;
    xhr!.abort();
    const came = `${taken} characters came, and maxTextLength is ${maxTextLength}`;
    sink.onError(
      boundary > 0
        ? asError("interrupted", came)
        : // It would come again, and be as long.
          new EventStreamError("too-large", `Event stream ${url} failed: one message is too long: ${came}`, {
            url,
          }),
    );
  }

  /** @returns Whether it was open until now. */
  function close(): boolean {
    const wasOpen = !over;
    over = true;
    return wasOpen;
  }
}

/**
 * The request past the browser's cache, which would give each reconnect the same old answer. By a header, or by a query parameter to
 * another origin, which would have to allow the header by name.
 */
function uncached(url: string, method: string, headers: Record<string, string>): string {
  const { location } = globalThis as { location?: Location };
  if (method !== "GET") return url;
  if (!location?.origin || new URL(url, location.href).origin === location.origin) {
    headers["cache-control"] ??= "no-cache";
    return url;
  }
  const pair = `_=${Math.random().toString(36).slice(2)}`;
  return url.replace(/(?=#)|$/, (/^[^#]*\?/.test(url) ? "&" : "?") + pair);
}

/** Where the last whole message of a text ends, 0 if none does. */
function endOfMessages(text: string): number {
  let end = 0;
  for (const blank of ["\n\n", "\r\r", "\r\n\r\n"]) {
    const at = text.lastIndexOf(blank);
    if (at >= 0) end = Math.max(end, at + blank.length);
  }
  return end;
}

/** Header values are bytes, one character each: an ID may hold any character, and goes as UTF-8. */
function asBytes(text: string): string {
  return percentEncoded(text).replace(/%(..)/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

function asError(code: TransportErrorCode, message: string, cause?: unknown): TransportError {
  return new TransportError(code, message, cause);
}

const MAX_TEXT_LENGTH = 2 ** 20;
const REPLACEMENT = 0xfffd;
