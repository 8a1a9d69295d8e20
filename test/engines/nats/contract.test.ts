import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, it } from "vitest";
import { describeLog } from "../../../packages/tidings/src/log/contract.ts";
import { natsLog } from "../../../packages/tidings/src/log/nats/index.ts";
import { connectTo, onEachNats, startNats, type NatsServer } from "./server.ts";

onEachNats(() => {
  let server: NatsServer;
  let connection: NatsConnection;
  let logs = 0;
  beforeAll(async () => {
    server = await startNats();
    connection = await connectTo(server.port);
  });
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });

  describeLog("natsLog()", () => natsLog(connection, { name: `log-${(logs += 1)}` }), {
    describe,
    it,
    clock: "own",
    exactLosses: false,
    atomicBatches: false,
    topicBoundsFree: false,
    exactBytes: false,
  });
});
