/**
 * `readMessages`, `readBatches` and `MessageStream` beside the stream classes of eventsource-parser 3 and 4, over web streams of
 * bytes. The messages of each are counted and compared before it is timed. In whatever runtime this runs.
 */
import { EventSourceParserStream as Stream3 } from "eventsource-parser-3/stream";
import { EventSourceParserStream as Stream4 } from "eventsource-parser-4/stream";
import { bestTimes } from "./best-times.mjs";
import { cells } from "./cells.mjs";

const STREAMS = [
  "ascii 4",
  "ascii 24",
  "ascii 270",
  "chinese 24",
  "real OpenAI deltas",
  "real ticks with event and id",
];
export const STREAM_SIZES = [1400, 16_384, 65_536];

export function streamCells() {
  return cells([4, 24, 270]).filter(
    ({ kind, column, form, size }) =>
      form === "bytes" && STREAM_SIZES.includes(size) && STREAMS.includes(`${kind} ${column}`),
  );
}

/** Each reads a stream to its end and calls `take` with each message's data. */
function facesOf({ readBatches, readMessages, MessageStream }) {
  return {
    async readMessages(stream, take) {
      for await (const { data } of readMessages(stream)) take(data);
    },
    async readBatches(stream, take) {
      for await (const batch of readBatches(stream)) for (const { data } of batch) take(data);
    },
    MessageStream: (stream, take) => drain(stream.pipeThrough(new MessageStream()), take),
  };
}

const peers = [Stream3, Stream4].map(
  (Stream) => (stream, take) =>
    drain(stream.pipeThrough(new TextDecoderStream()).pipeThrough(new Stream()), take),
);

async function drain(stream, take) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    take(value.data);
  }
}

/** @returns {Promise<{ name: string, kind: string, column: string, size: number, form: string, ratio: number, ns: number }[]>} `form` is the face. */
export async function measureStreams(tidings, plan) {
  const faces = facesOf(tidings);
  const contestants = [...Object.values(faces), ...peers];
  const all = streamCells();
  const best = await bestTimes(all, plan, async (cell, pass) => {
    const chunks = cell.cut();
    if (pass === 0) for (const run of contestants) await verify(run, chunks, cell.messages(), cell.name);
    return contestants.map((run) => () => run(streamOf(chunks), take));
  });
  return all.flatMap((cell) => {
    const times = best.get(cell);
    const peer = Math.min(...times.slice(-peers.length));
    return Object.keys(faces).map((face, n) => ({
      name: `${face}, ${cell.kind} ${cell.column}, ${cell.size}`,
      kind: cell.kind,
      column: cell.column,
      size: cell.size,
      form: face,
      ratio: peer / times[n],
      ns: (times[n] * 1e6) / cell.messages().length,
    }));
  });
}

let length = 0;
function take(data) {
  length += data.length;
}

async function verify(run, chunks, messages, name) {
  let seen = 0;
  await run(streamOf(chunks), (data) => {
    if (data !== messages[seen++]?.data) throw new Error(`Cannot time ${name}: message ${seen} differs`);
  });
  if (seen !== messages.length)
    throw new Error(`Cannot time ${name}: ${seen} messages, expected ${messages.length}`);
}

function streamOf(chunks) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < chunks.length) controller.enqueue(chunks[at++]);
      else controller.close();
    },
  });
}
