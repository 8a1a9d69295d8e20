/**
 * One handler for everything of the package that takes a request, by the name that foreign-peers.ts finds in the declarations. What a
 * handler needs to be told it takes from the request, as users do.
 */
import { memoryLog } from "../../packages/tidings/src/log/index.ts";
import {
  createAnswers,
  createHub,
  doctorEndpoint,
  type FastifyReply,
  type Hub,
  type NodeRequest,
  type NodeResponse,
  openStream,
  resumable,
} from "../../packages/tidings/src/server/index.ts";
import { createRunDurability } from "../../packages/tidings/src/integrations/tanstack-ai.ts";

export const TOKEN = "a token of the harness";

export type AnyRequest = NodeRequest & { readonly url?: string | undefined };
export type AnyResponse = NodeResponse | FastifyReply;
type Handler = (request: AnyRequest, response: AnyResponse, query: URLSearchParams, turn: number) => unknown;
type FetchHandler = (request: Request, query: URLSearchParams, turn: number) => Response | Promise<Response>;

export interface Handlers {
  readonly node: Readonly<Record<string, readonly Handler[]>>;
  readonly fetch: Readonly<Record<string, readonly FetchHandler[]>>;
  readonly hub: Hub;
  readonly answers: readonly { readonly size: number }[];
  close(): Promise<void>;
}

/** @param report - Told of what the package reports. */
export function createHandlers(report: (error: unknown) => void): Handlers {
  const hub = createHub({ limits: { topicsPerStream: 8 }, onError: report });
  const inMemory = createAnswers({ answers: 50, onError: report });
  const inLog = createAnswers({ answers: 50, log: memoryLog(), onError: report });
  const runs = createRunDurability({ answers: inMemory, startWithinMs: 1 });
  const doctor = doctorEndpoint({
    token: TOKEN,
    maxRuns: 200,
    maxRunsPerMinute: 1_000_000,
    allowFlood: true,
  });
  const generate = (): { data: string }[] => [{ data: "1" }, { data: "2" }];
  const snapshot = (): { data: string } => ({ data: "now" });
  const idOf = (query: URLSearchParams, turn: number): string => query.get("id") ?? `answer-${turn % 40}`;
  const patterns = (query: URLSearchParams) => [...query.getAll("topic"), { pattern: "a/:b/*" }];
  const named = (query: URLSearchParams) =>
    ({ topics: ["a"], from: "earliest", subscriber: query.get("id") ?? "x" }) as const;

  const node: Handlers["node"] = {
    "Hub.subscribe": [
      (request, response) => hub.subscribe(request, response, { topics: ["a"] }),
      (request, response, query) =>
        hub.subscribe(request, response, { topics: patterns(query), onGap: "fail", compression: true }),
      (request, response, query) =>
        hub.subscribe(request, response, { ...named(query), authorize: async () => true, snapshot }),
    ],
    "Answers.resumable": [
      (request, response, query, turn) => inMemory.resumable(request, response, idOf(query, turn), generate),
      (request, response, query, turn) => inLog.resumable(request, response, idOf(query, turn), generate),
    ],
    "Answers.resume": [
      (request, response, query, turn) => inMemory.resume(request, response, idOf(query, turn)),
      (request, response, query, turn) => inLog.resume(request, response, idOf(query, turn)),
    ],
    resumable: [
      (request, response, query, turn) => resumable(request, response, idOf(query, turn), generate),
    ],
    openStream: [(request, response) => openStream(request, response, [{ data: "1" }])],
    "DoctorEndpoint.handle": [
      (request, response) => {
        const raw = ("raw" in request ? request.raw : request) as Parameters<typeof doctor.handle>[0];
        if ("hijack" in response) response.hijack();
        // Without its token all requests are the same to it.
        (raw.headers as Record<string, string>)["tidings-doctor-token"] = TOKEN;
        doctor.handle(raw, ("raw" in response ? response.raw : response) as never);
      },
    ],
  };

  const fetch: Handlers["fetch"] = {
    "Hub.respond": [
      (request) => hub.respond(request, { topics: ["a"] }),
      (request, query) => hub.respond(request, { topics: patterns(query), onGap: "fail", compression: true }),
      (request, query) => hub.respond(request, { ...named(query), authorize: async () => true, snapshot }),
    ],
    "Answers.resumable": [
      (request, query, turn) => inMemory.resumable(request, idOf(query, turn), generate),
      (request, query, turn) => inLog.resumable(request, idOf(query, turn), generate),
    ],
    "Answers.resume": [
      (request, query, turn) => inMemory.resume(request, idOf(query, turn)),
      (request, query, turn) => inLog.resume(request, idOf(query, turn)),
    ],
    resumable: [(request, query, turn) => resumable(request, idOf(query, turn), generate)],
    openStream: [(request) => openStream(request, [{ data: "1" }]).response],
    "DoctorEndpoint.respond": [
      (request) => {
        const headers = new Headers(request.headers);
        headers.set("tidings-doctor-token", TOKEN);
        // Not by `new Request`, which takes neither TRACE nor an address with a password: servers hand out both.
        const { method, url } = request;
        return doctor.respond({ method, url, headers } as Request);
      },
    ],
    "createRunDurability()": [
      async (request) => {
        const run = runs<number>(request);
        const offset = run.resumeFrom();
        try {
          if (offset === null) {
            await run.append([1, 2]);
            await run.close();
          }
          const chunks: number[] = [];
          for await (const { chunk } of run.read(offset ?? "-1")) chunks.push(chunk);
          return Response.json(chunks);
        } catch (error) {
          // Its reader asked for what there is not. That is told by an error of ours, whatever was asked.
          if (error instanceof Error && /^Cannot (?:append to|read|start) /.test(error.message))
            return new Response(error.message, { status: 409 });
          throw error;
        }
      },
    ],
  };

  return {
    node,
    fetch,
    hub,
    answers: [inMemory, inLog],
    async close() {
      await Promise.all([inMemory.close(), inLog.close(), hub.drain({ overMs: 0, graceMs: 100 })]);
    },
  };
}
