/**
 * `encode`, `encodeBytes` and `encodeInto` beside eventsource-encoder and better-sse, over lengths and kinds of data. What each
 * writes is parsed and compared before it is timed. In whatever runtime this runs. To bytes, the peers' text goes through TextEncoder:
 * what it and `encodeBytes` give has memory of its own, which a small Buffer has not.
 */
import { EventBuffer } from "better-sse";
import { encode as encodePeer } from "eventsource-encoder";
import { bestTimes } from "./best-times.mjs";
import { textOf } from "./cells.mjs";

/** What is written in turn. */
export const CALLS = ["encode", "encodeBytes", "encodeInto"];
const MESSAGES = 64;
export const SHAPES = {
  data: (data) => ({ data }),
  "event, id and data": (data, n) => ({ event: "price", id: `id-${n}`, data }),
};
const encoder = new TextEncoder();
const room = new Uint8Array(2 ** 21);

export function encodingCells(lengths, kinds) {
  return Object.entries(SHAPES).flatMap(([shape, make]) =>
    kinds.flatMap((kind) =>
      lengths.flatMap((length) =>
        CALLS.map((call) => ({
          name: `${call}, ${shape}, ${kind} ${length}`,
          kind,
          shape,
          column: String(length),
          call,
          messages: () => Array.from({ length: MESSAGES }, (_, n) => make(textOf(kind, length), n)),
        })),
      ),
    ),
  );
}

function peerTexts() {
  return {
    "eventsource-encoder": (message) => encodePeer(message),
    "better-sse": ({ event, id, data }) => {
      const buffer = new EventBuffer({ serializer: (text) => text });
      // Without an event type it names one by itself.
      if (event === undefined) buffer.data(data).dispatch();
      else buffer.push(data, event, id);
      return buffer.read();
    },
  };
}

/** @returns {{ name: string, kind: string, shape: string, column: string, form: string, ratio: number, ns: number }[]} */
export async function measureEncoding(tidings, { cells, ...plan }) {
  const texts = peerTexts();
  const each = (encode) => (messages) => {
    let last;
    for (const message of messages) last = encode(message);
    return last;
  };
  const contestants = {
    encode: { own: each(tidings.encode), peers: Object.values(texts).map(each) },
    encodeBytes: {
      own: each(tidings.encodeBytes),
      peers: Object.values(texts).map((encode) => each((message) => encoder.encode(encode(message)))),
    },
    encodeInto: {
      own: (messages) => tidings.encodeInto(messages, room),
      peers: Object.values(texts).map((encode) => (messages) => {
        let written = 0;
        for (const message of messages)
          written += encoder.encodeInto(encode(message), room.subarray(written)).written;
        return written;
      }),
    },
  };
  // A process that has run for a while has written all kinds.
  for (const cell of cells) {
    const messages = cell.messages();
    verify(tidings, texts, messages);
    for (const { own, peers } of Object.values(contestants)) for (const run of [own, ...peers]) run(messages);
  }
  let sink;
  const best = await bestTimes(cells, plan, (cell) => {
    const { own, peers } = contestants[cell.call];
    const messages = cell.messages();
    return [own, ...peers].map((run) => () => {
      sink = run(messages);
    });
  });
  if (sink === undefined) throw new Error("Cannot time encoders: nothing was encoded");
  return cells.map((cell) => {
    const [time, ...others] = best.get(cell);
    return {
      name: cell.name,
      kind: cell.kind,
      shape: cell.shape,
      column: cell.column,
      form: cell.call,
      ratio: Math.min(...others) / time,
      ns: (time * 1e6) / MESSAGES,
    };
  });
}

function verify({ createParser, encode }, texts, messages) {
  for (const [who, write] of Object.entries({ tidings: encode, ...texts })) {
    let seen = 0;
    const parser = createParser({
      onMessage({ event, data, id }) {
        const expected = messages[seen++];
        const type = expected.event ?? "message";
        if (data !== expected.data || event !== type || id !== (expected.id ?? id))
          throw new Error(`Cannot time ${who}: message ${seen} differs`);
      },
    });
    for (const message of messages) parser.push(write(message));
    if (seen !== messages.length) throw new Error(`Cannot time ${who}: ${seen} messages`);
  }
}
