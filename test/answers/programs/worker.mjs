/**
 * One of several servers over the same log (an LMDB environment, Redis, Postgres or NATS), as a process of its own: `GET /:id` starts or joins an answer of
 * `TOKENS` tokens, one every `TOKEN_MS`; `GET /:id/stream` resumes; `DELETE /:id` stops. Its first line is its port.
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { open } from "lmdb";
import { createClient } from "redis";
import { lmdbLog } from "tidings/log/lmdb";
import { natsLog } from "tidings/log/nats";
import { postgresLog } from "tidings/log/postgres";
import { redisLog } from "tidings/log/redis";
import { createAnswers } from "tidings/server";

const { LOG, TOKENS = "100", TOKEN_MS = "5", LEASE_MS = "1000" } = process.env;
async function openLog() {
  const { protocol, hostname, port, searchParams } = LOG.includes("://")
    ? new URL(LOG)
    : { protocol: "lmdb:" };
  if (protocol === "lmdb:")
    return lmdbLog(open({ path: LOG, overlappingSync: false, eventTurnBatching: false }));
  if (protocol === "redis:") {
    const client = createClient({ url: LOG });
    client.on("error", () => {});
    await client.connect();
    return redisLog(client);
  }
  // Their clients are those of test/engines.
  const require = createRequire(new URL("../../engines/package.json", import.meta.url));
  const load = (name) => import(pathToFileURL(require.resolve(name)).href);
  if (protocol === "postgres:") {
    const { default: pg } = await load("pg");
    return postgresLog(new pg.Pool({ host: hostname, port, user: "postgres", database: "postgres", max: 5 }));
  }
  const { connect } = await load("@nats-io/transport-node");
  // Of a cluster, the other ports: `?port=…&port=…`.
  const others = searchParams.getAll("port");
  const servers = [port, ...others].map((one) => `${hostname}:${one}`);
  return natsLog(await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 200 }), {
    name: "answers",
    replicas: servers.length,
  });
}
const answers = createAnswers({ log: await openLog(), leaseMs: Number(LEASE_MS), joinMs: 10 });

createServer((request, response) => {
  const [, id, action] = request.url.split("/");
  if (request.method === "DELETE") {
    void answers.stop(id).then((stopped) => response.writeHead(stopped ? 200 : 404).end());
  } else if (action === "stream") {
    void answers.resume(request, response, id);
  } else {
    void answers.resumable(request, response, id, async function* ({ signal }) {
      for (let i = 0; i < Number(TOKENS) && !signal.aborted; i += 1) {
        yield { data: `token ${i} of ${id} by ${process.pid}` };
        await new Promise((resolve) => setTimeout(resolve, Number(TOKEN_MS)));
      }
    });
  }
}).listen(0, "127.0.0.1", function () {
  console.log(this.address().port);
});
