/**
 * A request over HTTP/2, on a connection of its own.
 */
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import type { Socket } from "node:net";
import type { Exchange, ExchangeHandlers, ExchangeRequest } from "./exchange-types.ts";
import { basicOf } from "./http1.ts";

export function overHttp2(
  socket: Socket,
  { url, method, headers, body }: ExchangeRequest,
  handlers: Required<ExchangeHandlers>,
): Exchange {
  const { origin, pathname, search, host, protocol, username } = new URL(url);
  const connectedAtMs = performance.now();
  const remoteAddress = socket.remoteAddress ?? "";
  const session = connect(origin, { createConnection: () => socket });
  const stream = session.request(
    {
      ":method": method,
      ":path": pathname + search,
      ":authority": host,
      ":scheme": protocol.slice(0, -1),
      ...(username !== "" && { authorization: basicOf(url) }),
      ...headers,
    },
    { endStream: body === undefined },
  );
  let failure: Error | undefined;
  let ended = false;
  let answered = false;
  session.on("error", (error) => (failure ??= error));
  stream.on("error", (error) => (failure ??= error));
  stream.on("response", (fields: IncomingHttpHeaders, _flags: number, raw?: string[]) => {
    answered = true;
    handlers.onHead({
      status: Number(fields[":status"]),
      httpVersion: "2",
      headers: pairsOf(fields, raw),
      connectedAtMs,
      atMs: performance.now(),
      remoteAddress,
    });
  });
  stream.on("data", (chunk: Buffer) => handlers.onChunk(chunk, performance.now()));
  stream.on("end", () => (ended = true));
  stream.on("close", () => {
    const clean = answered && ended && failure === undefined && stream.rstCode === constants.NGHTTP2_NO_ERROR;
    if (clean) handlers.onEnd("end");
    else handlers.onEnd("cut", failure ?? new Error(`the stream was reset (code ${stream.rstCode})`));
    session.destroy();
  });
  if (body !== undefined) stream.end(body);
  return {
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    close() {
      stream.close(constants.NGHTTP2_CANCEL);
      session.close();
      setTimeout(() => session.destroy(), 100).unref();
    },
  };
}

function pairsOf(fields: IncomingHttpHeaders, raw: readonly string[] = []): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (!raw[at]!.startsWith(":")) pairs.push([raw[at]!, raw[at + 1]!]);
  }
  if (pairs.length > 0) return pairs;
  return Object.entries(fields)
    .filter(([name, value]) => !name.startsWith(":") && value !== undefined)
    .flatMap(([name, value]) => [value!].flat().map((each): [string, string] => [name, each]));
}
