/** Answers behind a real server, as an application would serve them to the clients of each package. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Answers, createAnswers } from "tidings/server";
import type { Dialect } from "tidings/dialects";

export interface Served<Item> {
  readonly url: string;
  readonly answers: Answers<Item>;
  /** How often a generator was called. */
  readonly calls: () => number;
  close(): Promise<void>;
}

export interface Step<Item> {
  /** Brings one item. */
  yield(item: Item): void;
  end(): void;
}

/** What a generator yields, decided by the test as it goes. */
export function script<Item>(): Step<Item> & { source(signal: AbortSignal): AsyncIterable<Item> } {
  const waiting: (() => Promise<IteratorResult<Item, undefined>>)[] = [];
  let wake: (() => void) | undefined;
  const put = (step: (typeof waiting)[number]): void => {
    waiting.push(step);
    wake?.();
  };
  return {
    yield: (value) => put(async () => ({ done: false, value })),
    end: () => put(async () => ({ done: true, value: undefined })),
    async *source(signal) {
      signal.addEventListener("abort", () => wake?.());
      for (;;) {
        while (waiting.length === 0) {
          if (signal.aborted) return;
          await new Promise<void>((resolve) => (wake = resolve));
        }
        const { done, value } = await waiting.shift()!();
        if (done === true) return;
        yield value;
      }
    },
  };
}

/**
 * Serves `POST /chat` (starts or joins the answer of the body's `id`), `GET /chat/:id/stream` (resumes) and
 * `DELETE /chat/:id` (stops), and the same POST at any other path.
 */
export async function serve<Item>(
  dialect: Dialect<Item> | ((body: Record<string, unknown>) => Dialect<Item>),
  generate: (
    signal: AbortSignal,
    body: Record<string, unknown>,
  ) => AsyncIterable<Item> | ReadableStream<Item>,
): Promise<Served<Item>> {
  let calls = 0;
  const fixed = typeof dialect === "function" ? undefined : dialect;
  const answers = createAnswers({
    dialect: fixed as Dialect<Item>,
    onError: () => undefined,
    describeError: (error) => (error as Error).message,
  });
  const server = createServer((request, response) => void handle(request, response));

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, , id = ""] = request.url!.split(/[/?]/);
    if (request.method === "GET") return answers.resume(request, response, decodeURIComponent(id));
    if (request.method === "DELETE") {
      response.writeHead((await answers.stop(decodeURIComponent(id))) ? 200 : 404).end();
      return;
    }
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body = JSON.parse(text) as Record<string, unknown>;
    const chosen = typeof dialect === "function" ? dialect(body) : dialect;
    await answers.resumable(
      request,
      response,
      `${(body["id"] as string | number | undefined) ?? calls}`,
      ({ signal }) => {
        calls += 1;
        return generate(signal, body);
      },
      { dialect: chosen },
    );
  }

  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    calls: () => calls,
    async close() {
      await answers.close();
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
