import { expect, test } from "vitest";
import type { Observation } from "../examine/observation.ts";
import { profiles } from "../profiles.ts";
import { endings } from "./endings.ts";

const observed = (
  chunksMs: readonly number[],
  endedAtMs: number,
  ending: Observation["ending"] = "open",
): Observation => ({
  url: "http://127.0.0.1/",
  method: "GET",
  requestHeaders: {},
  startedAtMs: 0,
  redirects: [],
  head: {
    status: 200,
    httpVersion: "1.1",
    headers: [["content-type", "text/event-stream"]],
    connectedAtMs: 0,
    atMs: 0,
    remoteAddress: "",
  },
  headAtMs: 0,
  connectedAtMs: 0,
  chunks: chunksMs.map((atMs) => ({ atMs, bytes: 3, midMessage: false })),
  messages: [],
  comments: [],
  retries: [],
  text: "",
  invalidUtf8: false,
  undecodable: false,
  ending,
  endedAtMs,
  error: undefined,
});

const find = (id: string, long: Observation) => {
  const evidence = {
    url: "http://127.0.0.1/",
    profile: profiles.sse,
    hops: [],
    main: observed([0], 100),
    long,
  };
  return endings.find((check) => check.id === id)!.find(evidence)?.seen;
};

test("T05: 300 seconds of silence end a body in Node", () => {
  expect(find("T05", observed([0, 1000], 302_000))).toBe("301 s without a byte");
  expect(find("T05", observed([0, 1000, 200_000], 302_000))).toBeUndefined();
});

test.each([
  [30_000, "Next.js rewrites"],
  [50_100, "HAProxy as Debian ships it"],
  [60_000, "nginx, Varnish, ALB"],
  [120_000, "Cloudflare"],
  [300_000, "Envoy, Apache"],
])("T01: silence that is cut after %i ms is the default of %s", (ms, whose) => {
  expect(find("T01", observed([0], ms, "cut"))).toContain(whose);
});

test.each([
  [15_000, "Envoy's route timeout"],
  [29_500, "API Gateway"],
  [60_000, "Netlify"],
  [300_000, "Vercel"],
])("T02: a stream that is cut at %i ms with traffic is the limit of %s", (ms, whose) => {
  expect(
    find(
      "T02",
      observed(
        Array.from({ length: ms / 500 }, (_, at) => at * 500),
        ms,
        "cut",
      ),
    ),
  ).toContain(whose);
});
