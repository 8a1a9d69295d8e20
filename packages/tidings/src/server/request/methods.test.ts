/** Which methods open a stream of `openStream` and of answers, on node:http and with the Fetch API. The hub's are in subscribe/waiting.test.ts. */
import { once } from "node:events";
import http, { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Answers } from "../answers/answers.ts";
import { createAnswers } from "../answers/create-answers.ts";
import type { Publication } from "../publish/publication.ts";
import { openStream } from "../one-stream/open-stream.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

interface Options {
  readonly methods?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}
interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}
interface World {
  readonly ask: (method: string, headers?: Record<string, string>) => Promise<Reply>;
  /** How often the source was started. */
  readonly starts: () => number;
}

let starts = 0;
const generate = function* (): Generator<{ data: string }> {
  starts += 1;
  yield { data: "paid" };
};

const answers = (): Answers<Publication> => {
  const made = createAnswers({ onError: (error) => expect.unreachable(String(error)) });
  closers.push(() => made.close());
  return made;
};

async function overHttp(listener: http.RequestListener): Promise<World> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask: World["ask"] = async (method, headers = {}) => {
    const request = http.request({ port, host: "127.0.0.1", method, headers }).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let text = "";
    for await (const bytes of response.setEncoding("utf8")) text += bytes;
    return { status: response.statusCode!, headers: response.headers, text };
  };
  starts = 0;
  return { ask, starts: () => starts };
}

function byFetch(respond: (request: Request) => Response | Promise<Response>): World {
  starts = 0;
  return {
    starts: () => starts,
    async ask(method, headers = {}) {
      const response = await respond(new Request("http://a/", { method, headers }));
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        text: await response.text(),
      };
    },
  };
}

const worlds: Record<string, (options: Options) => World | Promise<World>> = {
  "openStream on node:http": (options) =>
    overHttp((request, response) => void openStream(request, response, generate, options)),
  "openStream with the Fetch API": (options) =>
    byFetch((request) => openStream(request, generate, options).response),
  "resumable on node:http": (options) => {
    const made = answers();
    return overHttp((request, response) => void made.resumable(request, response, "x", generate, options));
  },
  "resumable with the Fetch API": (options) => {
    const made = answers();
    return byFetch((request) => made.resumable(request, "x", generate, options));
  },
};

describe.each(Object.entries(worlds))("%s", (name, open) => {
  const isAnswer = name.startsWith("resumable");

  it("runs its source for GET, POST and QUERY, and for no other method", async () => {
    const { ask, starts } = await open({});
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const { status, headers, text } = await ask(method);
      expect([status, headers["allow"]]).toEqual([
        method === "OPTIONS" ? 204 : 405,
        "GET, HEAD, POST, QUERY",
      ]);
      expect(text).toBe(
        method === "OPTIONS"
          ? ""
          : `{"status":405,"code":"bad-method","detail":"The method is ${method}, expected GET, HEAD, POST, QUERY"}\n`,
      );
    }
    expect((await ask("HEAD")).status).toBe(isAnswer ? 404 : 200);
    expect(starts()).toBe(0);
    for (const method of ["GET", "POST", "QUERY"]) {
      const { status, text } = await ask(method);
      expect([status, /data: paid\n\n/.test(text)]).toEqual([200, true]);
    }
    expect(starts()).toBe(isAnswer ? 1 : 3);
  });

  it("runs it for the methods that were chosen", async () => {
    const { ask } = await open({ methods: ["PUT"] });
    const { status, headers } = await ask("GET");
    expect([(await ask("PUT")).status, status, headers["allow"]]).toEqual([200, 405, "PUT"]);
  });

  it("answers a CORS preflight with what its headers imply, and refuses with them", async () => {
    const origin = { "Access-Control-Allow-Origin": "https://app.example" };
    const { ask, starts } = await open({ headers: origin });
    const preflight = await ask("OPTIONS", {
      origin: "https://app.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    });
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        "access-control-allow-origin": "https://app.example",
        "access-control-allow-methods": "GET, HEAD, POST, QUERY",
        "access-control-allow-headers": "authorization, cache-control, content-type, last-event-id",
      },
    });
    expect((await ask("PUT")).headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
    });
    expect(starts()).toBe(0);
  });
});

it("a resumed answer is refused by the same methods", async () => {
  const made = answers();
  const { status } = await made.resume(new Request("http://a/", { method: "DELETE" }), "x");
  expect(status).toBe(405);
});

it("methods may be chosen for all answers", async () => {
  const made = createAnswers({ methods: ["PUT"] });
  closers.push(() => made.close());
  const ask = (method: string): Promise<Response> =>
    made.resumable(new Request("http://a/", { method }), "x", generate);
  expect([(await ask("PUT")).status, (await ask("GET")).status]).toEqual([200, 405]);
});

it("a stream that was refused is closed, and says how", async () => {
  const stream = openStream(new Request("http://a/", { method: "PUT" }), generate);
  expect([stream.closed, stream.send({ data: 1 }), stream.signal.aborted]).toEqual([true, "closed", true]);
  expect(await stream.ended).toMatchObject({
    code: "refused",
    message: "Event stream is over: its method opens no stream, or its connection carries another response",
  });
});

it.each(["GET", 1, [1], {}])("methods that are %j are refused by the call", async (methods) => {
  const options = { methods } as never;
  const reason = /methods is .*, expected a list such as \["GET", "POST"\]/;
  expect(() => openStream(new Request("http://a/"), [], options)).toThrow(reason);
  expect(() => createAnswers(options)).toThrow(reason);
  await expect(answers().resumable(new Request("http://a/"), "x", generate, options)).rejects.toThrow(reason);
});

describe("a source that nobody will read", () => {
  it.each(["HEAD", "PUT", "OPTIONS"])("is cancelled when it is there already: %s", async (method) => {
    let cancelled = 0;
    const source = new ReadableStream<{ data: string }>({ cancel: () => void (cancelled += 1) });
    openStream(new Request("http://a/", { method }), source);
    await expect.poll(() => cancelled).toBe(1);
  });
});
