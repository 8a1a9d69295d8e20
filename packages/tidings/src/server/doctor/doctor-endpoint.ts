/**
 * The other end of `npx tidings doctor`: an endpoint that streams timed programs and says what of a request arrived, so that the
 * doctor can tell what the path between does. For a token only, and bounded in everything.
 * This module is browser compatible.
 */
import { mistake } from "../../guard/mistake.ts";
import { answerFetch, answerNode, type DoctorNodeRequest, type DoctorNodeResponse } from "./answer.ts";
import { type Outcome, outcomeOf, type Program, toProgram } from "./program.ts";
import type { RequestFacts } from "./request-facts.ts";
import { Runs } from "./runs.ts";
import { seenBy } from "./seen.ts";

export interface DoctorEndpointOptions {
  /** What the doctor must know: at least 16 characters. Requests without it get 404. */
  token: string;
  /** Runs at the same time; one more is refused with 503. Default: 8. At most 8 MiB. */
  maxRuns?: number | undefined;
  /** Runs a minute; one more is refused with 429. Default: 120. At most 1 MiB. */
  maxRunsPerMinute?: number | undefined;
  /** Whether a run may write up to 24 MiB, to find out who holds a sender back. Default: false, and 1 MiB at most. */
  allowFlood?: boolean | undefined;
}

export interface DoctorEndpoint {
  /** Answers a request of node:http, node:http2 or a framework over them, through the response's own `write`. */
  handle(this: void, request: DoctorNodeRequest, response: DoctorNodeResponse): void;
  /** Answers a request of the Fetch standard. */
  respond(this: void, request: Request): Response;
}

/** The header that carries the token. A cache that looks at `Authorization` would treat that differently. */
export const TOKEN_HEADER = "tidings-doctor-token";

/**
 * Makes the endpoint that `npx tidings doctor URL --token TOKEN` talks to. Mount it where your event streams are, behind the
 * same proxies and middleware.
 * @throws {TypeError} If the token is too short to be one.
 */
export function doctorEndpoint(options: DoctorEndpointOptions): DoctorEndpoint {
  const { token, maxRuns = 8, maxRunsPerMinute = 120, allowFlood = false } = options;
  if (typeof token !== "string" || token.length < 16) {
    throw mistake(
      new TypeError(
        "Cannot make doctor endpoint: token is too short, expected 16 characters or more that cannot be guessed",
      ),
    );
  }
  for (const [name, value] of Object.entries({ maxRuns, maxRunsPerMinute })) {
    if (!Number.isInteger(value) || value < 1) {
      throw mistake(
        new RangeError(
          `Cannot make doctor endpoint: ${name} is ${String(value)}, expected a whole number from 1`,
        ),
      );
    }
  }
  const runs = new Runs(maxRuns, maxRunsPerMinute);

  function decide(facts: RequestFacts): Outcome {
    if (!isSame(facts.header(TOKEN_HEADER) ?? "", token)) return outcomeOf(404, "not found\n");
    const query = new URLSearchParams(facts.query);
    const name = query.get("program");
    if (name === "echo" || name === "result") {
      const told = name === "echo" ? seenBy(facts) : runs.result(query.get("run") ?? "");
      return outcomeOf(200, JSON.stringify({ ...told, clockMs: performance.now() }), "application/json");
    }
    const program: Program | string = toProgram(name, query, allowFlood);
    if (typeof program === "string") return outcomeOf(400, `${program}\n`);
    const run = runs.begin();
    if (run === undefined) return outcomeOf(runs.isFull ? 503 : 429, "too many runs\n");
    return { kind: "stream", program, run, seen: seenBy(facts) };
  }

  return {
    handle: (request, response) => answerNode(request, response, decide),
    respond: (request) => answerFetch(request, decide),
  };
}

/** Takes as long for a wrong token as for the right one. */
function isSame(given: string, token: string): boolean {
  let difference = given.length ^ token.length;
  for (let at = 0; at < token.length; at++) difference |= given.charCodeAt(at) ^ token.charCodeAt(at);
  return difference === 0;
}
