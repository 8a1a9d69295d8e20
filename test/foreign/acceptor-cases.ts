/** What an acceptor takes, beside its routes: who may have a stream, and reports. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect as dial } from "node:net";
import { expect } from "vitest";
import { createAcceptor } from "../../packages/tidings/src/server/acceptor/index.ts";
import { openStream } from "../../packages/tidings/src/server/index.ts";
import { fails, mistake } from "./bad-code.ts";
import {
  type Case,
  closers,
  expectNothingUncaught,
  expectReports,
  expectSecondsOnConsole,
  failing,
} from "./harness.ts";

const ofAcceptor =
  (name: "authorize" | "onError"): Case =>
  async (bad) => {
    const reported: unknown[] = [];
    const server = createServer((_request, response) => void response.end("everything else"));
    const code = bad.make(() => acceptor.stats());
    const acceptor = createAcceptor(
      server,
      {
        "/a":
          name === "onError"
            ? failing
            : (request, response) => openStream(request, response, [{ data: "1" }]),
      },
      { authorize: () => true, timeoutMs: 30, onError: (error) => reported.push(error), [name]: code },
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const socket = dial(port, "127.0.0.1");
    socket.on("error", () => undefined).resume();
    socket.write("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await once(socket, "close");
    socket.destroy();
    const other = await fetch(`http://127.0.0.1:${port}/else`, { headers: { connection: "close" } });
    expect(await other.text()).toBe("everything else");
    expectNothingUncaught();
    if (name === "authorize") expect(reported.length).toBe(1);
    if (name === "authorize" && fails(bad)) expectReports(reported, bad.thrown);
    if (name === "onError") expectSecondsOnConsole(bad, mistake);
  };

export const acceptorCases: Readonly<Record<string, Case>> = {
  "AcceptorOptions.authorize": ofAcceptor("authorize"),
  "AcceptorOptions.onError": ofAcceptor("onError"),
};
