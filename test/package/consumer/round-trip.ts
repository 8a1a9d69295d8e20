/**
 * A user's program: a server and a client of one process, with every entry's types in use.
 * Compiled as it stands by each compiler and in each mode, and run.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  createParser,
  encode,
  encodeComment,
  type Message,
  MessageStream,
  type ParsedMessage,
} from "tidings";
import { connect, type Connection, EventSource } from "tidings/client";
import { type EventStream, openStream } from "tidings/server";

async function main(): Promise<void> {
  const message: Message = { event: "price", id: "7", data: "1\n2" };
  const parsed: ParsedMessage[] = [];
  const parser = createParser({ onMessage: (message) => void parsed.push(message) });
  parser.push(encodeComment("hello") + encode(message));
  console.log(JSON.stringify(parsed));

  const server = createServer((request, response) => {
    const stream: EventStream = openStream(request, response);
    const sent: "sent" | "queued" | "closed" = stream.send({ data: { time: "10:00:00" } });
    if (sent !== "closed") stream.send({ event: "close", data: "bye" });
    stream.end();
  });
  server.listen(0, "127.0.0.1", () => void read());

  async function read(): Promise<void> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const connection: Connection = connect(url, { headers: async () => ({ authorization: "Bearer demo" }) });
    for await (const { event, data } of connection) {
      console.log(event, data);
      if (event === "close") break;
    }
    const response = await fetch(url);
    const reader = response.body!.pipeThrough(new MessageStream()).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      console.log("again", read.value.event);
    }
    const source = new EventSource(url, { headers: { authorization: "Bearer demo" } });
    source.addEventListener("close", (event) => {
      console.log("source", event.data);
      source.close();
      server.closeAllConnections();
      server.close();
    });
  }
}

void main();
