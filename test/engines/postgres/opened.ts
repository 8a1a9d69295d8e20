/** A log in Postgres that was opened for a test. */
import type { OpenLogOptions } from "../../../packages/tidings/src/log/log.ts";
import { postgresLog, type PostgresLogOptions } from "../../../packages/tidings/src/log/postgres/index.ts";
import { Cleanups as AnyCleanups, openForTest, type Opened as OpenedLog } from "../support/opened-log.ts";
import { CLIENTS, type TestClient } from "./clients.ts";
import { startPostgres, type PostgresServer } from "./server.ts";

export {
  draft,
  expectHandedOn,
  expectLossTold,
  expectStoredOnce,
  hubWithStream,
  missedBy,
  readAll,
  retention,
  textOf,
} from "../support/opened-log.ts";

export class Cleanups extends AnyCleanups {
  async postgres(settings?: string): Promise<PostgresServer> {
    return this.add(await startPostgres(settings), (server) => server.end());
  }

  async client(name: string, port: number): Promise<TestClient> {
    return this.add(await CLIENTS[name]!(port), (client) => client.close());
  }
}

export type Opened = OpenedLog & TestClient;

export async function openLog(
  cleanups: Cleanups,
  { client = "pg", port, ...options }: { client?: string; port: number } & PostgresLogOptions,
  more: Partial<OpenLogOptions> = {},
): Promise<Opened> {
  const connected = await cleanups.client(client, port);
  return { ...connected, ...(await openForTest(cleanups, postgresLog(connected.client, options), more)) };
}
