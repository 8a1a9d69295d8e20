/**
 * What any client may send to any server: requests that are malformed, meant otherwise, or given up in the middle. Each over a
 * connection of its own, which is then closed.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { requestHeads } from "../foreign/request-heads.ts";

const HOST = "Host: 127.0.0.1\r\n";
const JSON_TYPE = "Content-Type: application/json\r\n";
const HEADS = 300;

/** As they are sent, by what is wrong with them. */
export function requests(path: string): Record<string, string> {
  const get = (target: string, more = ""): string => `GET ${target} HTTP/1.1\r\n${HOST}${more}\r\n`;
  const post = (body: string, more = JSON_TYPE): string =>
    `POST ${path} HTTP/1.1\r\n${HOST}${more}Content-Length: ${body.length}\r\n\r\n${body}`;
  return {
    "a target that is two slashes": get("//"),
    "a target with two slashes and no port": get("//a:b/"),
    "a target that is no URL": get("http://"),
    "a target of another scheme": get("data:,x"),
    "a target that is open": get("http://[::1/"),
    "a target with half an escape": get(`${path}?topic=%e4%zz&a=%`),
    "a path with half an escape": get("/%e4%zz"),
    "a target that goes up": get("/../../../../etc/passwd"),
    "a target with a backslash": get("/\\..\\x"),
    "a target with a space of Unicode": get(`${path}?a=\u00a0\u2028`),
    "a long target": get(`${path}?${"topic=a&".repeat(1_000)}`),
    "a target that is a star": `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
    "Last-Event-ID twice": get(path, "Last-Event-ID: 1\r\nLast-Event-ID: 2\r\n"),
    "a cursor that is none": get(path, "Last-Event-ID: \u00ff\u00fe.99999999999999999999\r\n"),
    "Last-Event-ID that is long": get(path, `Last-Event-ID: ${"9".repeat(7_000)}\r\n`),
    "Last-Event-ID that is empty": get(path, "Last-Event-ID:\r\n"),
    "Last-Event-ID in the query, twice": get(`${path}?lastEventId=1&lastEventId=%00`),
    "Authorization twice": get(path, "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"),
    "Authorization that is empty": get(path, "Authorization:\r\n"),
    "Authorization that names nothing": get(path, "Authorization: Bearer\r\n"),
    "Authorization in other bytes": get(path, "Authorization: Basic \u00ff\u00fe:\t;,=\r\n"),
    "cookies that are none": get(path, "Cookie: =;;;%zz=%zz; __proto__=1\r\n"),
    "HTTP/1.0": `GET ${path} HTTP/1.0\r\n\r\n`,
    "no host": `GET ${path} HTTP/1.1\r\n\r\n`,
    HEAD: `HEAD ${path} HTTP/1.1\r\n${HOST}\r\n`,
    OPTIONS: `OPTIONS ${path} HTTP/1.1\r\n${HOST}\r\n`,
    "a preflight": `OPTIONS ${path} HTTP/1.1\r\n${HOST}Origin: http://a\r\nAccess-Control-Request-Method: GET\r\n\r\n`,
    QUERY: `QUERY ${path} HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 2\r\n\r\n{}`,
    PUT: `PUT ${path} HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n{}`,
    DELETE: `DELETE ${path} HTTP/1.1\r\n${HOST}\r\n`,
    TRACE: `TRACE ${path} HTTP/1.1\r\n${HOST}\r\n`,
    CONNECT: `CONNECT 127.0.0.1:1 HTTP/1.1\r\n${HOST}\r\n`,
    "an upgrade": get(path, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"),
    "an expectation": `POST ${path} HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`,
    "one that cannot be met": get(path, "Expect: a miracle\r\n"),
    "no body": post("", ""),
    "a body that is no JSON": post("{"),
    "a body that is null": post("null"),
    "a body that is a number": post("1"),
    "a body of another shape": post('{"q":{"toString":1},"messages":"x","id":[]}'),
    "a body of another type": post("q=1", "Content-Type: application/x-www-form-urlencoded\r\n"),
    "a body of no known encoding": post("x", `${JSON_TYPE}Content-Encoding: zstd-none\r\n`),
    "a body that does not come": `POST ${path} HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 99\r\n\r\n{"q"`,
    "a chunk that is none": `POST ${path} HTTP/1.1\r\n${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    "two lengths": `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`,
    "no HTTP at all": "\u0016\u0003\u0001\u0000 hello\r\n\r\n",
    "half a head": `GET ${path} HTTP/1.1\r\nHo`,
    "fifty at once": get(path).repeat(50),
    "fifty posts at once": post('{"q":"a","id":"a","messages":[]}').repeat(50),
    "a stream behind an answer": `HEAD ${path} HTTP/1.1\r\n${HOST}\r\n${get(path)}${get("//")}`,
  };
}

/** As many as nobody wrote, half of them for what the server serves. They are the same each time. */
function* heads(path: string): Generator<string> {
  const next = requestHeads(1);
  for (let n = 0; n < HEADS; n++) {
    const text = next().bytes.toString("latin1");
    yield n % 2 === 0 ? text : text.replace(/^(\s*\S* )[^? \r\n]*/, (_, method: string) => method + path);
  }
}

function open(port: number, text: string): Socket {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  socket.write(text, "latin1");
  return socket;
}

const over = (socket: Socket): Promise<void> =>
  new Promise((resolve) => void socket.once("close", () => resolve()));

/** Until it happens or the server closes, but not for long. */
const soon = (socket: Socket, event: "connect" | "data"): Promise<unknown> =>
  Promise.race([once(socket, event).catch(() => undefined), over(socket), wait(150)]);

/**
 * Sends all of them, reads for a moment and leaves; then from clients that leave at once, that leave with the first byte, and that
 * read nothing.
 * @yields What is done or, with the last, goes on: a good request should be served now.
 */
export async function* attack(port: number, path: string): AsyncGenerator<string, void> {
  const all = Object.values(requests(path));
  await Promise.all(
    [...all, ...heads(path)].map(async (text) => {
      const socket = open(port, text).resume();
      await Promise.race([over(socket), wait(150)]);
      socket.destroy();
    }),
  );
  yield "requests that nobody should send";
  for (const event of ["connect", "data"] as const) {
    const each = async (text: string): Promise<void> => {
      const socket = open(port, text);
      await soon(socket, event);
      socket.resetAndDestroy();
    };
    await Promise.all(all.map(each));
    yield event === "connect" ? "clients that leave at once" : "clients that leave with the first byte";
  }
  const silent = all.map((text) => open(port, text).pause());
  await wait(150);
  yield "clients that read nothing";
  for (const socket of silent) socket.end();
  await wait(50);
  for (const socket of silent) socket.destroy();
  yield "clients that read nothing, and leave";
}

/** What a server answers to a GET, as far as it comes at once. */
export async function asked(port: number, path: string, headers: string): Promise<string> {
  const socket = open(port, `GET ${path} HTTP/1.1\r\n${HOST}${headers}Connection: close\r\n\r\n`);
  let text = "";
  socket.on("data", (bytes) => void (text += bytes.toString()));
  const ended = Date.now() + 5_000;
  while (!/\r\n\r\n[^]*\n/.test(text) && !socket.destroyed && Date.now() < ended) await wait(10);
  socket.destroy();
  return text;
}
