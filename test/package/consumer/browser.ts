/**
 * What a page's own code would write, compiled where Node's types are unknown.
 */
import { createParser, encode, MessageStream } from "tidings";
import { connect, EventSource } from "tidings/client";
import { connect as connectCore, idle, json, until } from "tidings/client/core";

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

/** With features that are chosen: the one that decodes makes the type of the messages. */
export function choose(): void {
  const onData = ({ data }: { data: unknown }): void => console.log(data);
  connectCore("/", {
    use: [json(), idle("auto")],
    onMessage: ({ event, data }) => onData({ data: [event, data] }),
  });
  const bids = connectCore("/", { use: [until("done"), json<{ price: { bid: number } }>(), idle("auto")] });
  bids.on("price", ({ data }) => onData({ data: data.bid.toFixed() }));
  connectCore("/", { use: [idle("auto")], onMessage: ({ data }) => console.log(data.length) });
}
