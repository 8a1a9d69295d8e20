import { afterAll, beforeAll, describe, it } from "vitest";
import { describeLog } from "../../../packages/tidings/src/log/contract.ts";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import { CLIENTS, type TestClient } from "./clients.ts";
import { startRedis, type RedisServer } from "./server.ts";

let server: RedisServer;
beforeAll(async () => void (server = await startRedis()));
afterAll(() => server.stop());

for (const [name, connect] of Object.entries(CLIENTS)) {
  describe(`a client of ${name}`, () => {
    let connected: TestClient;
    let logs = 0;
    beforeAll(async () => void (connected = await connect(server.port)));
    afterAll(() => connected.close());

    describeLog(
      `redisLog() with ${name}`,
      ({ now }) => redisLog(connected.client, { name: `${name}-${(logs += 1)}`, now }),
      { describe, it },
    );
  });
}
