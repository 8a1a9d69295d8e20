/** A publish that a program can recover from. */
export class HubError extends Error {
  /** `too-fast`: `limits.publishesPerSecond` is passed; see `retryAfterMs`. `closed`: the hub has drained. */
  readonly code: "too-fast" | "closed";
  readonly retryAfterMs: number | undefined;

  constructor(code: HubError["code"], message: string, retryAfterMs?: number) {
    super(message);
    this.name = "HubError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
