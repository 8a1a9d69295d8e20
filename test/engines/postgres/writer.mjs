/** A process on a log in Postgres behind a network that is cut. */
import { Pool } from "pg";
import postgres from "postgres";
import { postgresLog } from "tidings/log/postgres";
import { appendAllTheTime } from "../support/writer.mjs";

const [name, host] = process.argv.slice(2);
const server = { host, port: 5432, database: "postgres" };
const client =
  name === "pg"
    ? new Pool({ ...server, user: "postgres" })
    : postgres({ ...server, username: "postgres", fetch_types: false, onnotice: () => undefined });
await appendAllTheTime(postgresLog(client, { table: name, deadlineMs: 5_000 }));
