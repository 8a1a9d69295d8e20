/**
 * What the page remembers from visit to visit, where the browser lets it: the language, the theme, the last request.
 */
const PREFIX = "tidings.playground.";
const LONGEST = 100_000;

export const remembered = {
  get(key: string): string | undefined {
    try {
      return localStorage.getItem(PREFIX + key) ?? undefined;
    } catch {
      // Storage is off, as in some private windows: nothing is remembered.
      return undefined;
    }
  },
  /** Values over 100,000 characters are not remembered. */
  set(key: string, value: string): void {
    try {
      if (value.length <= LONGEST) localStorage.setItem(PREFIX + key, value);
    } catch {
      // As above, or the quota is used up.
    }
  },
};
