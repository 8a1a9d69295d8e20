/**
 * The answer itself: status, type, framing, protocol, when its head comes, and what other origins may see of it.
 */
import { fixesFor } from "./fixes.ts";
import type { Check } from "../finding.ts";
import { header, isEventStream, isStream, time } from "./look.ts";

export const answer: readonly Check[] = [
  {
    id: "C01",
    title: "The server does not answer with a stream",
    severity: "error",
    find({ main, profile, runs }) {
      const { head, error } = main;
      // An endpoint that answered before, and then nothing: it is held back, which is B01.
      if (head === undefined && error === undefined && runs !== undefined) return undefined;
      if (head === undefined) {
        const waited = error === undefined ? `no answer within ${time(main.endedAtMs)}` : error;
        return {
          seen: waited,
          sure: "certain",
          see: [],
          fix: [
            error === undefined
              ? "Send the response headers before the first message, and check that nothing blocks the handler"
              : "Check the URL, and that the server is running",
          ],
        };
      }
      const { status } = head;
      if (status === 200 || (profile.finite && status >= 200 && status < 204)) return undefined;
      const fix =
        status === 204
          ? ["204 tells EventSource to stop: answer 200 with the stream"]
          : status === 401 || status === 403
            ? [
                "Send credentials: -H 'Authorization: …' here, and cookies or a fetch-based client in browsers",
              ]
            : status === 429 || status >= 500
              ? [
                  "The browser's EventSource gives up permanently here: use a client that retries, such as connect()",
                ]
              : ["The browser's EventSource gives up permanently at any status but 200"];
      return { seen: `status ${status}`, sure: "certain", fix };
    },
  },
  {
    id: "C02",
    title: "The response is not an event stream",
    severity: "error",
    find({ main, profile }) {
      if (main.head?.status !== 200) return undefined;
      const type = header(main, "content-type");
      if (isEventStream(type)) {
        const charset = /charset="?([\w-]+)/i.exec(type!)?.[1];
        if (charset === undefined || /^utf-?8$/i.test(charset)) return undefined;
        return {
          seen: `charset=${charset}`,
          sure: "certain",
          fix: ["Event streams are always UTF-8: remove the charset"],
        };
      }
      if (
        profile.accept?.includes("application/json") === true &&
        (type ?? "").startsWith("application/json")
      )
        return undefined;
      const html = /^\s*<(!doctype|html)/i.test(main.text);
      return {
        seen: `${type ?? "no content-type"}${html ? ", and the body is an HTML page" : ""}`,
        sure: "certain",
        fix: html
          ? [
              "An HTML page was served instead of the stream (single-page fallback, login or maintenance page): route this path to the stream",
            ]
          : [
              "Send Content-Type: text/event-stream. Browsers refuse anything else, and proxies use it to flush",
            ],
      };
    },
  },
  {
    id: "C03",
    title: "A broken stream looks like one that ended",
    severity: "warning",
    find({ main, hops }) {
      if (!isStream(main) || main.head!.httpVersion === "2") return undefined;
      const length = header(main, "content-length");
      if (length !== undefined) {
        return {
          severity: "error",
          seen: `Content-Length: ${length}`,
          sure: "certain",
          fix: [
            "Something buffered the whole body to count it: turn buffering off, and send no Content-Length",
          ],
        };
      }
      if (main.head!.httpVersion === "1.0")
        return { seen: "HTTP/1.0", sure: "certain", fix: fixesFor("http11", hops) };
      if (/chunked/i.test(header(main, "transfer-encoding") ?? "")) return undefined;
      return {
        seen: "no chunked encoding: the body ends with the connection",
        sure: "certain",
        fix: fixesFor("http11", hops),
      };
    },
  },
  {
    id: "C04",
    title: "Browsers get at most 6 streams to this origin",
    severity: "warning",
    find({ main, other, url }) {
      if (!url.startsWith("https:") || main.head === undefined || main.head.httpVersion === "2")
        return undefined;
      if (other?.head?.httpVersion === "2") return undefined;
      return {
        seen: `TLS negotiated HTTP/${main.head.httpVersion}`,
        sure: "certain",
        fix: [
          "Enable HTTP/2 in the proxy that terminates TLS, or share one connection between tabs (tidings/client/share)",
        ],
      };
    },
  },
  {
    id: "C05",
    title: "The response headers wait for the first byte of the body",
    severity: "warning",
    find({ main, runs, hops }) {
      const fix = [
        "Send a first byte at once, such as a comment (Tidings does)",
        ...fixesFor("buffering", hops),
      ];
      if (runs !== undefined) {
        const { hold } = runs;
        if (hold.head === undefined || hold.messages.length === 0) return undefined;
        const waited = hold.headAtMs - hold.connectedAtMs;
        if (waited < 1000 || hold.messages[0]!.atMs - hold.headAtMs > 500) return undefined;
        return {
          seen: `sent at once, the headers arrived with the first byte, ${time(waited)} later`,
          sure: "certain",
          fix,
        };
      }
      const first = main.chunks[0];
      if (!isStream(main) || first === undefined) return undefined;
      const waited = main.headAtMs - main.connectedAtMs;
      if (waited < 1500 || first.atMs - main.headAtMs > 20) return undefined;
      return { seen: `headers and first byte arrived together after ${time(waited)}`, sure: "possible", fix };
    },
  },
  {
    id: "C06",
    title: "No byte follows the response headers",
    severity: "warning",
    find({ main, runs, profile }) {
      if (runs !== undefined || !isStream(main) || profile.finite) return undefined;
      const firstMs = main.chunks[0]?.atMs ?? main.endedAtMs;
      const waited = firstMs - main.headAtMs;
      if (waited < 1000) return undefined;
      return {
        seen: `the first byte came ${main.chunks.length === 0 ? "not within" : "after"} ${time(waited)}`,
        sure: "certain",
        fix: [
          "Send a comment (:) or retry: at once. Some proxies hold the headers back until then, which delays EventSource's onopen",
        ],
      };
    },
  },
  {
    id: "H01",
    title: "X-Accel-Buffering reaches the client through nginx",
    severity: "info",
    find({ main, hops }) {
      const value = header(main, "x-accel-buffering");
      if (value === undefined || !hops.includes("nginx")) return undefined;
      return {
        seen: `X-Accel-Buffering: ${value}`,
        sure: "likely",
        fix: [
          "nginx reads this header from its upstream and removes it. Here it was added by add_header, which has no effect, or by a proxy in front",
        ],
      };
    },
  },
  {
    id: "H02",
    title: "X-Accel-Buffering is missing",
    severity: "info",
    find({ main, hops, profile }) {
      if (!isStream(main) || hops.includes("nginx") || header(main, "x-accel-buffering") !== undefined)
        return undefined;
      if (profile.name === "openai" || profile.name === "anthropic") return undefined;
      return {
        seen: "no X-Accel-Buffering",
        sure: "certain",
        fix: ["Send X-Accel-Buffering: no. It does no harm where there is no nginx"],
      };
    },
  },
  {
    id: "H03",
    title: "The Incremental header is stripped",
    severity: "info",
    find({ runs, main }) {
      if (runs?.echo === undefined) return undefined;
      const asked = runs.echo.headers["incremental"] !== undefined;
      const answered = header(main, "incremental") !== undefined;
      // A bare run sends none.
      const sends =
        header(main, "x-accel-buffering") !== undefined || header(main, "cache-control") !== undefined;
      if (asked && (answered || !sends)) return undefined;
      return {
        seen: [
          asked ? "" : "stripped from the request",
          answered || !sends ? "" : "stripped from the response",
        ]
          .filter(Boolean)
          .join(", "),
        sure: "certain",
        fix: ["Let the proxy pass Incremental (RFC 10036), which asks proxies to forward data as it arrives"],
      };
    },
  },
  {
    id: "O01",
    title: "Pages of this origin cannot read the stream",
    severity: "error",
    find({ crossOrigin, preflight }) {
      if (crossOrigin?.head === undefined) return undefined;
      const origin = crossOrigin.requestHeaders["origin"] ?? "";
      const credentials = crossOrigin.requestHeaders["cookie"] !== undefined;
      const allowed = header(crossOrigin, "access-control-allow-origin");
      const { status } = crossOrigin.head;
      if (allowed !== "*" && allowed !== origin) {
        return {
          seen: `${status}: Access-Control-Allow-Origin is ${allowed ?? "absent"}`,
          sure: "certain",
          fix: [
            `Access-Control-Allow-Origin: ${origin}, with Vary: Origin`,
            ...(status >= 400
              ? ["Error responses need it too: without it a page sees a network error instead of the status"]
              : []),
          ],
        };
      }
      if (
        credentials &&
        (allowed === "*" || header(crossOrigin, "access-control-allow-credentials") !== "true")
      ) {
        return {
          seen: `Access-Control-Allow-Origin: ${allowed} for a request with cookies`,
          sure: "certain",
          fix: [`Access-Control-Allow-Origin: ${origin} and Access-Control-Allow-Credentials: true`],
        };
      }
      if (preflight === undefined) return undefined;
      const asked = (preflight.requestHeaders["access-control-request-headers"] ?? "").split(",");
      const names = (header(preflight, "access-control-allow-headers") ?? "").toLowerCase().split(/\s*,\s*/);
      const missing = asked.filter(
        (name) => !names.includes(name) && !(names.includes("*") && name !== "authorization"),
      );
      const passed = (preflight.head?.status ?? 0) >= 200 && (preflight.head?.status ?? 0) < 300;
      if (missing.length === 0 && passed) return undefined;
      return {
        seen: passed
          ? `the preflight does not allow ${missing.join(", ")}`
          : `the preflight (OPTIONS) got ${preflight.head?.status ?? "no answer"}`,
        sure: "certain",
        fix: [
          `Answer OPTIONS with 204 and Access-Control-Allow-Headers: ${asked.join(", ")}: fetch-based clients reconnect with Last-Event-ID`,
        ],
      };
    },
  },
  {
    id: "O02",
    title: "The URL contains a secret or redirects to another host",
    severity: "warning",
    find({ main, url }) {
      const hop = main.redirects.find(
        ({ to }) => new URL(to).protocol !== new URL(url).protocol || new URL(to).host !== new URL(url).host,
      );
      if (hop !== undefined) {
        return {
          seen: `${hop.status} to ${hop.to}`,
          sure: "certain",
          fix: [
            "Request the final URL directly: a redirect drops credentials, and may turn a POST into a GET",
          ],
        };
      }
      const secret = [...new URL(url).searchParams.keys()].find((name) =>
        /token|secret|password|api_?key|jwt|^auth/i.test(name),
      );
      if (secret === undefined) return undefined;
      return {
        seen: `the parameter ${secret}`,
        sure: "likely",
        fix: [
          "URLs end up in logs: send the secret in a header (connect() can) or a cookie, or make it short-lived",
        ],
      };
    },
  },
];
