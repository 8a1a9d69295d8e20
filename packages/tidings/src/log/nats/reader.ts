/**
 * Pages of the log. One source for each name or beginning, read together in the order of the log; where there are many, one for
 * everything. A source asks the stream itself for its first messages and for its end, which is exact in a cluster; between them
 * a consumer delivers many at once, from whichever copy it has.
 */
import { isByName, type Entry, type Page, type ReadRequest, type Selection } from "../log.ts";
import { millisecondsOf, nanosecondsOf, readEntry } from "./frames.ts";
import { Hiding, type HidingOptions } from "./hiding.ts";
import { pull, type PullOptions } from "./pull.ts";
import type { StreamState } from "./stream.ts";
import { filterOf, subjectOf } from "./subjects.ts";

export interface ReaderOptions extends Omit<HidingOptions, "endsMs"> {
  readonly state: (endsMs: number) => Promise<StreamState>;
  /** Of the whole log. */
  readonly ageMs: () => number;
  /** The server's time; undefined as long as it is not known. */
  readonly serverMs: () => number | undefined;
}

/** Beyond that, one source for everything costs less. */
const MOST_SOURCES = 16;
/** Looked at in one page, whether they are wanted or not. */
const MOST_WALKED = 2_000;
/** Asked for one by one, before a consumer is made. */
const SINGLES = 2;
const BATCH = 256;

export class Reader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  async read(request: ReadRequest): Promise<Page> {
    const { api, state, isOlder, ageMs, serverMs } = this.#options;
    // Of all of its questions together.
    const endsMs = api.endsMs();
    for (;;) {
      const before = await state(endsMs);
      const { head, epoch } = before;
      const walk =
        request.after < head
          ? await this.#walk({ ...request, after: Math.max(request.after, before.first - 1) }, before, endsMs)
          : { entries: [], through: Math.max(request.after, head), hidden: 0 };
      // What was discarded meanwhile may be missing.
      const { first, epoch: epochAfter } = request.after < head ? await state(endsMs) : before;
      if (epoch !== epochAfter) continue;
      let lost = Math.min(first - 1, Math.max(head, request.after));
      for (const entry of walk.entries) if (isOlder(entry, ageMs())) lost = Math.max(lost, entry.offset);
      const nowMs = serverMs();
      const newestMs = walk.entries.at(-1)?.atMs ?? -Infinity;
      return {
        entries: walk.entries.filter(({ offset }) => offset > lost),
        through: Math.max(walk.through, lost),
        lostThrough: Math.max(lost, walk.hidden),
        head,
        ...(nowMs === undefined ? {} : { nowMs: Math.max(nowMs, newestMs) }),
      };
    }
  }

  async #walk(
    request: ReadRequest,
    { subjects, head }: Pick<StreamState, "subjects" | "head">,
    endsMs: number,
  ): Promise<Walk> {
    const { topics, after, maxMessages } = request;
    const options = { ...this.#options, endsMs };
    const hiding = new Hiding(options, subjects);
    const sources = filtersOf(topics, subjects).map(
      (filter) => new Source(options, filter, after, head, Math.min(maxMessages, BATCH)),
    );
    const walk = await walkOver(sources, hiding, request, head);
    // By name, what is hidden behind this page is told with it.
    if (walk.through < head && isByName(topics)) {
      walk.hidden = Math.max(walk.hidden, await hiding.newest(topics.exact, walk.through));
    }
    return walk;
  }
}

interface Walk {
  readonly entries: Entry[];
  through: number;
  /** The newest offset that is beyond the bounds of its topic. */
  hidden: number;
}

