/** The clients that `postgresLog` takes, each with the same server. */
import { Pool } from "pg";
import postgres from "postgres";
import type { PostgresClient } from "../../../packages/tidings/src/log/postgres/index.ts";

export interface TestClient {
  readonly client: PostgresClient;
  /** Runs statements in one transaction; `work` throws to roll it back. */
  readonly transaction: (work: (transaction: unknown) => Promise<void>) => Promise<void>;
  close(): Promise<void>;
}

export const CLIENTS: Record<string, (port: number, database?: string) => Promise<TestClient>> = {
  pg: async (port, database = "postgres") => {
    const pool = new Pool({ host: "127.0.0.1", port, user: "postgres", database });
    return {
      client: pool,
      transaction: async (work) => {
        const client = await pool.connect();
        try {
          await client.query("BEGIN");
          await work(client);
          await client.query("COMMIT");
        } catch (error) {
          await client.query("ROLLBACK");
          throw error;
        } finally {
          client.release();
        }
      },
      close: () => pool.end(),
    };
  },
  postgres: async (port, database = "postgres") => {
    const sql = postgres({
      host: "127.0.0.1",
      port,
      username: "postgres",
      database,
      // What it asks for otherwise ends the process when a connection is cut meanwhile: it handles no rejection there.
      fetch_types: false,
      // Seconds. By default up to 20 pass before it tries to connect again.
      backoff: () => 1,
      onnotice: () => undefined,
    });
    return {
      client: sql,
      transaction: async (work) => {
        await sql.begin((transaction) => work(transaction));
      },
      close: () => sql.end({ timeout: 1 }),
    };
  },
};
