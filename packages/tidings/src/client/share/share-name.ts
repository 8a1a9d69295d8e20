/**
 * Which tabs share: those whose requests are written the same, and are named the same where writing does not tell.
 * This module is browser compatible.
 */
import type { ConnectOptions } from "../connect.ts";
import type { Asked, HeadersInput } from "../core/request.ts";
import { absolute } from "../transports/fetch.ts";

/** Tabs with another version of what they say to each other do not hear each other. */
const PREFIX = "tidings.share.1 ";

/** @throws {TypeError} If a part of the request cannot be compared and there is no name. */
export function shareName(
  url: Asked<string | URL>,
  options: Pick<ConnectOptions, "method" | "headers" | "body" | "credentials"> & {
    name?: string | undefined;
  },
): string {
  const { name, method = "GET", headers, body, credentials } = options;
  const parts = [
    name,
    method.toUpperCase(),
    written("url", url, absolute),
    written("headers", headers, (given: HeadersInput) => [...new Headers(given as HeadersInit)]),
    written("body", body, asText),
    credentials,
  ];
  return PREFIX + JSON.stringify(parts);

  function written<T>(what: string, part: Asked<T> | undefined, write: (value: T) => unknown): unknown {
    if (part === undefined) return "";
    const text = typeof part === "function" ? undefined : write(part);
    if (text === undefined && name === undefined) {
      throw new TypeError(
        `Cannot share: ${what} of type ${typeof part} cannot be compared, expected a name with it, such as name: \`prices/\${user}\``,
      );
    }
    return text;
  }
}

function asText(body: unknown): string | undefined {
  if (typeof body === "string" || body instanceof URLSearchParams) return String(body);
  const prototype: unknown = Object.getPrototypeOf(Object(body));
  if (Array.isArray(body) || prototype === Object.prototype) return JSON.stringify(body);
}
