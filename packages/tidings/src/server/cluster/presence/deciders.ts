/**
 * Who decides what a record changes, and publishes it. Someone may be present in a process that died and has not been declared gone.
 * Processes that began after that do not know it: what joins and leaves for them may be neither. So a process publishes what its
 * records change once it knows everyone, and names others that do until then.
 *
 * All of that is told in the log, and no clock is asked. The process that has followed the log for longest knows whatever any other one
 * knows. One that began later knows everyone when a process that does says that all it knows have given a sign of life since they
 * heard its greeting: every process that was dead by then has been declared gone, and the others are counted here.
 * This module is browser compatible.
 */
import type { ProcessStatistics, Progress } from "./process-records.ts";
import type { KnownProcess, ProcessTable } from "./process-table.ts";

type Process = KnownProcess<ProcessStatistics>;

export interface DecidersOptions {
  readonly table: ProcessTable<ProcessStatistics>;
  readonly keepsPresence: boolean;
  readonly self: () => string;
  readonly isSilent: (process: Process) => boolean;
}

/** Processes that a record names: another one publishes the same if one is cut off, and the log takes what is first. */
const MOST_NAMED = 2;

export class Deciders {
  readonly #options: DecidersOptions;
  #since = 0;
  /** One that knows everyone has heard of all processes since then. */
  #isInformed = false;
  #isLearning = true;

  constructor(options: DecidersOptions) {
    this.#options = options;
  }

  /** This process has taken every record behind this one, by which it greeted the others. 0: that has not come yet. */
  get since(): number {
    return this.#since;
  }

  /** It does not know who is present elsewhere, and takes for changes what is none. */
  get isLearning(): boolean {
    return this.#isLearning;
  }

  /** Records may be lost. */
  lost(): void {
    this.#since = 0;
    this.#isInformed = false;
    this.#isLearning = true;
  }

  /** Its greeting came back from the log. */
  greeted(offset: number): void {
    if (this.#since === 0) this.#since = offset;
  }

  /** The others have answered it. */
  learned(): void {
    this.#isLearning = false;
  }

  /** Another process gave a sign of life. */
  informedBy({ knowsAll, allSignedAt }: Progress): void {
    if (knowsAll && this.#since > 0 && allSignedAt >= this.#since) this.#isInformed = true;
  }

  /**
   * Whether a process that is not known here may be counted. One that has not heard this process may have been declared gone before that
   * began, and not know it yet. Once it has, it gives another sign, as what it is then.
   */
  mayBeNew(heard: number | undefined, isHello: boolean): boolean {
    if (heard === undefined) return true;
    return (isHello && heard === 0) || (this.#since > 0 && heard >= this.#since);
  }

  /** The newest record that every process had taken when it gave a sign of life, as far as one knows that has taken `newest`. */
  allSignedAt(newest: number): number {
    const { table, self } = this.#options;
    let least = newest;
    for (const { id, limits, heard } of table) {
      if (id !== self() && limits !== undefined && heard < least) least = heard;
    }
    return least;
  }

  /** Whether this process knows everyone who is present. What is counted in part may differ from what others count. */
  get knowsAll(): boolean {
    const { table, keepsPresence, self } = this.#options;
    if (!keepsPresence || this.#since === 0 || table.isPartial || this.isLearning) return false;
    if (!this.#isInformed && this.oldest !== self()) return false;
    for (const { id, limits, isGreeted, isWhole } of table) {
      if (id !== self() && limits !== undefined && !isGreeted && !isWhole) return false;
    }
    return true;
  }

  /** The process that has followed the log for longest, of those with presence. This one, where none is known. */
  get oldest(): string {
    const { table, self } = this.#options;
    return oldestOf(table)?.id ?? self();
  }

  /**
   * The processes that publish what a record of this one changes: itself if it knows everyone, and otherwise those that do, the last
   * heard of first. If none says so, the oldest, which may be this one.
   */
  get publishers(): string[] {
    const { table, self, isSilent } = this.#options;
    if (this.knowsAll) return [self()];
    const there = [...table].filter((process) => !isSilent(process));
    const knowing = there
      .filter(({ id, limits, knowsAll }) => limits !== undefined && knowsAll && id !== self())
      .sort((one, other) => other.seenAt - one.seenAt);
    const named = knowing.length > 0 ? knowing : [oldestOf(there) ?? []].flat();
    return named.slice(0, MOST_NAMED).map(({ id }) => id);
  }
}

function oldestOf(processes: Iterable<Process>): Process | undefined {
  let oldest: Process | undefined;
  for (const process of processes) {
    if (process.limits === undefined || process.since === 0) continue;
    if (oldest === undefined || process.since < oldest.since) oldest = process;
  }
  return oldest;
}
