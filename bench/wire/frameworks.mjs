/** Messages with an event type, an id and 100 bytes of JSON, to bytes: beside the streams of frameworks; and batches of 32. */
import { EventStream } from "h3";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { measure, median, ratioToBest } from "./rounds.mjs";

const TIMES = 2000;

export async function frameworks({ tidings, rounds }) {
  const messages = Array.from({ length: TIMES }, (_, n) => ({
    event: "price",
    id: `id-${n}`,
    data: JSON.stringify({
      id: 100_000 + n,
      price: 1234.56,
      symbol: "ABCDEF",
      side: "buy",
      at: 1_763_800_000_000,
      note: "hello",
    }),
  }));
  // Kept, so that no optimizer may leave the encoding out.
  const sink = { last: undefined };
  const bytes = await measure(
    {
      "tidings encodeBytes": () => {
        for (const message of messages) sink.last = tidings.encodeBytes(message);
      },
      "Hono streamSSE": () => hono(messages),
      "h3 EventStream": () => h3(messages),
    },
    rounds,
  );
  const encoder = new TextEncoder();
  const batches = Array.from({ length: Math.floor(TIMES / 32) }, (_, n) =>
    messages.slice(n * 32, n * 32 + 32),
  );
  const room = new Uint8Array(65_536);
  const batch = await measure(
    {
      encodeBytes: () => {
        for (const batch of batches) sink.last = tidings.encodeBytes(batch);
      },
      encodeInto: () => {
        for (const batch of batches) sink.last = tidings.encodeInto(batch, room);
      },
      "encode, then TextEncoder": () => {
        for (const batch of batches)
          for (const message of batch) sink.last = encoder.encode(tidings.encode(message));
      },
    },
    rounds,
  );
  const row = (times, name, own) =>
    `| ${name} | ${(median(times[name]) / TIMES).toFixed(0)} | ${name === own ? "" : `${ratioToBest(times, own, [name]).ratio.toFixed(2)} ×`} |`;
  const table = (times, own) => [
    "| encoder | ns a message | tidings is |",
    "|---|---|---|",
    ...Object.keys(times).map((name) => row(times, name, own)),
  ];
  const ratio = (times, own, other) => ratioToBest(times, own, [other]).ratio;
  return {
    lines: [
      "### Encoders of frameworks, Node",
      "",
      "One message with an event type, an ID and 100 characters of JSON, to bytes:",
      "",
      ...table(bytes, "tidings encodeBytes"),
      "",
      "Batches of 32 to bytes:",
      "",
      ...table(batch, "encodeBytes"),
    ],
    figures: [
      ["encode to bytes against Hono", 4, ratio(bytes, "tidings encodeBytes", "Hono streamSSE")],
      ["encode to bytes against h3", 4, ratio(bytes, "tidings encodeBytes", "h3 EventStream")],
      [
        "batches of 32, encodeBytes against encode then TextEncoder",
        2,
        ratio(batch, "encodeBytes", "encode, then TextEncoder"),
      ],
      [
        "batches of 32, encodeInto against encode then TextEncoder",
        2,
        ratio(batch, "encodeInto", "encode, then TextEncoder"),
      ],
    ].map(([what, atLeast, got]) => ({ what, wanted: { atLeast }, got })),
  };
}

/** All messages through one response, its stream drained. */
async function hono(messages) {
  const app = new Hono();
  app.get("/", (context) =>
    streamSSE(context, async (stream) => {
      for (const message of messages) await stream.writeSSE(message);
    }),
  );
  await (await app.request("/")).arrayBuffer();
}

async function h3(messages) {
  const stream = new EventStream({
    req: new Request("http://localhost/"),
    res: { headers: new Headers() },
    runtime: undefined,
  });
  const reading = new Response(await stream.send()).arrayBuffer();
  for (const message of messages) await stream.push(message);
  await stream.close();
  await reading;
}
