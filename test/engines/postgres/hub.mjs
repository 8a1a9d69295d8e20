/** A process with a hub on a log in Postgres: GET subscribes to a topic, POST publishes to it. The argument is the port of Postgres. */
import { createServer } from "node:http";
import { Pool } from "pg";
import { postgresLog } from "tidings/log/postgres";
import { createHub } from "tidings/server";

const pool = new Pool({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  user: "postgres",
  database: "postgres",
});
const hub = createHub({ log: postgresLog(pool, { table: "hubs" }) });
const server = createServer((request, response) => {
  if (request.method === "GET") return void hub.subscribe(request, response, { topics: ["a"] });
  request.once("data", (data) => {
    void hub.publish("a", { data: data.toString() }).then(({ id }) => response.end(id));
  });
});
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("disconnect", () => process.exit(0));
