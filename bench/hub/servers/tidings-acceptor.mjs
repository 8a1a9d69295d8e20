/** The hub of Tidings with the acceptor in front of the user's node:http server. */
import { createServer } from "node:http";
import { drive, heartbeatMs } from "./driver.mjs";

const { createHub } = await import(process.env.BENCH_TIDINGS ?? "tidings/server");
const { createAcceptor } = await import("tidings/acceptor");
const hub = createHub({
  heartbeatMs,
  // All streams come from one address, and the peers count none.
  limits: { streams: Infinity, streamsPerAddress: Infinity },
});

const server = createServer((req, res) => {
  if (!acceptor.serve(req, res)) res.writeHead(404).end();
});
const acceptor = createAcceptor(
  server,
  {
    "/events": (request, response) =>
      hub.subscribe(request, response, { topics: ["book/1"], onGap: "earliest" }),
  },
  { authorize: "public" },
);

server.listen(0, "127.0.0.1", () => {
  void drive({
    port: server.address().port,
    publish: (message) => hub.publish("book/1", { data: message }),
  });
});
