/**
 * A hub that shares its log with others: what it sends them about itself, and what it knows of them. Made for hubs that want it; revoking works
 * without.
 */
import type { Report } from "../../guard/foreign.ts";
import type { Log } from "../../log/log.ts";
import type { Inspection } from "../observe/inspection.ts";
import type { HubStatistics } from "../observe/hub-stats.ts";
import type { HubStream } from "../streams/hub-stream.ts";
import type { TopicSelection } from "../topics/topic-selection.ts";
import type { CheckedCluster } from "./cluster-options.ts";
import type { TakeRecord } from "./control-records.ts";
import { Members } from "./presence/members.ts";
import { type ProcessStatistics, statisticsOf } from "./presence/process-records.ts";
import type { Presence } from "./presence/process-table.ts";
import { RemoteInspection } from "./remote-inspection.ts";

/** A process of the log. */
export interface HubProcess {
  /** Random, new at each start. */
  readonly id: string;
  readonly name: string;
  /** Whether it is this process. */
  readonly isSelf: boolean;
  /** In milliseconds since 1970, by its clock. */
  readonly startedAtMs: number;
  /** Milliseconds since its last sign of life, with which its statistics came. */
  readonly ageMs: number;
  readonly stats: ProcessStatistics;
}

export interface ClusterParts {
  readonly log: Log;
  readonly settings: CheckedCluster;
  readonly stats: () => HubStatistics;
  readonly now: () => number;
  readonly handedOn: (offset: number, withinMs: number) => Promise<void>;
  readonly inspectHere: (id: string, subscriber: string | undefined) => Promise<Inspection>;
  readonly onError: Report;
}

export class Cluster {
  readonly members: Members;
  readonly #options: ClusterParts;
  readonly #inspection: RemoteInspection;

  constructor(options: ClusterParts) {
    this.#options = options;
    this.members = new Members({ ...options, stats: () => statisticsOf(options.stats()) });
    this.#inspection = new RemoteInspection({
      ...options,
      self: () => this.members.id,
      others: () => new Map(this.#processes().filter(([id]) => id !== this.members.id)),
    });
  }

  get takers(): Readonly<Record<string, TakeRecord>> {
    return { ...this.members.takers, ...this.#inspection.takers };
  }

  entered(stream: HubStream): void {
    this.members.enter(stream.group.selection.names, stream.subscriber, stream);
  }

  left(stream: HubStream): void {
    this.members.leave(stream.group.selection.names, stream.subscriber, stream);
  }

  moved(stream: HubStream, before: TopicSelection): void {
    const { subscriber, group } = stream;
    const now = group.selection.names;
    const added = now.filter((name) => !before.names.includes(name));
    this.members.enter(added, subscriber, stream);
    const removed = before.names.filter((name) => !now.includes(name));
    this.members.leave(removed, subscriber, stream);
  }

  presence(topic: string): Presence {
    return this.members.presence(topic);
  }

  processes(): HubProcess[] {
    const nowMs = this.#options.now();
    const { id: self } = this.members;
    return this.#processes().map(([id, { name, startedAtMs, seenMs, stats }]) => ({
      id,
      name,
      isSelf: id === self,
      startedAtMs,
      ageMs: id === self ? 0 : Math.max(0, Math.round(nowMs - seenMs)),
      stats: id === self || stats === undefined ? statisticsOf(this.#options.stats()) : stats,
    }));
  }

  /** What all processes find, the newest streams first. */
  async inspect(id: string, subscriber: string | undefined, timeoutMs: number): Promise<Inspection> {
    const { inspectHere, settings } = this.#options;
    const [here, there] = await Promise.all([
      inspectHere(id, subscriber),
      this.#inspection.ask(id, subscriber, timeoutMs),
    ]);
    const self = settings.name ?? this.members.id;
    const streams = [...here.streams.map((stream) => ({ ...stream, process: self })), ...there.streams]
      .sort((one, other) => other.openedAtMs - one.openedAtMs)
      .slice(0, MOST_STREAMS);
    return { ...here, streams, silent: there.silent };
  }

  #processes(): [string, NonNullable<ReturnType<Members["table"]["get"]>>][] {
    return Array.from(this.members.table, (process) => [process.id, process]);
  }
}

const MOST_STREAMS = 100;
