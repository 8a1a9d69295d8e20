/**
 * A dialect: how an answer is framed for one kind of client. A server frames with it, and a client reads the verdict with it,
 * so that both ends agree on what a complete answer is. Three pure functions and a name; write your own as the others here.
 * This module is browser compatible.
 */

/** @typeParam Item - What the application's generator yields. */
export interface Dialect<Item = unknown> {
  /** Tells dialects apart in error messages and in a shared log. */
  readonly name: string;
  /** Response headers that its clients expect. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * What is sent for one item. Data that is not text is sent as JSON.
   * @throws {TypeError} If the item is nothing that these clients can read. The answer fails.
   */
  message(this: void, item: Item): Frame;
  /**
   * What ends the answer: the last messages, none when `context.last` says it already. A failure must be one that
   * {@link verdictOf} and the clients recognize.
   */
  end(this: void, verdict: AnswerVerdict, context: AnswerContext): readonly Frame[];
  /** What a message says about the end of its answer. `undefined`: nothing, it is data. */
  verdictOf(this: void, message: MessageText): AnswerVerdict | undefined;
}

/** One message: an event type, absent for `"message"`, and its data. */
export interface Frame {
  readonly event?: string;
  readonly data: unknown;
}

/** A message as it is on the wire. */
export interface MessageText {
  /** `"message"` when it has none. */
  readonly event: string;
  readonly data: string;
}

/** How an answer ended. */
export type AnswerVerdict =
  | { readonly complete: true }
  | {
      readonly complete: false;
      /** A word for programs: see `AnswerEnd`, or what another server said. */
      readonly reason: string;
      /** Words for people, as the application chose them. */
      readonly message?: string;
    };

/** What came before the end. */
export interface AnswerContext {
  readonly first: MessageText | undefined;
  readonly last: MessageText | undefined;
}

/** A sentence for clients that require one. */
export function failureText(verdict: AnswerVerdict & { complete: false }): string {
  return verdict.message ?? TEXTS[verdict.reason] ?? `The answer failed (${verdict.reason})`;
}

const TEXTS: Readonly<Record<string, string>> = {
  failed: "The answer failed",
  "too-long": "The answer is longer than this server allows",
  stopped: "The answer was stopped",
  abandoned: "The answer was stopped, because nobody read it",
  lost: "The server that produced the answer went away",
};

/** The object that a message carries as JSON, `undefined` when it carries none. */
export function objectOf(message: MessageText | undefined): Readonly<Record<string, unknown>> | undefined {
  if (message === undefined || !message.data.startsWith("{")) return undefined;
  try {
    return JSON.parse(message.data) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The nested object at `name`, an empty one when there is none. */
export function part(value: unknown, name: string): Readonly<Record<string, unknown>> {
  const found = isObject(value) ? value[name] : undefined;
  return isObject(found) ? found : {};
}

/** The text at `name`. */
export function textAt(value: unknown, name: string): string | undefined {
  const found = isObject(value) ? value[name] : undefined;
  return typeof found === "string" ? found : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** A failure that another server reported. */
export function failedFor(reason: string | undefined, message: string | undefined): AnswerVerdict {
  const known = reason ?? "failed";
  return message === undefined
    ? { complete: false, reason: known }
    : { complete: false, reason: known, message };
}

/** An object with a `type`, written out or of an interface that declares it. */
export type Typed = { readonly type: string; readonly [field: string]: unknown } | { readonly type: string };

/**
 * An item that clients read as a JSON object with a `type`.
 * @throws {TypeError} If it is anything else.
 */
export function typedItem(dialect: string, item: unknown, example: string): { readonly type: string } {
  if (isObject(item) && typeof item["type"] === "string") return item as { type: string };
  throw new TypeError(
    `Cannot answer: the generator yielded ${kind(item)}, expected what ${dialect} sends, such as ${example}`,
  );
}

function kind(value: unknown): string {
  return value === null ? "null" : typeof value === "object" ? "an object without type" : `a ${typeof value}`;
}
