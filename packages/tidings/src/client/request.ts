/**
 * Makes the request of an attempt from what the application gave: values, or functions asked anew each time.
 * This module is browser compatible.
 */
import type { TransportRequest } from "./transports/transport.ts";

/** A value, or a function that is asked for it at each attempt. */
export type Asked<T> = T | (() => T | PromiseLike<T>);

/** An object, pairs, or the platform's `Headers`. */
export type HeadersInput =
  | Readonly<Record<string, string | undefined>>
  | readonly (readonly [string, string])[]
  | { forEach(each: (value: string, name: string) => void): void };

/**
 * How the cursor travels: as the standard's header, which other origins must allow by name (`Access-Control-Allow-Headers:
 * Last-Event-ID`), as a query parameter, or as a function puts it into the request.
 */
export type CursorVia =
  | "header"
  | { readonly query: string }
  | ((request: TransportRequest, lastEventId: string) => void);

export interface RequestParts {
  url: Asked<string>;
  /** In capitals. */
  method: string;
  headers: Asked<HeadersInput> | undefined;
  body: Asked<unknown>;
  /** Default `"header"`. */
  cursorVia?: CursorVia | undefined;
}

/** @returns What makes the request of each attempt; at once, unless a function wants time. */
export function requestMaker(
  parts: RequestParts,
): (lastEventId: string) => TransportRequest | PromiseLike<TransportRequest> {
  const { method, cursorVia = "header" } = parts;
  return (lastEventId) => {
    const asked = [parts.url, parts.headers, parts.body].map(ask);
    const build = ([url, given, body]: unknown[]): TransportRequest => {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (lastEventId && cursorVia === "header") headers["last-event-id"] = lastEventId;
      readHeaders(given as HeadersInput | undefined, (name, value) => {
        headers[name.toLowerCase()] = value;
      });
      const json = asJson(body);
      if (json !== undefined && !headers["content-type"]) headers["content-type"] = "application/json";
      const request = { url: String(url), method, headers, body: json === undefined ? body : json };
      if (lastEventId && typeof cursorVia === "function") cursorVia(request, lastEventId);
      else if (lastEventId && cursorVia !== "header") {
        request.url = withQuery(request.url, (cursorVia as { query: string }).query, lastEventId);
      }
      return request;
    };
    return asked.some(isThenable) ? Promise.all(asked).then(build) : build(asked);
  };
}

/** Whether a request may be sent again unasked: one that only reads, or one of which the application said so. */
export function mayReplay(method: string, replay: boolean | undefined): boolean {
  return replay || method === "GET" || method === "HEAD" || method === "OPTIONS";
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

function ask(asked: unknown): unknown {
  return typeof asked === "function" ? (asked as () => unknown)() : asked;
}

function withQuery(url: string, name: string, value: string): string {
  const [before, fragment] = url.split("#");
  const pair = `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
  return `${before}${before!.indexOf("?") < 0 ? "?" : "&"}${pair}${fragment === undefined ? "" : `#${fragment}`}`;
}

function readHeaders(given: HeadersInput | undefined, each: (name: string, value: string) => void): void {
  if (!given) return;
  const pairs = given as [string, string][] & { forEach(each: (value: string, name: string) => void): void };
  const object = given as Record<string, string | undefined>;
  if (Array.isArray(given)) pairs.map(([name, value]) => each(name, value));
  else if (typeof given.forEach === "function")
    pairs.forEach((value: string, name: string) => each(name, value));
  else {
    Object.keys(object).forEach((name) => {
      const value = object[name];
      if (value !== undefined) each(name, value);
    });
  }
}

/** The JSON that a plain object or an array is sent as; a string that looks like it is JSON already. */
function asJson(body: unknown): string | undefined {
  if (typeof body === "string") return /^\s*[[{]/.test(body) ? body : undefined;
  if (typeof body !== "object" || body === null) return;
  const prototype: unknown = Object.getPrototypeOf(body);
  return Array.isArray(body) || prototype === null || prototype === Object.prototype
    ? JSON.stringify(body)
    : undefined;
}
