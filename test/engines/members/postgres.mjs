/** A process on a log in Postgres; the argument is the port and the names of its tables. */
import { Pool } from "pg";
import { postgresLog } from "tidings/log/postgres";

export const createLog = (argument) => {
  const [port, table] = argument.split(" ");
  const pool = new Pool({ host: "127.0.0.1", port, user: "postgres", database: "postgres", max: 5 });
  return postgresLog(pool, { table });
};
