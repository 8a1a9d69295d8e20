/**
 * All that was gathered before anything is judged. What was not looked at is absent, and its checks say nothing.
 */
import type { Hop } from "./examine/fingerprint.ts";
import type { Observation } from "./examine/observation.ts";
import type { SeenByServer } from "./examine/seen-by-server.ts";
import type { Profile } from "./profiles.ts";

export interface Evidence {
  readonly url: string;
  readonly profile: Profile;
  /** What stands on the way, as far as it shows itself, the nearest first. */
  readonly hops: readonly Hop[];
  /** As a browser asks: compression accepted. */
  readonly main: Observation;
  /** The same at the same time, compression refused. */
  readonly identity?: Observation | undefined;
  /** The other protocol than `main`'s. */
  readonly other?: Observation | undefined;
  /** With an `Origin` that is not the server's; and its preflight. */
  readonly crossOrigin?: Observation | undefined;
  readonly preflight?: Observation | undefined;
  /** A return with the ID of the message before the last ones of `main`. */
  readonly resumed?:
    | { readonly from: string; readonly expected: readonly string[]; readonly observation: Observation }
    | undefined;
  /** With `--long`: as long as it may take to be cut. */
  readonly long?: Observation | undefined;
  /** With `--streams N`: how many of so many streams at once were answered. */
  readonly capacity?:
    | { readonly asked: number; readonly statuses: readonly (number | undefined)[] }
    | undefined;
  /** What the doctor endpoint helped to see. */
  readonly runs?: Runs | undefined;
}

export interface Runs {
  readonly tick: Observation;
  readonly tickIdentity: Observation;
  /** Small messages fast after each other, as a model's tokens come. */
  readonly tokens: Observation;
  readonly hold: Observation;
  readonly crash: Observation;
  /** The same URL: one, another while it runs, and a third after its end. */
  readonly twice: readonly [Observation, Observation, Observation];
  readonly silence: Observation | undefined;
  /** The request with a last event ID, as the server saw it. */
  readonly echo: SeenByServer | undefined;
  /** How long after the doctor left a stream with heartbeats the server heard of it; null for not within the wait. */
  readonly noticedMs: number | null | undefined;
  /** Whether it had to write for that. */
  readonly noticedByWriting: boolean;
  readonly heartbeatMs: number;
  /**
   * What a clock here shows when an answer arrives, less what the server's showed when it was sent: the least of several
   * answers without a stream. What takes longer was held.
   */
  readonly wayMs: number;
  /** Bytes that the server could write to a reader that does not read. */
  readonly floodBytes: number | undefined;
}
