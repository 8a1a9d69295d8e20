/**
 * A scripted server behind a `fetch` that needs no port: in Node, in a browser, in jsdom, and under virtual time.
 * This module is browser compatible.
 */
import type { Fetch } from "../client/index.ts";
import { createBody } from "./body.ts";
import { type Scripted, scriptedServer, type ScriptedServer, type ScriptOptions } from "./scripted-server.ts";

export interface TestFetch extends ScriptedServer {
  /** For `connect(url, { fetch })`, `new EventSource(url, { fetch })` and code of your own. */
  readonly fetch: Fetch;
}

/**
 * A `fetch` that is answered by a script. It follows redirects, heeds `signal`, and holds the script back while the body is not
 * read, at 64 KiB. It knows nothing of CORS, cookies and caches.
 * @param script - What is said to the first request, the second, and so on; or options.
 */
export function createTestFetch(script: readonly Scripted[] | ScriptOptions = {}): TestFetch {
  const server = scriptedServer("length" in script ? { script } : script);

  const ask = async (url: string, init: RequestInit, hops = 0): Promise<Response> => {
    const { signal, redirect = "follow" } = init;
    if (signal?.aborted) throw signal.reason;
    const method = (init.method ?? "GET").toUpperCase();
    const body = typeof init.body === "string" ? init.body : await new Response(init.body ?? "").text();
    const response = await new Promise<Response>((resolve, reject) => {
      const answer = createBody();
      signal?.addEventListener("abort", () => {
        answer.leave(signal.reason);
        reject(signal.reason as Error);
      });
      // Too late to be heard, if there was a response.
      void answer.closed.then(() => reject(new TypeError("fetch failed")));
      const head = (status: number, headers: Record<string, string>) => {
        // These have no body, and a Response would not take one.
        const bare = status === 204 || status === 205 || status === 304;
        resolve(new Response(bare ? null : answer.stream, { status, headers }));
      };
      server.accept({ method, url, headers: headersOf(init.headers), body }, Object.assign(answer, { head }));
    });
    const location = response.headers.get("location");
    const moved = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
    if (!moved || redirect === "manual") return at(response, url, hops);
    if (redirect === "error" || hops === MOST_REDIRECTS)
      throw new TypeError("fetch failed: unexpected redirect");
    await response.body?.cancel();
    const next = new URL(location, url).href;
    const asGet = response.status === 303 || (response.status < 303 && method === "POST");
    return ask(next, asGet ? { ...init, method: "GET", body: null } : init, hops + 1);
  };

  return Object.assign(server, {
    fetch: (url: string | URL, init: RequestInit = {}) => ask(String(url), init),
  });
}

/** A `Response` that was made says nothing of where it is from. */
function at(response: Response, url: string, hops: number): Response {
  return Object.defineProperties(response, {
    url: { value: url.replace(/#.*/, "") },
    redirected: { value: hops > 0 },
  });
}

function headersOf(given: RequestInit["headers"]): Record<string, string> {
  const headers: Record<string, string> = {};
  new Headers(given ?? undefined).forEach((value, name) => {
    headers[name] = value;
  });
  return headers;
}

const MOST_REDIRECTS = 20;
