/** Why a page could not be read. All that share the read fail for the same reason, and the application is told of it once. */
export class FailedRead extends Error {
  #told = false;

  /** @param cause - What the log rejected with, or a filter threw: anything. */
  constructor(cause: unknown) {
    super("Cannot read page", { cause });
  }

  /** Reports what failed. Where that was a read that others share, the first of them does. */
  static report(onError: (error: unknown) => void, error: unknown): void {
    // Not `instanceof`: what foreign code throws may refuse to be looked at.
    if (typeof error !== "object" || error === null || !(#told in error)) return onError(error);
    if (error.#told) return;
    error.#told = true;
    onError(error.cause);
  }
}
