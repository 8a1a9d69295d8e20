/**
 * Makes the request of an attempt from what the application gave: values, or functions that are called at each attempt.
 * This module is browser compatible.
 */
import { isThenable } from "../../guard/foreign.ts";
import type { TransportRequest } from "../transports/transport.ts";

/** A value, or a function that is called for it at each attempt. */
export type Asked<T> = T | (() => T | PromiseLike<T>);

/** An object, pairs, or the platform's `Headers`. */
export type HeadersInput =
  | Readonly<Record<string, string | undefined>>
  | readonly (readonly [string, string])[]
  | { forEach(each: (value: string, name: string) => void): void };

/** The platform's `URL`, where there is one. */
export interface UrlObject {
  readonly href: string;
  toString(): string;
}

/** What a request is made of. */
export interface RequestParts {
  url: Asked<string | UrlObject>;
  /** In any case. Default: `"GET"`. */
  method?: string | undefined;
  headers?: Asked<HeadersInput> | undefined;
  body?: Asked<unknown>;
}

/** The request that asks for the stream from `lastEventId` on. A promise only when one of the parts is one. */
export function makeRequest(
  parts: RequestParts,
  lastEventId: string,
): TransportRequest | PromiseLike<TransportRequest> {
  const asked = together(
    [parts.url, parts.headers, parts.body].map((given) =>
      typeof given === "function" ? (given as () => unknown)() : given,
    ),
  );
  return isThenable(asked) ? asked.then(build) : build(asked);

  function build([url, given, body]: readonly unknown[]): TransportRequest {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (lastEventId) headers["last-event-id"] = lastEventId;
    const json = jsonOf(body);
    if (json) headers["content-type"] = "application/json";
    readHeaders(given as HeadersInput | undefined, (value, name) => {
      if (value !== undefined) headers[name.toLowerCase()] = value;
    });
    return { url: String(url), method: methodOf(parts), headers, body: json || body };
  }
}

/** The values, or a promise for them when one of them is a promise. */
export function together<Value>(
  values: readonly (Value | PromiseLike<Value>)[],
): readonly Value[] | Promise<readonly Value[]> {
  return values.some(isThenable) ? Promise.all(values) : (values as readonly Value[]);
}

export function methodOf({ method }: RequestParts): string {
  return (method || "GET").toUpperCase();
}

/** Whether a request only reads, so that it may be repeated. QUERY is RFC 10008. */
export function isSafe(method: string): boolean {
  return /^(GET|HEAD|OPTIONS|QUERY)$/.test(method);
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
