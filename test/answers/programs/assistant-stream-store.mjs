/**
 * Stands where the tests of assistant-stream have its own store in memory: the same interface over answers, in memory or, with `LOG=log`, over a log.
 */
import { createResumableStreamStore } from "tidings/integrations/assistant-stream";
import { memoryLog } from "tidings/log";
import { createAnswers } from "tidings/server";

export function createInMemoryResumableStreamStore() {
  const answers = createAnswers({
    onError: () => {},
    ...(process.env.LOG === "log" && { log: memoryLog(), joinMs: 0 }),
  });
  return Object.assign(createResumableStreamStore({ answers }), { dispose: () => void answers.close() });
}
