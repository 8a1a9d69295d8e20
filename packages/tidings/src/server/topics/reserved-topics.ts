/**
 * Topics of a log that are the hub's own. Applications can neither publish to them nor select them by name, and no pattern matches
 * them: what stands there is for other processes of the same log, which may run another version.
 * This module is browser compatible.
 */

/** What all of them begin with. */
export const RESERVED = "$tidings/";

/** What every process has to do: revocations. */
export const CONTROL_TOPIC = "$tidings/control";

/** What processes tell each other of themselves: that they live, who is present, what they find. */
export const PROCESSES_TOPIC = "$tidings/processes";

const PRESENCE = "$tidings/presence/";

/** Where it is published who joins and leaves a topic. Subscribers select it with `{ presence: topic }`. */
export function presenceTopicOf(topic: string): string {
  return PRESENCE + topic;
}

/** The topic whose presence it is; undefined for any other topic. */
export function topicOfPresence(topic: string): string | undefined {
  return topic.startsWith(PRESENCE) ? topic.slice(PRESENCE.length) : undefined;
}

export function isReserved(topic: string): boolean {
  return topic.startsWith(RESERVED);
}
