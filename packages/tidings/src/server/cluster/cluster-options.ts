/**
 * The options for processes that share a log, and for presence.
 * This module is browser compatible.
 */
import { checkOptionNames } from "../../guard/option-names.ts";
import { positive } from "../../guard/positive.ts";
import { show } from "../../guard/show.ts";
import { selectTopics, type TopicSelector } from "../topics/topic-selection.ts";

export interface ClusterOptions {
  /** The name of this process in the results of `hub.processes()` and `hub.inspect()`, 1 to 100 characters. Default: a random name. */
  name?: string | undefined;
  /**
   * Milliseconds without a message after which a process counts as dead, 1,000 to 600,000. A process sends four messages in this time,
   * of about 500 bytes each, through the log. Default: 15,000.
   */
  leaseMs?: number | undefined;
}

export interface PresenceOptions {
  /** The topics with presence. Streams that select a topic by name count as present, streams with patterns do not. Default: all. */
  topics?: readonly TopicSelector[] | undefined;
  /** Joins and leaves within this time, in milliseconds, become one message. At most 600,000. Default: 250. */
  coalesceMs?: number | undefined;
  /**
   * Topics in which someone is present, over all processes. Topics beyond the limit are not counted in this process. Default:
   * 10,000. At most 17 MiB.
   */
  maxTopics?: number | undefined;
  /**
   * Members, over all topics and processes. A member is a subscriber in one topic of one process, and uses about 150 bytes in
   * each process. Members beyond the limit are not counted in this process. Default: 100,000. At most 15 MiB.
   */
  maxMembers?: number | undefined;
}

export interface CheckedCluster {
  readonly name: string | undefined;
  readonly leaseMs: number;
  readonly presence: CheckedPresence | undefined;
}

export interface CheckedPresence {
  readonly matches: (topic: string) => boolean;
  readonly coalesceMs: number;
  readonly maxTopics: number;
  readonly maxMembers: number;
}

const CLUSTER_OPTIONS: Record<keyof ClusterOptions, true> = { name: true, leaseMs: true };
const PRESENCE_OPTIONS: Record<keyof PresenceOptions, true> = {
  topics: true,
  coalesceMs: true,
  maxTopics: true,
  maxMembers: true,
};
const LONGEST_NAME = 100;
/** The process waits for it before it ends by itself. */
const MOST_COALESCED_MS = 600_000;
const LEASE_MS = { least: 1_000, most: 600_000 };

/**
 * @returns Undefined when neither is wanted. Presence needs the other.
 * @throws {RangeError} If a number is out of range. @throws {TypeError} If anything else is wrong.
 */
export function checkCluster(
  cluster: boolean | ClusterOptions = false,
  presence: boolean | PresenceOptions = false,
): CheckedCluster | undefined {
  if (cluster === false && presence === false) return undefined;
  const { name, leaseMs = 15_000 } = optionsOf("cluster", cluster, CLUSTER_OPTIONS);
  if (name !== undefined && (typeof name !== "string" || name === "" || name.length > LONGEST_NAME)) {
    throw new TypeError(
      `Cannot create hub: cluster.name is ${show(name)}, expected text of 1 to ${LONGEST_NAME} characters`,
    );
  }
  if (!(leaseMs >= LEASE_MS.least && leaseMs <= LEASE_MS.most)) {
    throw new RangeError(
      `Cannot create hub: cluster.leaseMs is ${show(leaseMs)}, expected ${LEASE_MS.least} to ${LEASE_MS.most}`,
    );
  }
  return { name, leaseMs, presence: presence === false ? undefined : checkPresence(presence) };
}

function checkPresence(presence: true | PresenceOptions): CheckedPresence {
  const {
    topics,
    coalesceMs = 250,
    maxTopics = 10_000,
    maxMembers = 100_000,
  } = optionsOf("presence", presence, PRESENCE_OPTIONS);
  return {
    matches: topics === undefined ? () => true : selectTopics(topics, Infinity).matches,
    coalesceMs: atMost("presence.coalesceMs", coalesceMs, MOST_COALESCED_MS),
    maxTopics: positive("create hub", "presence.maxTopics", maxTopics),
    maxMembers: positive("create hub", "presence.maxMembers", maxMembers),
  };
}

function atMost(name: string, value: unknown, most: number): number {
  const given = positive("create hub", name, value);
  if (given <= most) return given;
  throw new RangeError(`Cannot create hub: ${name} is ${show(value)}, expected ${most} or less`);
}

function optionsOf<Options extends object>(
  name: string,
  given: boolean | Options,
  known: Readonly<Record<keyof Options, true>>,
): Partial<Options> {
  if (typeof given === "boolean") return {};
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`Cannot create hub: ${name} is ${show(given)}, expected true, false or an object`);
  }
  checkOptionNames("create hub", given, { known: Object.keys(known) }, `${name}.`);
  return given;
}
