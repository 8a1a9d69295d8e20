/** What a server says of a request that reached it: `Seen` of the doctor endpoint. */
export interface SeenByServer {
  readonly httpVersion: string;
  readonly peer: string;
  readonly headers: Readonly<Record<string, string | null>>;
  /** The time there, in milliseconds on a clock of its own. */
  readonly clockMs: number;
}
