/**
 * Reads a page by pattern, in parts that share the event loop with everything else: first what the reader lost is looked for,
 * where that takes long, and then the page is read.
 */
import type { Page, ReadRequest, Retention } from "../log.ts";
import type { Work } from "../time/turn-budget.ts";
import { LossScan } from "./loss-scan.ts";
import { namesOf, readNamed, readWalking, ROW_STEPS } from "./read.ts";
import type { LmdbTables, LogState } from "./tables.ts";

/** With less room than that, a read waits for the next turn: its page would be small. */
const WORTHWHILE = 30_000;
/** What finding one topic costs, in rows that are read. */
const NAME_ROWS = 10;

/**
 * @param begin - Gives what is committed now. What it throws, the work throws.
 * @param resolve - Receives the page.
 */
export function broadRead(
  request: ReadRequest,
  retention: Retention,
  begin: () => { readonly tables: LmdbTables; readonly state: LogState; readonly now: number },
  resolve: (page: Page) => void,
): Work {
  const { topics, after } = request;
  const { steps = () => 0 } = topics;
  const scan = new LossScan(topics, after);
  let walks = false;
  return (most) => {
    if (most < WORTHWHILE) return { spent: most, done: false };
    const { tables, state, now } = begin();
    const begun = steps();
    const names = walks ? undefined : namesOf(tables, topics);
    walks = names === undefined;
    if (names !== undefined) {
      const page = readNamed(tables, state, request, names, retention, now);
      resolve(page);
      const rows = names.length * NAME_ROWS + page.entries.length;
      return { spent: steps() - begun + rows * ROW_STEPS, done: true };
    }
    let rows = 0;
    if (after < state.newestDiscarded) {
      const { looked, done } = scan.advance(tables, state, most - (steps() - begun));
      rows = looked;
      if (!done) return { spent: rows * ROW_STEPS + steps() - begun, done };
    }
    const room = most - rows * ROW_STEPS - (steps() - begun);
    const { page, walked } = readWalking(tables, state, request, retention, now, scan.lost, room);
    resolve(page);
    return { spent: (rows + walked) * ROW_STEPS + steps() - begun, done: true };
  };
}
