/**
 * Redirects, followed as the Fetch standard does: https://fetch.spec.whatwg.org/#http-redirect-fetch
 */
import { type ExchangeHead, headerOf } from "./exchange.ts";

interface Redirected {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
}

/** Where a response sends its reader, as it says it. */
export function locationOf(head: ExchangeHead): string | undefined {
  return /^30[12378]$/.test(String(head.status)) ? headerOf(head, "location") : undefined;
}

/**
 * The request that follows.
 * @throws {TypeError} If it leads to nowhere that a request can be made to.
 */
export function redirected<Request extends Redirected>(
  request: Request,
  status: number,
  location: string,
): Request {
  const url = new URL(location, request.url);
  if (!/^https?:$/.test(url.protocol)) {
    throw new TypeError(`redirected to ${url.href.slice(0, 200)}, expected http: or https:`);
  }
  // Another origin must not get what was meant for this one.
  const isSameOrigin = url.origin === new URL(request.url).origin;
  const kept = Object.entries(request.headers).filter(([name]) => isSameOrigin || !SECRET.test(name));
  const headers = Object.fromEntries(kept);
  const becomesGet =
    (status === 303 && !/^(GET|HEAD)$/.test(request.method)) ||
    ((status === 301 || status === 302) && request.method === "POST");
  const { body: _, ...rest } = request;
  return becomesGet
    ? ({ ...rest, url: url.href, method: "GET", headers } as unknown as Request)
    : { ...request, url: url.href, headers };
}

const SECRET = /^(?:authorization|cookie|tidings-doctor-token)$/i;
