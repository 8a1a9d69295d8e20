/**
 * What a page's own code would write, compiled where Node's types are unknown.
 */
import { createParser, encode, MessageStream } from "tidings";
import { connect, EventSource } from "tidings/client";

export async function read(): Promise<void> {
  createParser({ onRetry: (ms) => console.log(ms.toFixed()) }).push(encode({ data: "" }));
  const response = await fetch("/");
  const reader = response.body?.pipeThrough(new MessageStream()).getReader();
  console.log((await reader?.read())?.value?.data.length);
  const connection = connect("/", { method: "POST", body: "{}", signal: new AbortController().signal });
  connection.on("price", ({ data, id }) => console.log(data.length, id.length));
  for await (const { event } of connection) console.log(event.length);
  new EventSource("/", { headers: { authorization: "Bearer demo" } }).close();
}
