/**
 * A real browser with one page in it, the same for each engine, so that one test can be told three of them.
 * It rests on nothing but what WebDriver, the oldest of the three ways in, can do as well.
 */

export type EngineName = "chromium" | "firefox" | "webkit";

/** What a page function can be given and can return. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Browser {
  readonly engine: EngineName;
  /** Loads a page and waits for its `load` event. What the last page left running is gone with it. */
  open(url: string): Promise<void>;
  /** Clicks the middle of the element, as a hand would: it must be visible. @param selector - CSS. */
  click(selector: string): Promise<void>;
  /** Replaces what the field holds, key by key, so that the page sees `input` events. No line breaks. */
  type(selector: string, text: string): Promise<void>;
  /** Presses and releases one key on whatever has the focus. @param key - As `KeyboardEvent.key` names it: `"Enter"`, `"a"`. */
  press(key: string): Promise<void>;
  /** The text that a reader sees, trimmed. @throws {Error} If no element matches. */
  text(selector: string): Promise<string>;
  /**
   * Runs a function in the page and returns what it returns, or what the promise that it returns settles to.
   * It crosses as source text, so it sees its arguments and the page's globals, and nothing that the test imported.
   */
  evaluate<Args extends readonly Json[], T>(run: (...args: Args) => T, ...args: Args): Promise<Awaited<T>>;
  /** The size of the page's viewport in CSS pixels. */
  resize(width: number, height: number): Promise<void>;
  /** A PNG of the viewport. */
  screenshot(): Promise<Uint8Array>;
  /** Ends the browser and what was started for it. */
  close(): Promise<void>;
}

/**
 * Calls `check` until it returns something truthy, and returns that.
 * @param what - What is awaited, for the error: `"the close event"`.
 * @param check - Called every 50 ms. An error that it throws counts as "not yet", and is the `cause` at the end.
 * @param timeoutMs - 15 s unless told, which is long for a page and short for a person.
 */
export async function until<T>(
  what: string,
  check: () => Promise<T> | T,
  timeoutMs = 15_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`Cannot find ${what}: waited ${timeoutMs} ms, last saw ${seen}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
