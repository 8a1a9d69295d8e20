/**
 * Makes the request of an attempt from what the application gave: values, or functions asked anew each time.
 * This module is browser compatible.
 */
import { isThenable } from "./settle.ts";
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

/**
 * @param carry - Puts the cursor into the request, if there is one. Default: the standard's header.
 * @returns The request that asks for the stream from `lastEventId` on: at once, unless a function wants time.
 */
export function makeRequest(
  url: Asked<string>,
  method: string,
  headers: Asked<HeadersInput> | undefined,
  body: Asked<unknown>,
  lastEventId: string,
  carry?: (request: TransportRequest, lastEventId: string) => void,
): TransportRequest | PromiseLike<TransportRequest> {
  const asked = [url, headers, body].map((given) =>
    typeof given === "function" ? (given as () => unknown)() : given,
  );
  return asked.some(isThenable) ? Promise.all(asked).then(build) : build(asked);

  function build([url, given, body]: unknown[]): TransportRequest {
    const all: Record<string, string> = { accept: "text/event-stream" };
    if (lastEventId && !carry) all["last-event-id"] = lastEventId;
    const json = jsonOf(body);
    if (json) all["content-type"] = "application/json";
    readHeaders(given as HeadersInput | undefined, (value, name) => {
      if (value !== undefined) all[name.toLowerCase()] = value;
    });
    const request = { url: String(url), method, headers: all, body: json || body };
    if (lastEventId && carry) carry(request, lastEventId);
    return request;
  }
}

/** What carries a cursor that must not travel as the header. */
export function carrier(
  cursorVia: Exclude<CursorVia, "header">,
): (request: TransportRequest, lastEventId: string) => void {
  if (typeof cursorVia === "function") return cursorVia;
  return (request, lastEventId) => {
    const { url } = request;
    const sign = /^[^#]*\?/.test(url) ? "&" : "?";
    const pair = `${encodeURIComponent(cursorVia.query)}=${encodeURIComponent(lastEventId)}`;
    request.url = url.replace(/(?=#)|$/, sign + pair);
  };
}

/** Whether a request may be sent again unasked: one that only reads, or one of which the application said so. */
export function mayReplay(method: string, replay?: unknown): boolean {
  return !!replay || /^(GET|HEAD|OPTIONS)$/.test(method);
}

function readHeaders(
  given: HeadersInput | undefined,
  each: (value: string | undefined, name: string) => void,
): void {
  if (!given) return;
  if (Array.isArray(given)) given.forEach(([name, value]: [string, string]) => each(value, name));
  else if (typeof given.forEach === "function") given.forEach(each as never);
  else Object.keys(given).forEach((name) => each((given as Record<string, string>)[name], name));
}

/** The JSON that a plain object or an array is sent as; a string that looks like it is JSON already. */
function jsonOf(body: unknown): string | undefined {
  if (typeof body === "string") return /^\s*[[{]/.test(body) ? body : undefined;
  if (typeof body !== "object" || !body) return;
  const prototype: unknown = Object.getPrototypeOf(body);
  // Object.prototype, whichever realm's it is, has none of its own.
  if (Array.isArray(body) || !prototype || !Object.getPrototypeOf(prototype)) return JSON.stringify(body);
}
