/**
 * Reads a header of either kind of request.
 * This module is browser compatible.
 */
import type { FetchRequest, NodeRequest } from "./http-types.ts";

/** The header's value, the last one where it came several times; `""` when there is none. @param name - In lower case. */
export function headerOf(request: FetchRequest | NodeRequest, name: string): string {
  const headers = request.headers as Partial<FetchRequest["headers"]> & NodeRequest["headers"];
  const value: unknown = typeof headers.get === "function" ? headers.get(name) : headers[name];
  const text: unknown = Array.isArray(value) ? value.at(-1) : value;
  return typeof text === "string" ? text : "";
}
