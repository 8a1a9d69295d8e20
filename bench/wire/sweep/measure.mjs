/** The parsers over cells, in whatever runtime this runs. Each parser's messages are compared with what they must be before it is timed. */
import { bestTimes } from "./best-times.mjs";

/**
 * @param {{ own: Function, peers: Record<string, Function> }} parsers - `(chunks, form, take) => void`.
 * @param {{ measured: object[], before: object[], rounds: number, roundMs: number, warmMs: number, progress: Function }} plan - `before` is
 * parsed by all first, as a process that has run for a while has.
 * @returns {Promise<{ name: string, kind: string, column: string, form: string, size: number, ratio: number, ns: number }[]>} How many times as fast as the better peer.
 */
export async function measureCells({ own, peers }, { measured, before, ...plan }) {
  const contestants = { own, ...peers };
  for (const cell of before) verify(contestants, cell);
  const best = await bestTimes(measured, plan, (cell, pass) => {
    const { form } = cell;
    const chunks = pass === 0 ? verify(contestants, cell) : cell.cut();
    return Object.values(contestants).map((parse) => () => parse(chunks, form, take));
  });
  return measured.map((cell) => {
    const [time, ...others] = best.get(cell);
    return {
      name: cell.name,
      kind: cell.kind,
      column: cell.column,
      form: cell.form,
      size: cell.size,
      ratio: Math.min(...others) / time,
      ns: (time * 1e6) / cell.messages().length,
    };
  });
}

let length = 0;
/** What is done with each message: the same by all, and nothing that is kept. */
function take(event, data, id) {
  length += data.length + (event === undefined ? 0 : 1) + (id === undefined ? 0 : 1);
}

/** Compares event type and data of every message, and the last event ID where there is one. */
function verify(contestants, { name, form, messages, cut }) {
  const chunks = cut();
  const all = messages();
  for (const [who, parse] of Object.entries(contestants)) {
    let seen = 0;
    parse(chunks, form, (event, data, id) => {
      const expected = all[seen++];
      if (
        event !== expected?.event ||
        data !== expected.data ||
        (id !== undefined && id !== "" && id !== expected.id)
      )
        throw new Error(`Cannot time ${who} on ${name}: message ${seen} differs`);
    });
    if (seen !== all.length)
      throw new Error(`Cannot time ${who} on ${name}: ${seen} messages, expected ${all.length}`);
  }
  return chunks;
}

/** All parsers in one form; each takes the event type, data and ID of a message. */
export function contestants({ createParser }, peers) {
  return {
    own(chunks, form, take) {
      const parser = createParser({ onMessage: ({ event, data, id }) => take(event, data, id) });
      for (const chunk of chunks) parser.push(chunk);
    },
    peers: Object.fromEntries(
      Object.entries(peers).map(([name, create]) => [
        name,
        (chunks, form, take) => {
          const parser = create({ onEvent: ({ event, data, id }) => take(event ?? "message", data, id) });
          if (form === "strings") {
            for (const chunk of chunks) parser.feed(chunk);
            return;
          }
          const decoder = new TextDecoder();
          for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
        },
      ]),
    ),
  };
}
