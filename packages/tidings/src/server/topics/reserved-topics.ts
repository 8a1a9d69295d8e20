/**
 * Topics of a log that are the hub's own. Applications can neither publish to them nor select them by name, and no pattern matches
 * them: what stands there is for other processes of the same log, which may run another version.
 * This module is browser compatible.
 */

/** What all of them begin with. */
export const RESERVED = "$tidings/";

/** What every process has to do: revocations. */
export const CONTROL_TOPIC = "$tidings/control";

export function isReserved(topic: string): boolean {
  return topic.startsWith(RESERVED);
}
