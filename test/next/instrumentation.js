/** Loads the package before the first request: requests that come at once are then known from the first on. */
export async function register() {
  if (process.env.NEXT_RUNTIME === "nodejs") await import("./.cache/answer.mjs");
}
