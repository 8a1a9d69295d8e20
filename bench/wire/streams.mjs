/** From a web stream of 1,400-byte chunks of LLM deltas, against the stream class of eventsource-parser. */
import { corpora, cut } from "./corpora.mjs";
import { streamOf } from "./parsers.mjs";
import { measure, median, ratioToBest } from "./rounds.mjs";

export async function streams({ tidings, rounds }) {
  const [corpus] = corpora();
  const chunks = cut(corpus.bytes, 1400).slice(0, 400);
  const peers = ["eventsource-parser 3", "eventsource-parser 4"];
  const classes = await Promise.all(
    ["eventsource-parser-3/stream", "eventsource-parser-4/stream"].map(
      async (name) => (await import(name)).EventSourceParserStream,
    ),
  );
  let seen = 0;
  const drain = async (stream) => {
    const reader = stream.getReader();
    for (;;) {
      const { done } = await reader.read();
      if (done) return;
      seen++;
    }
  };
  const contestants = {
    readBatches: async () => {
      for await (const batch of tidings.readBatches(streamOf(chunks))) seen += batch.length;
    },
    readMessages: async () => {
      for await (const _ of tidings.readMessages(streamOf(chunks))) seen++;
    },
    MessageStream: () => drain(streamOf(chunks).pipeThrough(new tidings.MessageStream())),
    ...Object.fromEntries(
      peers.map((name, n) => [
        name,
        () => drain(streamOf(chunks).pipeThrough(new TextDecoderStream()).pipeThrough(new classes[n]())),
      ]),
    ),
  };
  for (const run of Object.values(contestants)) {
    const before = seen;
    await run();
    const complete = Buffer.concat(chunks).toString().split("\n\n").length - 1;
    if (seen - before !== complete)
      throw new Error(`Cannot time streams: ${seen - before} messages instead of ${complete}`);
  }
  const times = await measure(contestants, rounds);
  const wanted = { readBatches: 3, readMessages: 2, MessageStream: 1.4 };
  const ratio = (name) => ratioToBest(times, name, peers).ratio;
  return {
    lines: [
      "### From a web stream",
      "",
      "1,400-byte chunks of LLM deltas, µs a chunk, and how many times the better stream class of eventsource-parser.",
      "",
      "| face | µs a chunk | ratio |",
      "|---|---|---|",
      ...Object.keys(contestants).map(
        (name) =>
          `| ${name} | ${(median(times[name]) / chunks.length / 1000).toFixed(1)} | ${name in wanted ? `${ratio(name).toFixed(2)} ×` : ""} |`,
      ),
    ],
    figures: Object.entries(wanted).map(([name, atLeast]) => ({
      what: `web stream, ${name}`,
      wanted: { atLeast },
      got: ratio(name),
    })),
  };
}
