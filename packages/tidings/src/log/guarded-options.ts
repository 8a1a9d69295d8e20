/**
 * Guards the callbacks that a log is opened with. They are the application's: one that throws or rejects must not fail an append
 * that the log has taken, or stop the tail.
 * This module is browser compatible.
 */
import { reporter, tell } from "../guard/foreign.ts";
import { ignore } from "../guard/ignore.ts";
import type { OpenLogOptions } from "./log.ts";

/** The same options, none of which throws. What they do wrong goes to `onError`; where that fails, to the console. */
export function guardedOptions({
  retention,
  onTail,
  onReset,
  onState,
  onError,
}: OpenLogOptions): Required<OpenLogOptions> {
  const report = reporter(onError ?? ignore);
  return {
    retention,
    onTail: (tail) => tell(report, onTail, tail),
    onReset: (position) => tell(report, onReset, position),
    onState: (state) => tell(report, onState, state),
    onError: report,
  };
}
