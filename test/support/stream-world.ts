/** Streams of a hub without the hub: an outlet that takes or refuses bytes as the test says, and what was asked of the hub. */
import { RecentEntries } from "../../packages/tidings/src/server/entries/recent-entries.ts";
import { Batch } from "../../packages/tidings/src/server/out/batch.ts";
import type { Outlet, OutletOwner } from "../../packages/tidings/src/server/out/outlet.ts";
import {
  type HubLink,
  HubStream,
  type StreamGroup,
  type StreamStart,
  type StreamTerms,
} from "../../packages/tidings/src/server/streams/hub-stream.ts";
import { SubscriberGroups } from "../../packages/tidings/src/server/streams/subscriber-groups.ts";
import { selectTopics } from "../../packages/tidings/src/server/topics/topic-selection.ts";

export const EPOCH = "epoch";

export class MemoryOutlet implements Outlet {
  owner: OutletOwner | undefined;
  bufferedBytes = 0;
  closed = false;
  /** What was written, ended and cut. */
  readonly seen: string[] = [];

  write(batch: Batch): boolean {
    this.seen.push(new TextDecoder().decode(batch.bytes));
    return true;
  }

  end(): void {
    this.seen.push("end");
  }

  destroy(): void {
    this.seen.push("destroy");
  }
}

export interface StreamWorld {
  readonly hub: HubLink;
  /** What streams asked of the hub. */
  readonly asked: string[];
  readonly recent: RecentEntries<StreamGroup>;
  readonly groups: SubscriberGroups;
  open(this: void, options?: Partial<StreamTerms & StreamStart> & { topic?: string }): Opened;
}

export interface Opened {
  readonly stream: HubStream;
  readonly outlet: MemoryOutlet;
}

/** @param head - The newest offset of the log. @param link - What the hub does when it is asked; it is noted anyway. */
export function createStreamWorld(head: number, link: Partial<HubLink> = {}): StreamWorld {
  const asked: string[] = [];
  const note =
    <Asked extends unknown[], Answer>(name: string, run: ((...asked: Asked) => Answer) | undefined) =>
    (...values: Asked): Answer => {
      asked.push([name, ...values.filter((value) => typeof value !== "object")].join(" "));
      return run?.(...values) as Answer;
    };
  const hub: HubLink = {
    epoch: EPOCH,
    wake: note("wake", link.wake),
    due: note("due", link.due),
    end: note("end", link.end),
    entered: (stream) => link.entered?.(stream),
    closed: note("closed", link.closed),
    blocked: (stream, batch) => link.blocked?.(stream, batch),
    unblocked: (stream) => link.unblocked?.(stream),
    update: note("update", link.update),
  };
  const recent = new RecentEntries<StreamGroup>(EPOCH, head, { messages: 100, bytes: 1e6 });
  const groups = new SubscriberGroups(recent);
  return {
    hub,
    asked,
    recent,
    groups,
    open({ topic = "a", ...options } = {}) {
      const outlet = new MemoryOutlet();
      const terms: StreamTerms = {
        subscriber: undefined,
        address: undefined,
        onGap: "live",
        askState: undefined,
        agreement: undefined,
        ...options,
      };
      const start: StreamStart = {
        first: Batch.of(""),
        startOffset: head,
        offset: head,
        lossToldUpTo: 0,
        told: undefined,
        ...options,
      };
      const group = groups.acquire(selectTopics([topic], 10));
      return { outlet, stream: new HubStream(hub, outlet, group, terms, start, 0) };
    },
  };
}
