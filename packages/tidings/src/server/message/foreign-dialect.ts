/**
 * Calls a dialect, which an application may have written. What is no answer to a call is a mistake in the dialect, and one for the
 * answer that it frames: a promise as well, since dialects answer at once.
 * This module is browser compatible.
 */
import type { AnswerContext, AnswerVerdict, Dialect, Frame, MessageText } from "../../dialects/dialect.ts";
import { isThenable } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import { show } from "../../guard/show.ts";

/** @throws {TypeError} If it gives a promise. @throws What it throws. */
export function frameOf(dialect: Dialect<never>, item: never): Frame {
  const frame: unknown = dialect.message(item);
  if (isThenable(frame)) throw wrong(dialect, "message", frame, "a message such as { data }");
  return frame as Frame;
}

/** @throws {TypeError} If it gives no list. @throws What it throws. */
export function lastFrames(
  dialect: Dialect<never>,
  verdict: AnswerVerdict,
  context: AnswerContext,
): readonly Frame[] {
  const frames: unknown = dialect.end(verdict, context);
  if (Array.isArray(frames)) return frames;
  throw wrong(dialect, "end", frames, "a list of messages");
}

/** @returns Undefined where it says nothing. @throws {TypeError} If it gives no verdict. @throws What it throws. */
export function verdictOf(dialect: Dialect<never>, message: MessageText): AnswerVerdict | undefined {
  const verdict: unknown = dialect.verdictOf(message);
  if (verdict === undefined || verdict === null) return undefined;
  if (isVerdict(verdict)) return verdict;
  throw wrong(dialect, "verdictOf", verdict, "{ complete: true }, { complete: false, reason } or undefined");
}

function isVerdict(value: unknown): value is AnswerVerdict {
  if (typeof value !== "object" || value === null) return false;
  const { complete, reason } = value as { complete?: unknown; reason?: unknown };
  return complete === true || (complete === false && typeof reason === "string");
}

function wrong({ name }: Dialect<never>, call: string, given: unknown, expected: string): TypeError {
  // This says what is wrong; that it may fail as well is no second mistake.
  if (isThenable(given)) Promise.resolve(given).then(ignore, ignore);
  return new TypeError(
    `Cannot answer: ${call} of dialect ${show(name)} returned ${show(given)}, expected ${expected}`,
  );
}