async function walkOver(
  sources: readonly Source[],
  hiding: Hiding,
  { topics, after, maxMessages, maxBytes }: ReadRequest,
  head: number,
): Promise<Walk> {
  const walk: Walk = { entries: [], through: after, hidden: 0 };
  const { entries } = walk;
  const isWanted = wantedBy(topics);
  let bytes = 0;
  for (let walked = 0; walked < MOST_WALKED;) {
    await Promise.all(sources.map((source) => source.fill()));
    // As long as all of them know what comes next.
    for (;;) {
      const next = oldest(sources);
      if (next === undefined) {
        walk.through = head;
        return walk;
      }
      if (next.topic !== "" && isWanted(next.topic)) {
        if ((await hiding.hides(next)) === true) walk.hidden = next.offset;
        else {
          bytes += next.body.length;
          if (entries.length >= maxMessages || (entries.length > 0 && bytes > maxBytes)) return walk;
          entries.push(next);
        }
      }
      walk.through = next.offset;
      walked += 1;
      let isKnown = true;
      for (const source of sources) {
        if (source.item?.offset === next.offset) source.advance();
        isKnown &&= source.isKnown;
      }
      if (!isKnown) break;
    }
  }
  return walk;
}

/** One subject, or those below one. */
class Source {
  readonly #options: PullOptions;
  readonly #filter: string;
  readonly #head: number;
  readonly #batch: number;
  #after: number;
  #items: Entry[] = [];
  #index = 0;
  #ended = false;
  #singles = 0;

  constructor(options: PullOptions, filter: string, after: number, head: number, batch: number) {
    this.#options = options;
    this.#filter = filter;
    this.#after = after;
    this.#head = head;
    this.#batch = batch;
  }

  get item(): Entry | undefined {
    return this.#items[this.#index];
  }

  get isKnown(): boolean {
    return this.#ended || this.item !== undefined;
  }

  advance(): void {
    this.#index += 1;
  }

  async fill(): Promise<void> {
    if (this.isKnown) return;
    this.#items = [];
    this.#index = 0;
    if (this.#singles >= SINGLES) this.#items = await this.#many();
    if (this.#items.length === 0) this.#items = await this.#one();
    this.#after = this.#items.at(-1)?.offset ?? this.#head;
    // What came since belongs to the next page: of other topics, something before it may not be here.
    const beyond = this.#items.findIndex(({ offset }) => offset > this.#head);
    if (beyond !== -1) this.#items = this.#items.slice(0, beyond);
    if (this.#items.length === 0 || beyond !== -1 || this.#after >= this.#head) this.#ended = true;
  }

  async #one(): Promise<Entry[]> {
    const { api, name, endsMs } = this.#options;
    this.#singles += 1;
    const question = { seq: this.#after + 1, next_by_subj: this.#filter };
    const { message } = await api.ask<{ message?: { seq: number; data: string; time: string } }>(
      "read",
      `STREAM.MSG.GET.${name}`,
      question,
      { accept: [404], endsMs },
    );
    if (message === undefined) return [];
    const data = Buffer.from(message.data ?? "", "base64");
    const atMs = millisecondsOf(nanosecondsOf(message.time));
    return [readEntry(data, message.seq, atMs)];
  }

  async #many(): Promise<Entry[]> {
    const entries: Entry[] = [];
    await pull(this.#options, {
      from: this.#after + 1,
      filter: this.#filter,
      most: this.#batch,
      take: ({ data }, { offset, atMs }) => {
        entries.push(readEntry(data, offset, atMs));
        return offset >= this.#head;
      },
    });
    return entries;
  }
}

function oldest(sources: readonly Source[]): Entry | undefined {
  let found: Entry | undefined;
  for (const { item } of sources) {
    if (item !== undefined && (found === undefined || item.offset < found.offset)) found = item;
  }
  return found;
}

function filtersOf(topics: Selection, subjects: string): string[] {
  const { exact = [], prefixes = isByName(topics) ? [] : [""] } = topics;
  const filters = new Set([
    ...exact.map((topic) => subjectOf(subjects, topic)),
    ...prefixes.map((beginning) => filterOf(subjects, beginning)),
  ]);
  return filters.size > MOST_SOURCES || filters.has(`${subjects}.>`) ? [`${subjects}.>`] : [...filters];
}

/** `matches` is asked about nothing that cannot be selected. */
function wantedBy(topics: Selection): (topic: string) => boolean {
  const { exact = [], prefixes, matches } = topics;
  const names = new Set(exact);
  if (isByName(topics)) return (topic) => names.has(topic);
  if (prefixes === undefined) return matches;
  return (topic) => (names.has(topic) || prefixes.some((one) => topic.startsWith(one))) && matches(topic);
}
