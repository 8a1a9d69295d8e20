/** A process on a log in NATS behind a network that is cut. */
import { connect } from "@nats-io/transport-node";
import { natsLog } from "tidings/log/nats";
import { appendAllTheTime } from "../support/writer.mjs";

const [server] = process.argv.slice(2);
const connection = await connect({
  servers: server,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 100,
  waitOnFirstConnect: true,
  pingInterval: 2_000,
  timeout: 2_000,
});
await appendAllTheTime(natsLog(connection, { deadlineMs: 5_000 }));
