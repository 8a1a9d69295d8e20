/** What peers without a history of their own need to replay: the last messages in an array, as their users would keep them. */
import { keptMessages } from "./driver.mjs";

/** @returns `add` keeps one; `after` lists what came after the message with that id. */
export function createKept() {
  const kept = [];
  return {
    add(id, entry) {
      if (keptMessages === 0) return;
      kept.push({ id, entry });
      if (kept.length > keptMessages) kept.shift();
    },
    after(lastEventId) {
      if (keptMessages === 0 || !lastEventId) return [];
      const at = kept.findIndex(({ id }) => id === lastEventId);
      return kept.slice(at + 1).map(({ entry }) => entry);
    },
  };
}
