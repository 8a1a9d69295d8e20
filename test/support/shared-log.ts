/** One log in memory that several hubs open, as processes do: what is appended reaches each of them a little later. */
import type { Followed, Log, LogPosition, OpenLogOptions, Tail } from "../../packages/tidings/src/log/log.ts";
import { memoryLog } from "../../packages/tidings/src/log/memory/memory-log.ts";

export interface SharedLogMember extends Log {
  /** The process is cut off: nothing comes from the log, and appends wait. */
  cut(): void;
  /** It is back: its tail goes on at the head, and says that something is missing before it. */
  heal(): void;
  /** Its storage lost everything: the log begins anew for it. */
  reset(position: LogPosition): void;
}

/** @param withFollow - The tail hands on what is followed, as that of a log over the network does. */
export function sharedLog(withFollow = false): { readonly inner: Log; open(): SharedLogMember } {
  const inner = memoryLog();
  const members = new Set<{ take(tail: Tail): void }>();
  let opened: ReturnType<Log["open"]> | undefined;
  const onTail = (tail: Tail): void => {
    for (const member of members) setImmediate(() => member.take(tail));
  };
  return {
    inner,
    open() {
      let options: OpenLogOptions | undefined;
      let cut = false;
      let isWhole = true;
      let through = 0;
      let all = 0;
      const followed = new Map<string, number>();
      const waiting: (() => void)[] = [];
      const member = {
        take(tail: Tail): void {
          if (tail.through <= through) return;
          if (cut) {
            isWhole = false;
            return;
          }
          const after = isWhole ? through : tail.after;
          isWhole = true;
          through = tail.through;
          const wanted =
            withFollow && all === 0 ? tail.entries.filter(({ topic }) => followed.has(topic)) : tail.entries;
          options!.onTail({ after, through, entries: wanted });
        },
      };
      const count = (topics: Followed, by: number): void => {
        if (topics === "all") all += by;
        else {
          for (const topic of topics) {
            const now = (followed.get(topic) ?? 0) + by;
            if (now > 0) followed.set(topic, now);
            else followed.delete(topic);
          }
        }
      };
      const following: Pick<Log, "follow" | "unfollow"> = {
        async follow(topics) {
          count(topics, 1);
          const { head } = await inner.head();
          return head;
        },
        unfollow: (topics) => count(topics, -1),
      };
      return {
        async open(given) {
          options = given;
          opened ??= inner.open({ ...given, onTail });
          await opened;
          const position = await inner.head();
          through = position.head;
          members.add(member);
          return position;
        },
        async append(drafts, appendOptions) {
          if (cut) await new Promise<void>((resolve) => void waiting.push(resolve));
          return inner.append(drafts, appendOptions);
        },
        async read(request) {
          if (cut) await new Promise<void>((resolve) => void waiting.push(resolve));
          return inner.read(request);
        },
        head: () => inner.head(),
        stats: () => inner.stats(),
        async close() {
          members.delete(member);
        },
        ...(withFollow && following),
        cut() {
          cut = true;
          options!.onState?.("interrupted");
        },
        heal() {
          cut = false;
          options!.onState?.("following");
          for (const resolve of waiting.splice(0)) resolve();
        },
        reset: (position) => options!.onReset!(position),
      };
    },
  };
}
