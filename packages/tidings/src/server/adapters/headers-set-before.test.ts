import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createAnswers } from "../answers/create-answers.ts";
import { createHub } from "../hub/create-hub.ts";
import { openStream } from "../one-stream/open-stream.ts";
import type { NodeRequest, NodeResponse } from "../request/http-types.ts";

const hub = createHub();
const answers = createAnswers();

const refuse: Record<string, (request: NodeRequest, response: NodeResponse) => unknown> = {
  403: (request, response) =>
    hub.subscribe(request, response, { topics: ["a"], authorize: () => ({ refuse: 403 }) }),
  405: (request, response) => openStream(request, response, { methods: ["POST"] }),
  204: (request, response) => answers.resume(request, response, "none"),
};
const presets: Record<string, Record<string, string>> = {
  "those that many set for a stream": {
    "content-type": "text/event-stream",
    connection: "keep-alive",
    "transfer-encoding": "chunked",
  },
  "a length": { "content-length": "3" },
  "another coding": { "transfer-encoding": "identity" },
  "a trailer": { trailer: "x-sum" },
};

test.each(Object.keys(presets).flatMap((preset) => Object.keys(refuse).map((status) => [status, preset])))(
  "a refusal can be read where the application has set headers before: %s, %s",
  async (status, preset) => {
    const server = createServer((request, response) => {
      if (request.url === "/next") return void response.end("next");
      for (const [name, value] of Object.entries(presets[preset]!)) response.setHeader(name, value);
      void refuse[status]!(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const response = await fetch(url);
    const text = await response.text();
    expect(response.status).toBe(Number(status));
    expect(text).toMatch(status === "204" ? /^$/ : new RegExp(`^\\{"status":${status},.*\\}\n$`));
    expect([response.headers.get("transfer-encoding"), response.headers.get("trailer")]).toEqual([
      null,
      null,
    ]);
    expect(response.headers.get("content-length")).toBe(status === "204" ? null : String(text.length));
    expect(await (await fetch(`${url}/next`)).text()).toBe("next");
  },
);

test.each(["identity", "gzip, chunked"])(
  "a stream whose end its peer could not see ends with its connection: %s was set before",
  async (coding) => {
    const server = createServer((request, response) => {
      response.setHeader("transfer-encoding", coding);
      openStream(request, response, [{ data: "one" }]);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const text = Buffer.concat((await socket.toArray()) as Buffer[]).toString();
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text).toMatch(/\r\n\r\n:\n\ndata: one\n\n$/);
  },
);
