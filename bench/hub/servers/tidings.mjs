/** The hub of Tidings, on the user's node:http server. BENCH_TIDINGS names another build of `tidings/server` to measure. */
import { createServer } from "node:http";
import { drive, heartbeatMs } from "./driver.mjs";

const { createHub } = await import(process.env.BENCH_TIDINGS ?? "tidings/server");
const hub = createHub({
  heartbeatMs,
  // All streams come from one address, and the peers count none.
  limits: { streams: Infinity, streamsPerAddress: Infinity },
});

const server = createServer((req, res) => {
  void hub.subscribe(req, res, { topics: ["book/1"], onGap: "earliest" });
});

server.listen(0, "127.0.0.1", () => {
  void drive({
    port: server.address().port,
    publish: (message) => hub.publish("book/1", { data: message }),
  });
});
