/**
 * Logs for a simulation that answer when chance says so.
 */
import type { Followed, Log, OpenLogOptions, Tail } from "../../packages/tidings/src/log/log.ts";
import { memoryLog } from "../../packages/tidings/src/log/memory/memory-log.ts";

/** A log in another process: its tail hands on what is followed, when it pleases, and now and then not at all. */
export function followingLog(random: () => number): Log {
  const inner = memoryLog();
  const followed = new Map<string, number>();
  const isFollowed = (topic: string): boolean => (followed.get(topic) ?? 0) + (followed.get("") ?? 0) > 0;
  const late = async (): Promise<void> => {
    for (let i = Math.floor(random() * 40); i > 0; i -= 1) await Promise.resolve();
  };
  const count = (topics: Followed, by: 1 | -1): void => {
    for (const topic of topics === "all" ? [""] : topics)
      followed.set(topic, (followed.get(topic) ?? 0) + by);
  };
  let through = 0;
  let handOn: (part: Tail) => void = () => undefined;
  let tail: Promise<unknown> = Promise.resolve();
  return {
    open: (options: OpenLogOptions) => {
      handOn = (part) => {
        ({ through } = part);
        const entries = part.entries.filter(({ topic }) => isFollowed(topic));
        options.onTail({ ...part, entries });
      };
      const onTail = (part: Tail): void => {
        const missed = random() < 0.05;
        tail = tail
          .then(late)
          .then(() => handOn(missed ? { after: part.through, through: part.through, entries: [] } : part));
      };
      return inner.open({ ...options, onTail });
    },
    follow: async (topics) => {
      await late();
      count(topics, 1);
      const from = through;
      await late();
      return from;
    },
    unfollow: (topics) => count(topics, -1),
    append: (drafts, options) => inner.append(drafts, options),
    read: async (request) => {
      await late();
      return inner.read(request);
    },
    head: () => inner.head(),
    stats: () => inner.stats(),
    close: () => inner.close(),
  };
}

/** A log whose answers and whose tail come when it pleases, as those of another machine do. */
export function unhurriedLog(random: () => number): Log {
  const inner = memoryLog();
  const late = async <T>(value: Promise<T>): Promise<T> => {
    const result = await value;
    for (let i = Math.floor(random() * 60); i > 0; i -= 1) await Promise.resolve();
    return result;
  };
  let tail: Promise<unknown> = Promise.resolve();
  return {
    open: (options: OpenLogOptions) => {
      const onTail = (part: Tail): void => {
        tail = late(tail).then(() => options.onTail(part));
      };
      return inner.open({ ...options, onTail });
    },
    append: (drafts, options) => late(inner.append(drafts, options)),
    read: (request) => late(inner.read(request)),
    head: () => late(inner.head()),
    stats: () => late(inner.stats()),
    close: () => inner.close(),
  };
}
