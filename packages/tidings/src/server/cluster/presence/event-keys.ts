/**
 * The keys of joins and leaves say of which record they are, and until when the log may take them. One that it took later does not
 * count: another process may have published the same meanwhile, and the log have forgotten that. Everyone who reads the log passes
 * over it, and all agree on that, since the log says when it took an entry.
 * This module is browser compatible.
 */
import type { Entry, Log, ReadRequest, Tail } from "../../../log/log.ts";
import { topicOfPresence } from "../../topics/reserved-topics.ts";

const KEY = /^presence\/([^/]+)\/(.+)$/;

/** @param untilMs - By the clock of the log. */
export function eventKey({ atMs, offset }: Pick<Entry, "atMs" | "offset">, untilMs: number): string {
  return `presence/${untilMs}/${atMs}/${offset}`;
}

/** The part of the key that says of which record it is. */
export function recordOfEvent(key: string | undefined): string | undefined {
  return KEY.exec(key ?? "")?.[2];
}

/** Whether the log took a join or a leave so late that it does not count. */
export function isLate({ topic, key, atMs }: Pick<Entry, "topic" | "key" | "atMs">): boolean {
  if (topicOfPresence(topic) === undefined) return false;
  const untilMs = KEY.exec(key ?? "")?.[1];
  return untilMs !== undefined && atMs >= Number(untilMs);
}

/** The tail without what came too late. */
export function punctualTail(tail: Tail): Tail {
  return tail.entries.some(isLate) ? { ...tail, entries: tail.entries.filter(isPunctual) } : tail;
}

/** Reads the log without what came too late. */
export function punctualReader(log: Pick<Log, "read" | "head">): Pick<Log, "read" | "head"> {
  return {
    head: () => log.head(),
    read: async (request: ReadRequest) => {
      const page = await log.read(request);
      return page.entries.some(isLate) ? { ...page, entries: page.entries.filter(isPunctual) } : page;
    },
  };
}

const isPunctual = (entry: Entry): boolean => !isLate(entry);
