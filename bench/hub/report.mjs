/** What a run found, as text for the terminal and as the page docs/performance-hub.md with its plots. */
import { addExponent, seriesOf } from "./scenarios/linear.mjs";
import { drawPlot } from "./plot.mjs";
import { SERVERS } from "./plans.mjs";

const STREAMS = [100, 300, 1000, 3000, 10_000, 19_000];
const MESSAGES = [1000, 10_000, 100_000, 1_000_000];
const PLOTTED = ["tidings", "plain", "better-sse"];

/** The plots by file name. Adds the exponents that the figures ask for to the samples. */
export function makePlots(samples) {
  const titled = (series) => series.map(({ name, points }) => ({ name: SERVERS[name].title, points }));
  const streams = seriesOf(samples, PLOTTED, STREAMS, "pacedCpuUs", (value, place) => (value * place) / 1000);
  const memory = seriesOf(
    samples,
    PLOTTED,
    STREAMS,
    "idleBytes",
    (value, place) => (value * place) / 2 ** 20,
  );
  const messages = seriesOf(samples, PLOTTED, MESSAGES, "pouredCpuMs", (value) => value / 1000);
  const plots = {};
  const add = (metric, file, series, least, words) => {
    if (!series.some(({ name, points }) => name === "tidings" && points.length >= least)) return;
    addExponent(samples, metric, series);
    plots[file] = drawPlot({ ...words, series: titled(series) });
  };
  add("streamsExponent", "hub-streams.svg", streams, 4, {
    title: "CPU of one message, by open streams (paced, nothing to join)",
    x: "open streams",
    y: "milliseconds of CPU",
  });
  add("memoryExponent", "hub-memory.svg", memory, 3, {
    title: "Memory of idle streams",
    x: "open streams",
    y: "MiB",
  });
  add("messagesExponent", "hub-messages.svg", messages, 3, {
    title: "CPU of a run, by messages (100 streams, ten messages a turn)",
    x: "messages",
    y: "seconds of CPU",
  });
  return plots;
}

/** One line for each figure. */
export function figureLines(judged) {
  return judged.map(({ what, bound, isAtLeast, unit, value, isReached }) => {
    const limit = `${isAtLeast ? "at least" : "at most"} ${short(bound)}${unit && ` ${unit}`}`;
    return {
      what,
      limit,
      value: `${short(value)}${unit && ` ${unit}`}`,
      verdict: isReached ? "reached" : "NOT REACHED",
    };
  });
}

/** @type {[title: string, metric: string, format: (value: number) => string, places: number[]][]} */
const TABLES = [
  ["Saturated: deliveries a second", "saturatedPerSecond", whole, [100, 1000, 10_000]],
  ["Saturated: CPU per delivery, µs", "saturatedCpuUs", short, [100, 1000, 10_000]],
  ["Ten messages a turn: CPU per delivery, µs", "joinedCpuUs", short, [100, 1000]],
  ["Ten messages a turn: deliveries a second", "joinedPerSecond", whole, [100, 1000]],
  ["Paced at 20,000/s: CPU per delivery, µs", "pacedCpuUs", short, [100, 1000, 10_000, 19_000]],
  ["Paced at 20,000/s: latency p50, ms", "pacedP50Ms", short, [100, 1000, 10_000, 19_000]],
  ["Paced at 20,000/s: latency p99, ms", "pacedP99Ms", short, [100, 1000, 10_000, 19_000]],
  ["Overload, 400,000/s wanted: delivered when the last was published", "overloadShareInTime", short, [1000]],
  ["Overload: latency p50, ms", "overloadP50Ms", short, [1000]],
  ["Overload: latency p99, ms", "overloadP99Ms", short, [1000]],
  [
    "Longest turn of the event loop for a publish, CPU, median, ms",
    "holdCpuMs",
    short,
    [100, 1000, 10_000, 19_000],
  ],
  ["… on the clock, median, ms", "holdMs", short, [100, 1000, 10_000, 19_000]],
  ["… 90th percentile, ms", "holdP90Ms", short, [100, 1000, 10_000, 19_000]],
  ["… without a publish (noise), 90th percentile, ms", "silentP90Ms", short, [100, 1000, 10_000, 19_000]],
  [
    "Event loop delay (perf_hooks, resolution 1 ms), p99, ms",
    "loopDelayP99Ms",
    short,
    [100, 1000, 10_000, 19_000],
  ],
  ["Memory per idle stream, bytes", "idleBytes", whole, [1000, 3000, 10_000, 19_000]],
  ["… of it in JavaScript's heap, bytes", "idleHeapBytes", whole, [1000, 3000, 10_000, 19_000]],
  ["Opening a stream that stays: CPU, µs", "openCpuUs", short, [10_000, 19_000]],
  ["Heartbeat: CPU, µs", "heartbeatCpuUs", short, [5000, 19_000]],
  ["Opening and cutting: CPU, µs", "churnCpuUs", short, [64]],
  ["Replay of 100 messages: CPU, µs", "replayCpuUs", short, [64]],
];

/** All that was measured, as Markdown tables. */
export function tables(samples) {
  const names = Object.keys(SERVERS).filter((name) => samples.records.some(({ server }) => server === name));
  return TABLES.flatMap(([title, metric, format, places]) => {
    const used = places.filter((place) =>
      names.some((name) => samples.median(name, place, metric) !== undefined),
    );
    if (used.length === 0) return [];
    const heads = used.map((place) =>
      metric.startsWith("churn") || metric.startsWith("replay") ? "" : `${whole(place)} streams`,
    );
    const rows = names
      .filter((name) => used.some((place) => samples.median(name, place, metric) !== undefined))
      .map((name) => [
        SERVERS[name].title,
        ...used.map((place) => cell(samples, name, place, metric, format)),
      ]);
    return [`**${title}**\n\n${markdownTable([["", ...heads], ...rows])}`];
  });
}

