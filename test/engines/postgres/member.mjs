/** A process on a log in Postgres; the argument is the port, the names of its tables, and the client: by default pg. */
import { Pool } from "pg";
import postgres from "postgres";
import { postgresLog } from "tidings/log/postgres";

const CLIENTS = {
  pg: (server) => new Pool({ ...server, user: "postgres" }),
  postgres: (server) =>
    postgres({ ...server, username: "postgres", fetch_types: false, onnotice: () => undefined }),
};

export const createLog = (argument) => {
  const [port, table, client = "pg"] = argument.split(" ");
  const server = { host: "127.0.0.1", port: Number(port), database: "postgres", max: 5 };
  return postgresLog(CLIENTS[client](server), { table });
};
