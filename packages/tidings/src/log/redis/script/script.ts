/**
 * What Redis runs for the log: a script for each step, so that each is atomic and its reply has one shape with every client and
 * protocol. All keys begin with one hash tag: a cluster keeps them together.
 *
 *     {name}:log        string: head, bytes, time, how far things are lost, what is retained, epoch, `|`, and the server that was written to
 *     {name}:server     string: that server, and its run
 *     {name}:entries    stream of blocks, up to 16 entries that were appended together: the id is `offset-0` of the first, the field its
 *                       offset and time, the value their frames (frames.ts) behind each other
 *     {name}:t:TOPIC    string: where a topic's entries are, 12 bytes each (topic-index.ts)
 *     {name}:topics     set: the topics that have an index, so that one that was evicted or removed by hand is missed
 *     {name}:lost       sorted set: the topics that lost something, by the newest offset that they lost
 *     {name}:p:ID       the last append of one process, so that it can be repeated: for six hours or more, by which the clock of Redis may jump
 *     {name}:k:HASH     an idempotency key, for as long as it is remembered
 *     {name}:c:TOPIC, {name}:all    channels of the tail
 *
 * Redis runs the whole text of a script each time: a function that is not needed costs as much to make as a command. So each
 * step has its own script, and what is rarely needed is defined where it is.
 */
import { createHash } from "node:crypto";
import { APPEND } from "./append.ts";
import { HEAD, OPEN, STATS } from "./head.ts";
import { EXPIRE, READ, WALK } from "./read.ts";

export type Step = "append" | "expire" | "head" | "open" | "read" | "stats" | "walk";

const SCRIPTS: Readonly<Record<Step, string>> = {
  append: APPEND,
  expire: EXPIRE,
  head: HEAD,
  open: OPEN,
  read: READ,
  stats: STATS,
  walk: WALK,
};

export interface Script {
  readonly text: string;
  /** What Redis knows it by. */
  readonly sha: string;
}

const MADE = new Map<Step, Script>();

/** The same text in all processes: Redis 7.0 keeps each that it has run until it ends. */
export function scriptOf(step: Step): Script {
  let script = MADE.get(step);
  if (script === undefined) {
    const text = SCRIPTS[step];
    script = { text, sha: createHash("sha1").update(text).digest("hex") };
    MADE.set(step, script);
  }
  return script;
}
