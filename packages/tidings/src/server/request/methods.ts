/**
 * Which methods open a stream, and what the others are answered: OPTIONS with what is allowed, a CORS preflight with what the
 * response headers of the application imply, and any other method with 405.
 * Standards: https://www.rfc-editor.org/rfc/rfc9110#section-9, https://fetch.spec.whatwg.org/#cors-preflight-fetch
 * This module is browser compatible.
 */
import { show } from "../../guard/show.ts";
import { headerOf } from "./header-of.ts";
import type { FetchRequest, NodeRequest } from "./http-types.ts";
import type { Refusal } from "./refusal.ts";

/** GET and what is like it; POST and QUERY (RFC 10008), which carry a body. */
export const DEFAULT_METHODS: readonly string[] = ["GET", "HEAD", "POST", "QUERY"];

/** The headers of event stream clients that another origin must allow. */
const CLIENT_HEADERS = "authorization, cache-control, content-type, last-event-id";

/** @throws {TypeError} If `methods` is neither a list of names nor absent. */
export function checkMethods(action: string, methods: unknown): void {
  if (methods === undefined || (Array.isArray(methods) && methods.every((one) => typeof one === "string")))
    return;
  throw new TypeError(
    `Cannot ${action}: methods is ${show(methods)}, expected a list such as ["GET", "POST"]`,
  );
}

/**
 * Returns undefined when the method opens a stream.
 * @param headers - The response headers of the application.
 */
export function refuseMethod(
  request: FetchRequest | NodeRequest,
  methods: readonly string[],
  headers: Readonly<Record<string, string | readonly string[]>>,
): Refusal | undefined {
  const { method = "GET" } = request;
  if (methods.includes(method)) return undefined;
  const allow = methods.join(", ");
  if (method !== "OPTIONS") {
    return {
      code: "bad-method",
      status: 405,
      detail: `The method is ${method}, expected ${allow}`,
      headers: { allow },
    };
  }
  const isPreflight = headerOf(request, "access-control-request-method") !== "";
  const isShared = Object.keys(headers).some((name) => name.toLowerCase() === "access-control-allow-origin");
  const preflight = { "access-control-allow-methods": allow, "access-control-allow-headers": CLIENT_HEADERS };
  return {
    code: "bad-method",
    status: 204,
    detail: "",
    headers: { allow, ...(isPreflight && isShared ? preflight : {}) },
  };
}
