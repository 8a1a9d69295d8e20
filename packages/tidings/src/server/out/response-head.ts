/**
 * The head of an event stream's response and the first bytes behind it, the same on every server.
 * No field belongs to one hop (RFC 9110, 7.6.1): those are the server's to write, and HTTP/2 forbids them.
 * This module is browser compatible.
 */
import { checkHeader } from "./check-header.ts";
import { encode, encodeComment } from "../../wire/encode.ts";
import { Batch } from "./batch.ts";

export interface HeadOptions {
  /** The status, from 200 to 599 except 204, 205 and 304, which have no body. `EventSource` accepts only 200. Default: 200. */
  status?: number | undefined;
  /** Additional response headers. They override the defaults. Hop-by-hop headers and `Content-Length` are refused. Default: none. */
  headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** The reconnection time, in milliseconds, sent as `retry` at the start. Default: the client's own. */
  retryMs?: number | undefined;
}

/** A head, ready for any server. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string | readonly string[]])[];
  /** `headers` as one list, name after value, as node:http takes them. */
  readonly flat: readonly (string | readonly string[])[];
  /** Sent with the head, since many proxies hold a head back until there is a byte of the body. */
  readonly first: Batch;
}

/**
 * @throws {TypeError} If a header cannot be written, belongs to one hop, or says that the body is no event stream.
 * @throws {RangeError} If `status` has no body to stream, or `retryMs` is not a whole number from 0 to 2^31-1.
 */
export function responseHead(options: HeadOptions = {}): ResponseHead {
  const { status = 200, headers = {}, retryMs } = options;
  if (status === 200 && options.headers === undefined && retryMs === undefined) return PLAIN_HEAD;
  const given = Object.entries(headers);
  if (newest?.status === status && newest.retryMs === retryMs && isAlike(newest.given, given))
    return newest.head;
  if (!Number.isInteger(status) || status < 200 || status > 599 || BODILESS.has(status)) {
    throw new RangeError(
      `Cannot open event stream: status is ${String(status)}, expected a status with a body, from 200 to 599`,
    );
  }
  const all = new Map<string, string | readonly string[]>(DEFAULTS);
  for (const [name, value] of given) {
    const lower = name.toLowerCase();
    if (NOT_OURS.has(lower)) {
      throw new TypeError(
        `Cannot open event stream: headers has ${JSON.stringify(name)}, which the server sets, expected it to be left out`,
      );
    }
    if (lower === "content-type" && !/^text\/event-stream\s*(;|$)/i.test(String(value))) {
      throw new TypeError(
        `Cannot open event stream: content-type is ${JSON.stringify(value)}, expected text/event-stream`,
      );
    }
    checkHeader(name, value);
    all.set(lower, value);
  }
  const head = toHead(
    status,
    [...all],
    retryMs === undefined ? encodeComment("") : encode({ retry: retryMs }),
  );
  newest = { status, retryMs, given, head };
  return head;
}

/** Most streams of an application have the same head: it is checked and written once, and so is what servers make of it. */
let newest:
  | {
      readonly status: number;
      readonly retryMs: number | undefined;
      readonly given: Given;
      readonly head: ResponseHead;
    }
  | undefined;

type Given = readonly (readonly [name: string, value: string | readonly string[]])[];

/** A list of values is like no other: it may have been changed since. */
function isAlike(before: Given, now: Given): boolean {
  return (
    before.length === now.length &&
    now.every(([name, value], at) => {
      const [nameBefore, valueBefore] = before[at]!;
      return name === nameBefore && value === valueBefore && typeof value === "string";
    })
  );
}

/** A head with more fields. What `vary` names is added to what it names already. */
export function withHeaders(
  head: ResponseHead,
  more: readonly (readonly [name: string, value: string])[],
): ResponseHead {
  const all = new Map(head.headers);
  for (const [name, value] of more) {
    all.set(name, name === "vary" ? joinVary(all.get(name), value) : value);
  }
  const headers = [...all];
  return { ...head, headers, flat: headers.flat() };
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5 */
export function joinVary(before: string | readonly string[] | undefined, name: string): string {
  const names = before === undefined ? "" : String(before);
  const known = names.toLowerCase().split(",");
  if (known.some((one) => one.trim() === name.toLowerCase() || one.trim() === "*")) return names;
  return names === "" ? name : `${names}, ${name}`;
}

function toHead(status: number, headers: ResponseHead["headers"], first: string): ResponseHead {
  return { status, headers, flat: headers.flat(), first: Batch.of(first) };
}

const DEFAULTS = [
  ["content-type", "text/event-stream"],
  // no-transform keeps compressors, ours and the proxies', from holding events back.
  ["cache-control", "no-cache, no-transform"],
  // nginx and those who learned from it stop buffering this one response.
  ["x-accel-buffering", "no"],
  // Asks intermediaries to forward each part of the body as it comes: https://www.rfc-editor.org/rfc/rfc10036
  ["incremental", "?1"],
] as const;

/** What most streams begin with. */
const PLAIN_HEAD: ResponseHead = toHead(200, DEFAULTS, encodeComment(""));

const BODILESS = new Set([204, 205, 304]);

const NOT_OURS = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
