import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { probe } from "../doctor/examine/probe.ts";
import { exchangeFetch } from "./exchange-fetch.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const listen = (listener: RequestListener) => listening(createServer(listener));
const secrets = {
  authorization: "Bearer secret",
  cookie: "session=1",
  "tidings-doctor-token": "a token of 16 characters",
  accept: "text/event-stream",
};

/** @returns What the second server was sent, by each way of asking. */
async function redirectedTo(status: number, isSameOrigin: boolean): Promise<IncomingHttpHeaders[]> {
  const asked: IncomingHttpHeaders[] = [];
  const answer: RequestListener = (request, response) => {
    asked.push(request.headers);
    response.writeHead(200, { "content-type": "text/event-stream", connection: "close" }).end("data: 1\n\n");
  };
  const other = await listen(answer);
  const first = await listen((request, response) => {
    if (request.url === "/there") return answer(request, response);
    response.writeHead(status, { location: isSameOrigin ? "/there" : other, connection: "close" }).end();
  });
  const response = await exchangeFetch({ protocol: "auto" })(first, { method: "GET", headers: secrets });
  await response.text();
  const { signal } = new AbortController();
  const seen = await probe({
    url: first,
    method: "GET",
    headers: secrets,
    protocol: "auto",
    forMs: 5000,
    signal,
  });
  expect(seen.redirects).toHaveLength(1);
  return asked;
}

test.each([301, 302, 303, 307, 308])(
  "a redirect to another origin takes no secrets there: %i",
  async (status) => {
    const asked = await redirectedTo(status, false);
    expect(asked).toHaveLength(2);
    for (const headers of asked) {
      expect(headers).toMatchObject({ accept: "text/event-stream" });
      for (const name of ["authorization", "cookie", "tidings-doctor-token"])
        expect(headers[name]).toBeUndefined();
    }
  },
);

test("a redirect within the origin keeps them", async () => {
  const asked = await redirectedTo(302, true);
  expect(asked).toHaveLength(2);
  for (const headers of asked) expect(headers).toMatchObject(secrets);
});

/** A server that says these bytes to everyone. */
const saying = (text: string) =>
  listening(
    createTcpServer((socket) => {
      socket.on("error", () => undefined).once("data", () => socket.end(text));
    }),
  );

test.each([
  [
    "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    /file:.*expected http: or https:/,
  ],
  ["HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n", /Invalid URL/],
  [
    "HTTP/1.1 999 No\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n",
    /status is 999, expected one from 200 to 599/,
  ],
  [
    "HTTP/1.1 099 No\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n",
    /status is 99, expected one from 200 to 599/,
  ],
])("what cannot be followed or read is an error: %j", async (said, reason) => {
  const url = await saying(said);
  await expect(exchangeFetch({ protocol: "auto" })(url, { method: "GET" })).rejects.toThrow(reason);
  const { signal } = new AbortController();
  const seen = await probe({ url, method: "GET", headers: {}, protocol: "auto", forMs: 2000, signal });
  expect(seen.redirects).toEqual([]);
});

test("a header that cannot be sent is an error: an id of the server may be one", async () => {
  const url = await listen((_request, response) => void response.end());
  const headers = { "last-event-id": "\u001b[31m" };
  await expect(exchangeFetch({ protocol: "auto" })(url, { method: "GET", headers })).rejects.toThrow(
    /Invalid character in header/,
  );
  const { signal } = new AbortController();
  const seen = await probe({ url, method: "GET", headers, protocol: "auto", forMs: 2000, signal });
  expect(seen.error).toMatch(/Invalid character in header/);
});
