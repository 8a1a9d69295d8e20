/** A process on a log in NATS; the argument is the log's name and the ports. */
import { connect } from "@nats-io/transport-node";
import { natsLog } from "tidings/log/nats";

export async function createLog(argument) {
  const [name, replicas, ...ports] = argument.split(" ");
  const connection = await connect({
    servers: ports.map((port) => `127.0.0.1:${port}`),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
  });
  return natsLog(connection, { name, replicas: Number(replicas) });
}
