/**
 * Checks a header before it is sent, so that a mistake is found at the call and nothing can split a response.
 * Standard: https://www.rfc-editor.org/rfc/rfc9110#section-5
 * This module is browser compatible.
 */
import { show } from "../../guard/show.ts";

/** @throws {TypeError} If the name is no token, or the value has a character that no header can carry. */
export function checkHeader(name: string, value: string | readonly string[]): void {
  if (!isHeaderName(name)) {
    throw new TypeError(`Cannot write head: ${JSON.stringify(name)} is not a header name`);
  }
  if (typeof value !== "string" && !(Array.isArray(value) && value.every((one) => typeof one === "string"))) {
    throw new TypeError(`Cannot write head: ${name} is ${show(value)}, expected text or a list of texts`);
  }
  const bad = (typeof value === "string" ? [value] : value).find((one) => !isHeaderValue(one));
  if (bad === undefined) return;
  throw new TypeError(
    `Cannot write head: ${name} is ${JSON.stringify(bad)}, expected characters that a header can carry`,
  );
}

/** Whether it is a token: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

/** Whether it is free of CR, LF, NUL and other controls, and of what does not fit in a byte. */
export function isHeaderValue(value: string): boolean {
  return !BAD_VALUE.test(value);
}

const TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
