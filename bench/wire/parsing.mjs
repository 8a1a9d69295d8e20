/** Parsers and clients of other kinds, over all corpora. */
import { corpora, cut } from "./corpora.mjs";
import { firstError, otherParsers } from "./parsers.mjs";
import { measure, median, ratioToBest } from "./rounds.mjs";

/** The slower ones. */
export async function others({ tidings, rounds }) {
  const parsers = await otherParsers(tidings);
  const names = Object.keys(parsers);
  const wanted = { "fetch-event-source": 2, undici: 2.5, "fetch-event-stream": 5, "parse-sse": 5, openai: 5 };
  const lines = [`| corpus | chunks | ${names.join(" | ")} |`, `|---|---|${"---|".repeat(names.length)}`];
  const least = Object.fromEntries(names.slice(1).map((name) => [name, Infinity]));
  for (const corpus of corpora()) {
    for (const size of [1400, 16_384]) {
      const chunks = cut(corpus.bytes, size);
      const right = {};
      const wrong = {};
      for (const name of names) {
        const error = await firstError(parsers[name], chunks, corpus.messages).catch((error) =>
          String(error),
        );
        if (error === undefined) right[name] = () => parsers[name](chunks, count);
        else wrong[name] = error;
      }
      const times = await measure(right, Math.min(rounds, 7));
      const cells = names.map((name) => {
        if (name in wrong) return "wrong";
        if (name === "tidings") return speed(corpus, times[name]);
        const { ratio } = ratioToBest(times, "tidings", [name]);
        least[name] = Math.min(least[name], ratio);
        return `${speed(corpus, times[name])} (${ratio.toFixed(1)} ×)`;
      });
      lines.push(`| ${corpus.name} | ${size} | ${cells.join(" | ")} |`);
    }
  }
  return {
    lines: [
      "### Other parsers, bytes in, Node",
      "",
      "MB/s, and in brackets how many times as fast tidings is. “wrong”: its messages are not the stream's, and it was not timed.",
      "",
      ...lines,
    ],
    figures: Object.entries(wanted).map(([name, atLeast]) => ({
      what: `bytes, the least against ${name}`,
      wanted: { atLeast },
      // Wrong on every corpus: there is nothing to compare.
      got: Number.isFinite(least[name]) ? least[name] : Number.NaN,
    })),
  };
}

let counted = 0;
function count(event, data) {
  counted += data.length;
}

function speed({ bytes }, times) {
  return ((bytes.length / median(times)) * 1000).toFixed(0);
}
