/** A process with a hub over NATS behind HTTP: GET opens a stream, POST publishes what it is sent and answers with the ids. */
import { createServer } from "node:http";
import { connect } from "@nats-io/transport-node";
import { natsLog } from "tidings/log/nats";
import { createHub } from "tidings/server";

const [port] = process.argv.slice(2);
const connection = await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1 });
const hub = createHub({ log: natsLog(connection) });

async function publish(request, response) {
  let text = "";
  for await (const piece of request) text += piece;
  const { ids } = await hub.publish(JSON.parse(text));
  response.end(JSON.stringify(ids));
}

const server = createServer((request, response) => {
  if (request.method === "POST") void publish(request, response);
  else void hub.subscribe(request, response, { topics: ["a", { pattern: "b/*" }] });
}).listen(0, "127.0.0.1", () => process.send(server.address().port));
