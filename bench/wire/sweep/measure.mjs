/**
 * Measures cells, in whatever runtime this runs. Each parser's messages are compared with what they must be before it is timed.
 * The parsers take turns, round by round, and the best round of each counts: other work of the machine only ever adds.
 */

const PASSES = 3;

/**
 * @param {{ own: Function, peers: Record<string, Function> }} parsers - `(chunks, form, take) => void`.
 * @param {{ measured: object[], before: object[], rounds: number, roundMs: number, warmMs: number }} plan - `before` is parsed by all first, as a process that has run for a while has.
 * @returns {Promise<{ name: string, kind: string, column: string, form: string, size: number, ratio: number, ns: number }[]>} How many times as fast as the better peer.
 */
export async function measureCells({ own, peers }, { measured, before, rounds, roundMs, warmMs }) {
  const contestants = { own, ...peers };
  const names = Object.keys(contestants);
  for (const cell of before) verify(contestants, cell);
  const best = new Map();
  // Cell by cell, and then all again: what the machine did meanwhile is not the same cells' twice.
  for (let pass = 0; pass < PASSES; pass++) {
    for (const cell of measured) {
      const chunks = pass === 0 ? verify(contestants, cell) : cell.cut();
      const times = best.get(cell) ?? Object.fromEntries(names.map((name) => [name, Infinity]));
      best.set(cell, times);
      const repeats = {};
      for (const name of names) {
        let fastest = Infinity;
        for (let n = 0, spent = 0; n < 3 || spent < warmMs; n++) {
          const took = time(contestants[name], chunks, cell.form, 1);
          spent += took;
          fastest = Math.min(fastest, took);
        }
        repeats[name] = Math.max(1, Math.ceil(roundMs / Math.max(fastest, 0.005)));
      }
      for (let round = 0; round < rounds; round += PASSES) {
        for (const name of names) {
          const took = time(contestants[name], chunks, cell.form, repeats[name]) / repeats[name];
          times[name] = Math.min(times[name], took);
        }
      }
      // A browser's page must breathe.
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return measured.map((cell) => {
    const times = best.get(cell);
    return {
      name: cell.name,
      kind: cell.kind,
      column: cell.column,
      form: cell.form,
      size: cell.size,
      ratio: Math.min(...Object.keys(peers).map((name) => times[name])) / times.own,
      ns: (times.own * 1e6) / cell.messages().length,
    };
  });
}

let length = 0;
/** What is done with each message: the same by all, and nothing that is kept. */
function take(event, data, id) {
  length += data.length + (event === undefined ? 0 : 1) + (id === undefined ? 0 : 1);
}

function time(parse, chunks, form, repeats) {
  const start = performance.now();
  for (let n = 0; n < repeats; n++) parse(chunks, form, take);
  return performance.now() - start;
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