/** The page. `notes` says how and where it was measured. */
export function page({ judged, samples, plots, notes }) {
  const lines = figureLines(judged);
  const images = Object.keys(plots).map((file) => `![${file.replace(/\.svg$/, "")}](images/${file})`);
  return `<!-- Made by \`npm run bench hub -- --full --docs\`; edit the benchmark, not this page. -->

# How fast the hub is

Made by the benchmark in \`bench/hub\`, which anyone can run: \`npm run bench hub\` takes a few minutes, \`npm run bench hub -- --full\`
about three quarters of an hour, in parts if need be (\`--part 1/8\`, then \`--from\` joins them). Each server has a process of its own on one core; a load generator in C on the other core reads every stream
and verifies that each message is complete, once and in order (a run in which one is not is an error, not a figure). The messages
are 100 bytes of JSON. **Ratios within one run are the figures to use**; times are this machine's.

${notes.map((note) => `- ${note}`).join("\n")}

## The figures

${markdownTable([["figure", "wanted", "measured", ""], ...lines.map(({ what, limit, value, verdict }) => [what, limit, value, verdict])])}

Ratios are medians of the ratios within each round.

## Why

A message is encoded once; publishing only appends it. The streams are walked in slices of half a millisecond, and each is given
everything since its cursor in one write. The write is the floor (4 to 7 µs here, whoever makes it), so fewer writes is the whole
game: with little to do each message is written at once, under load messages join by themselves.

A stream on node:http holds what the bare loop holds, about 4.7 kB of request, response, parser and socket in JavaScript's heap,
and some 300 bytes of the hub's. Node forgets its response only together with its place in the order of a connection's answers, so
that nothing can be given back there: a second request on the connection would be answered into the stream. Where that memory
matters, the acceptor never makes these objects.

## Where the wanted figures end

Profiles of the server (\`perf\`, 2026-11-25), for what is wanted and lies beyond what the ground allows:

- **Paced**, a write for each delivery: 63 % of the time is the kernel's (a send to a socket that has slept, and the reader's wake-up),
  5 % the call into it, 18 % Node's C++ under \`socket.write\`, 14 % JavaScript, Node's streams and ours. uWebSockets.js pays the first
  two alone; nothing that goes through \`socket.write\` can come below 1.3 times that.
- **Overload**: node:http holds back what is written in one turn of the loop and sends it together, so that the bare loop, once late, joins
  messages as well, and keeps up at some 60 ms. A tenth of that would be less than one walk over 1,000 streams takes, at 7 µs a write.
- **Idle memory on the user's server**: what the bare loop holds, and the hub's 300 bytes.
- **Opening through the acceptor**: a \`net.Server\` that answers the first packet of each connection with ready bytes, parsing nothing and
  keeping nothing, takes 0.48 of the bare loop's time; the acceptor's parsing, admission, place in the fan-out and timer are the rest.

For four of these, \`--gate\` has limits of its own: what was measured on 2026-11-29 and the noise. This hub and that of the page (commit
9c7af8c) took turns in one run, four or five rounds, on a machine with another processor (2 × Intel Xeon) and other work:

| figure | 2026-11-25 | the same hub, 2026-11-29 | this hub, 2026-11-29 | gate |
| --- | --: | --: | --: | --: |
| Paced at 20,000/s, 1,000 streams, against uWebSockets.js | 1.31 | 1.63 to 1.79 | 1.62 to 1.74 | 1.85 |
| Overload, 99th percentile of latency against the bare loop | 0.151 | 0.28 | 0.22 to 0.25 | 0.35 |
| Idle memory against better-sse, 10,000 streams | 0.535 | 0.55 | 0.56 | 0.6 |
| Opening 10,000 streams through the acceptor, against the bare loop | 0.707 | 0.83 to 0.86 | 0.92 to 0.96 | 1.02 |

There the bare loop was late less (39 ms instead of 89; Tidings 10 ms instead of 18), took 0.525 of better-sse's memory, and the
\`net.Server\` took 0.56 of the bare loop's time. Opening costs 61 µs, and 54 in the earlier hub: the
difference is checks, limits, and what spreads openings over turns of the event loop, which takes 3.

${images.length > 0 ? `## Cost grows linearly\n\nThe axes are logarithmic: what grows linearly runs along the dashed line.\n\n${images.join("\n\n")}\n` : ""}
## Everything that was measured

Medians of the rounds, in brackets the lowest and the highest. \`*\`: the load generator was the limit in at least half of the rounds.

${tables(samples).join("\n\n")}
`;
}

function cell(samples, name, place, metric, format) {
  const value = samples.median(name, place, metric);
  if (value === undefined) return "";
  const [low, high] = samples.range(name, place, metric);
  const busy = samples.median(name, place, metric.replace(/PerSecond|CpuUs/, "GeneratorBusy"));
  const mark = metric.endsWith("PerSecond") && busy >= 0.5 ? "\\*" : "";
  return low === high
    ? `${format(value)}${mark}`
    : `${format(value)}${mark} (${format(low)}–${format(high)})`;
}

function markdownTable([head, ...rows]) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "--:"))), ...rows.map(line)].join(
    "\n",
  );
}

function whole(value) {
  return Math.round(value).toLocaleString("en");
}

function short(value) {
  return Math.abs(value) >= 1000 ? whole(value) : String(Number(value.toPrecision(3)));
}
