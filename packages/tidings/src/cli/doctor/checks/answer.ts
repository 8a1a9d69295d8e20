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
          fix: ["Check that the server runs and answers before its first message"],
        };
      }
      const { status } = head;
      if (status === 200 || (profile.finite && status >= 200 && status < 204)) return undefined;
      const fix =
        status === 204
          ? ["204 tells EventSource to stop: answer 200 where a stream is meant"]
          : status === 401 || status === 403
            ? [
                "Send credentials: -H 'Authorization: …' here, and cookies or a fetch-based client in browsers",
              ]
            : status === 429 || status >= 500
              ? [
                  "The browser's EventSource gives up for good here: use a client that retries, such as connect()",
                ]
              : ["The browser's EventSource gives up for good at any status but 200"];
      return { seen: `status ${status}`, sure: "certain", fix };
    },
  },
  {
    id: "C02",
    title: "What came is not an event stream by its type",
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
          fix: ["Event streams are always UTF-8: leave charset out"],
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
              "A page was served in place of the stream (single-page fallback, login or maintenance page): route this path to the stream",
            ]
          : [
              "Answer with Content-Type: text/event-stream; browsers refuse anything else, and proxies flush by it",
            ],
      };
    },
  },
  {
    id: "C03",
    title: "A broken stream cannot be told from one that ended",
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
            "Something waited for the whole body to count it: turn buffering off, and send no Content-Length",
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
          "Enable HTTP/2 in the proxy that ends TLS; or share one connection between tabs (tidings/client/share)",
        ],
      };
    },
  },
  {
    id: "C05",
    title: "The response's head is held until the first byte of its body",
    severity: "warning",
    find({ main, runs, hops }) {
      const fix = [
        "Send a first byte at once, such as a comment: Tidings does",
        ...fixesFor("buffering", hops),
      ];
      if (runs !== undefined) {
        const { hold } = runs;
        if (hold.head === undefined || hold.messages.length === 0) return undefined;
        const waited = hold.headAtMs - hold.connectedAtMs;
        if (waited < 1000 || hold.messages[0]!.atMs - hold.headAtMs > 500) return undefined;
        return {
          seen: `sent at once, the head came with the first byte ${time(waited)} later`,
          sure: "certain",
          fix,
        };
      }
      const first = main.chunks[0];
      if (!isStream(main) || first === undefined) return undefined;
      const waited = main.headAtMs - main.connectedAtMs;
      if (waited < 1500 || first.atMs - main.headAtMs > 20) return undefined;
      return { seen: `head and first byte came together after ${time(waited)}`, sure: "possible", fix };
    },
  },
  {
    id: "C06",
    title: "No byte comes with the head",
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
          "Send a comment (:) or retry: at once: some proxies hold the head back until then, and EventSource's onopen with it",
        ],
      };
    },
  },
  {
    id: "H01",
    title: "X-Accel-Buffering comes through nginx",
    severity: "info",
    find({ main, hops }) {
      const value = header(main, "x-accel-buffering");
      if (value === undefined || !hops.includes("nginx")) return undefined;
      return {
        seen: `X-Accel-Buffering: ${value}`,
        sure: "likely",
        fix: [
          "nginx takes this header from its upstream and does not pass it on: it was added by add_header, which has no effect, or by a hop in front",
        ],
      };
    },
  },
  {
    id: "H02",
    title: "The server does not ask nginx-like proxies to pass events on",
    severity: "info",
    find({ main, hops, profile }) {
      if (!isStream(main) || hops.includes("nginx") || header(main, "x-accel-buffering") !== undefined)
        return undefined;
      if (profile.name === "openai" || profile.name === "anthropic") return undefined;
      return {
        seen: "no X-Accel-Buffering",
        sure: "certain",
        fix: ["Send X-Accel-Buffering: no. It costs nothing where there is no nginx"],
      };
    },
  },
  {
    id: "H03",
    title: "The Incremental header does not arrive",
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
        fix: [
          "Let the proxy pass Incremental (RFC 10036), by which servers ask for events to be forwarded as they come",
        ],
      };
    },
  },
  {
    id: "O01",
    title: "Pages of the other origin cannot read it",
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
              ? ["Refusals need it too: without it a page sees a network error, and no status"]
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
    title: "The URL gives something away, or is not the stream's own",
    severity: "warning",
    find({ main, url }) {
      const hop = main.redirects.find(
        ({ to }) => new URL(to).protocol !== new URL(url).protocol || new URL(to).host !== new URL(url).host,
      );
      if (hop !== undefined) {
        return {
          seen: `${hop.status} to ${hop.to}`,
          sure: "certain",
          fix: ["Ask the last URL directly: credentials are dropped on the way, and a POST may become a GET"],
        };
      }
      const secret = [...new URL(url).searchParams.keys()].find((name) =>
        /token|secret|password|api_?key|jwt|^auth/i.test(name),
      );
      if (secret === undefined) return undefined;
      return {
        seen: `the parameter ${secret}`,
        sure: "likely",
        fix: ["URLs end up in logs: send it as a header (connect() can) or a cookie, or make it short-lived"],
      };
    },
  },
];
