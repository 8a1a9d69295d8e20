/**
 * Topics as subjects. The levels of a topic, `user/7/inbox`, are tokens, `user.7.inbox`, so that what begins with `user/7/` can
 * be asked for. The message holds its topic as it is: a subject only has to be another one for another topic.
 */
import { createHash } from "node:crypto";

/** Bytes of a topic's tokens; what is longer ends in a hash. Servers take 4,096 for a whole line. */
const MOST_BYTES = 512;

/** The subject below a prefix. */
export function subjectOf(prefix: string, topic: string): string {
  const whole = topic.split("/").map(tokenOf).join(".");
  if (whole.length <= MOST_BYTES) return `${prefix}.${whole}`;
  const hash = createHash("sha256").update(topic).digest("base64url");
  return `${prefix}.${levels(whole)}=h${hash}`;
}

/** Subjects that hold everything that begins so, and perhaps more. */
export function filterOf(prefix: string, beginning: string): string {
  const end = beginning.lastIndexOf("/");
  if (end === -1) return `${prefix}.>`;
  const whole = `${beginning.slice(0, end).split("/").map(tokenOf).join(".")}.`;
  return `${prefix}.${levels(whole)}>`;
}

/** The first tokens, as many as are never cut off, with the dot behind them. */
function levels(whole: string): string {
  return whole.slice(0, whole.lastIndexOf(".", MOST_BYTES / 2) + 1);
}

/** Letters, digits, `-` and `_` as they are, other bytes as `=` and two digits. */
function tokenOf(level: string): string {
  if (level === "") return "=";
  return level.replace(/[^A-Za-z0-9_-]/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => `=${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}
