/**
 * Carries out what was decided, on each kind of server. It writes as any handler would, so that middleware shows.
 * This module is browser compatible.
 */
import type { RequestFacts } from "./request-facts.ts";
import type { Outcome } from "./program.ts";
import { play, type Sink } from "./play.ts";

/** What is read of a request of node:http. */
export interface DoctorNodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** What is used of a response of node:http. */
export interface DoctorNodeResponse {
  writeHead(status: number, headers: Record<string, string>): unknown;
  flushHeaders(): void;
  write(text: string): boolean;
  end(text?: string): unknown;
  on(name: "close" | "error" | "drain", listener: () => void): unknown;
  readonly socket?: { destroy(): unknown } | null;
  /** HTTP/2's. */
  readonly stream?: { close?(code?: number): void };
}

type Decide = (facts: RequestFacts) => Outcome;

export function answerNode(request: DoctorNodeRequest, response: DoctorNodeResponse, decide: Decide): void {
  const { url = "/", headers } = request;
  const valueOf = (name: string): string | undefined => {
    const value = headers[name];
    return value === undefined ? undefined : [value].flat().join(", ");
  };
  const outcome = decide({
    method: request.method ?? "GET",
    query: url.split("?")[1] ?? "",
    httpVersion: request.httpVersion,
    peer: request.socket?.remoteAddress ?? "",
    headers: Object.keys(headers).map((name): [string, string] => [name, valueOf(name) ?? ""]),
    header: valueOf,
  });
  response.on("error", () => {});
  if (outcome.kind === "plain") {
    response.writeHead(outcome.status, { "content-type": outcome.type, "cache-control": "no-store" });
    return void response.end(outcome.body);
  }
  let onDrain: (() => void) | undefined;
  response.on("drain", () => onDrain?.());
  const sink: Sink = {
    head: (fields) => {
      response.writeHead(200, fields);
      response.flushHeaders();
    },
    write: (text) => response.write(text),
    end: () => void response.end(),
    crash() {
      if (response.stream?.close) response.stream.close(2);
      else response.socket?.destroy();
    },
    onDrain: (listener) => void (onDrain = listener),
  };
  const stop = play(outcome, sink);
  response.on("close", stop);
}

export function answerFetch(request: Request, decide: Decide): Response {
  const outcome = decide({
    method: request.method,
    query: request.url.split("?")[1] ?? "",
    httpVersion: "",
    peer: "",
    headers: [...(request.headers as unknown as Iterable<[string, string]>)],
    header: (name) => request.headers.get(name) ?? undefined,
  });
  if (outcome.kind === "plain") {
    return new Response(outcome.body, {
      status: outcome.status,
      headers: { "content-type": outcome.type, "cache-control": "no-store" },
    });
  }
  let head: Record<string, string> = {};
  let stop = (): void => {};
  let onDrain: (() => void) | undefined;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const sink: Sink = {
        head: (fields) => void (head = fields),
        write(text) {
          controller.enqueue(encoder.encode(text));
          return (controller.desiredSize ?? 0) > 0;
        },
        end: () => controller.close(),
        crash: () => controller.error(new Error("the doctor asked for a crash")),
        onDrain: (listener) => void (onDrain = listener),
      };
      stop = play(outcome, sink);
    },
    pull: () => onDrain?.(),
    cancel: () => stop(),
  });
  return new Response(body, { headers: head });
}
