/**
 * Whether messages stand where readers look for them. A mapping of subjects, in the account's configuration, may lead what is
 * published to another subject of the log: that is acknowledged, and found by nobody who asks for its topic. The tail meets it.
 */
import { LogError, type Draft } from "../log.ts";
import { subjectOf } from "./subjects.ts";

/** Topics whose subject is known at most, and those that are refused. */
const MOST_TOPICS = 1_000;
/** So long nothing is appended to a topic that was led elsewhere: whether it still is, nothing says. */
const REFUSED_MS = 60_000;

export class Placement {
  /** What all subjects begin with. */
  readonly #subjects: () => string;
  readonly #known = new Map<string, string>();
  readonly #refused = new Map<string, { readonly error: LogError; readonly untilMs: number }>();

  constructor(subjects: () => string) {
    this.#subjects = subjects;
  }

  /** @returns What is wrong, if this message stands elsewhere. Its topic is refused from now on. */
  misplaced(topic: string, subject: string): LogError | undefined {
    if (this.#known.get(topic) === subject) return undefined;
    const expected = subjectOf(this.#subjects(), topic);
    if (expected === subject) {
      keep(this.#known, topic, subject);
      return undefined;
    }
    const message = `Cannot append to log: what is published to ${expected} comes to ${subject}, expected an account that maps no subjects of the log`;
    const error = new LogError("failed", message);
    keep(this.#refused, topic, { error, untilMs: performance.now() + REFUSED_MS });
    return error;
  }

  /** @throws {LogError} `failed`, if messages of such a topic came elsewhere a short while ago. */
  assertRight(drafts: readonly Draft[]): void {
    if (this.#refused.size === 0) return;
    for (const { topic } of drafts) {
      const refused = this.#refused.get(topic);
      if (refused === undefined) continue;
      if (performance.now() < refused.untilMs) throw refused.error;
      this.#refused.delete(topic);
    }
  }
}

function keep<Value>(map: Map<string, Value>, topic: string, value: Value): void {
  if (map.size >= MOST_TOPICS && !map.has(topic))
    for (const oldest of map.keys()) {
      map.delete(oldest);
      break;
    }
  map.set(topic, value);
}
