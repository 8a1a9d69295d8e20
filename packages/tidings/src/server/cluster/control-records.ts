/**
 * Hands each record to what it is for. A record that is not what it should be is reported, and passed over: the log may be
 * written to by anyone.
 * This module is browser compatible.
 */
import type { Report } from "../../guard/foreign.ts";
import type { Entry } from "../../log/log.ts";
import { type ControlRecord, decodeRecord } from "./control-record.ts";

/** Takes a record, and throws when it makes no sense. */
export type TakeRecord = (record: ControlRecord, entry: Entry) => void;

/** Reports of bad records in one minute. More say nothing new. */
const MOST_REPORTS = 3;
const MINUTE_MS = 60_000;

export class ControlRecords {
  readonly #report: Report;
  readonly #takers: ReadonlyMap<string, TakeRecord>;
  #reports = 0;
  #sinceMs = -Infinity;

  constructor(report: Report, takers: Readonly<Record<string, TakeRecord>>) {
    this.#report = report;
    this.#takers = new Map(Object.entries(takers));
  }

  take(entry: Entry): void {
    try {
      const record = decodeRecord(entry);
      // Of a newer version, perhaps, if there is none.
      this.#takers.get(record.kind)?.(record, entry);
    } catch (error) {
      const nowMs = performance.now();
      if (nowMs - this.#sinceMs > MINUTE_MS) {
        this.#reports = 0;
        this.#sinceMs = nowMs;
      }
      this.#reports += 1;
      if (this.#reports <= MOST_REPORTS) this.#report(error);
    }
  }
}
