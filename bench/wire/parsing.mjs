/** Parsers from bytes and from strings, over all corpora and chunk sizes. */
import { corpora, cut } from "./corpora.mjs";
import { byteParsers, firstError, otherParsers, stringParsers } from "./parsers.mjs";
import { measure, median, ratioToBest } from "./rounds.mjs";

const SIZES = [64, 1400, 16_384, 65_536];
const EVENTSOURCE_PARSER = ["eventsource-parser 3", "eventsource-parser 4"];

export async function fromBytes({ tidings, rounds }) {
  const parsers = await byteParsers(tidings);
  const ratios = await compare(parsers, "bytes", SIZES, rounds);
  const wanted = (corpus, size) => {
    if (size === 64) return 1;
    if (size === 1400) return corpus === "llm" ? 1.5 : 1.1;
    return { llm: 2, big: 2, "big-cjk": 2, "llm-cjk": 1.2 }[corpus] ?? 1.5;
  };
  return {
    lines: [
      "### Bytes in, Node",
      "",
      "MB/s, and how many times the better eventsource-parser (with a streaming TextDecoder).",
      "",
      ...ratios.lines,
    ],
    figures: ratios.cells.map(({ corpus, size, ratio }) =>
      figure("bytes", corpus, size, wanted(corpus, size), ratio),
    ),
  };
}

export async function fromStrings({ tidings, rounds }) {
  const ratios = await compare(await stringParsers(tidings), "text", SIZES, rounds);
  return {
    lines: [
      "### Strings in",
      "",
      "MB/s of UTF-8, and how many times the better eventsource-parser.",
      "",
      ...ratios.lines,
    ],
    figures: ratios.cells.map(({ corpus, size, ratio }) =>
      figure("strings", corpus, size, corpus.startsWith("llm") ? 1.1 : 1, ratio),
    ),
  };
}

function figure(form, corpus, size, atLeast, got) {
  return { what: `${form}, ${corpus}, chunks of ${size}`, wanted: { atLeast }, got };
}

async function compare(parsers, form, sizes, rounds) {
  const names = Object.keys(parsers);
  const cells = [];
  const lines = [
    `| corpus | chunks | ${names.join(" | ")} | ratio |`,
    `|---|---|${"---|".repeat(names.length)}---|`,
  ];
  for (const corpus of corpora()) {
    for (const size of sizes) {
      const chunks = cut(corpus[form], size);
      for (const name of names) {
        const error = await firstError(parsers[name], chunks, corpus.messages);
        if (error !== undefined) throw new Error(`Cannot time ${name} on ${corpus.name}: ${error}`);
      }
      const times = await measure(
        Object.fromEntries(names.map((name) => [name, () => parsers[name](chunks, count)])),
        rounds,
      );
      const { ratio } = ratioToBest(times, "tidings", EVENTSOURCE_PARSER);
      cells.push({ corpus: corpus.name, size, ratio });
      const speeds = names.map((name) => speed(corpus, times[name]));
      lines.push(`| ${corpus.name} | ${size} | ${speeds.join(" | ")} | ${ratio.toFixed(2)} × |`);
    }
  }
  return { lines, cells };
}

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
