import { afterAll, beforeAll, describe, it } from "vitest";
import { describeLog } from "../../../packages/tidings/src/log/contract.ts";
import { postgresLog } from "../../../packages/tidings/src/log/postgres/index.ts";
import { CLIENTS, type TestClient } from "./clients.ts";
import { startPostgres, type PostgresServer } from "./server.ts";

let server: PostgresServer;
// What survives a power cut is not asked here.
beforeAll(async () => void (server = await startPostgres("fsync = off")));
afterAll(() => server.end());

for (const [name, connect] of Object.entries(CLIENTS)) {
  describe(`a client of ${name}`, () => {
    let connected: TestClient;
    let logs = 0;
    beforeAll(async () => void (connected = await connect(server.port)));
    afterAll(() => connected.close());

    describeLog(
      `postgresLog() with ${name}`,
      ({ now }) => postgresLog(connected.client, { table: `${name}_${(logs += 1)}`, now }),
      { describe, it },
    );
  });
}
