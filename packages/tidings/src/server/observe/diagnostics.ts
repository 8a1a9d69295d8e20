/**
 * Publishes what a hub does to Node's `diagnostics_channel`: for tracing and logging that the application does
 * not have to be written for. Where there is no such module, and where nobody listens, it costs nothing.
 * This module is browser compatible.
 */
import type { GapReason } from "../gaps/gap.ts";
import type { Refusal } from "../request/refusal.ts";
import type { StreamEnd, Subscription } from "../streams/subscription.ts";
import type { TopicSelector } from "../topics/topic-selection.ts";

/** What is published to which channel. */
export interface DiagnosticsMessages {
  "tidings:publish": {
    readonly topics: readonly string[];
    readonly ids: readonly string[];
    readonly repeated: boolean;
    /** Milliseconds from the call until the log had accepted it. */
    readonly tookMs: number;
  };
  "tidings:stream:open": {
    readonly subscription: Subscription;
    readonly subscriber: string | undefined;
    /** `""` when it came with none. */
    readonly lastEventId: string;
  };
  /** Its topics have changed: `subscription.cursor` is where. */
  "tidings:stream:update": {
    readonly subscription: Subscription;
    readonly topics: readonly TopicSelector[];
  };
  "tidings:stream:refuse": Refusal & { readonly subscriber: string | undefined };
  "tidings:stream:gap": { readonly subscription: Subscription; readonly reason: GapReason };
  "tidings:stream:end": { readonly subscription: Subscription; readonly reason: StreamEnd };
}

interface Channel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
}

interface DiagnosticsModule {
  channel(name: string): Channel<unknown>;
}

/** Look at `hasSubscribers` before making a message. */
export const channels: { readonly [Name in keyof DiagnosticsMessages]: Channel<DiagnosticsMessages[Name]> } =
  {
    "tidings:publish": channel("tidings:publish"),
    "tidings:stream:open": channel("tidings:stream:open"),
    "tidings:stream:update": channel("tidings:stream:update"),
    "tidings:stream:refuse": channel("tidings:stream:refuse"),
    "tidings:stream:gap": channel("tidings:stream:gap"),
    "tidings:stream:end": channel("tidings:stream:end"),
  };

function channel(name: string): Channel<unknown> {
  const silent: Channel<unknown> = { hasSubscribers: false, publish() {} };
  // Asked for here, not imported: this file loads where there is no Node.
  const { process } = globalThis as { process?: { getBuiltinModule?(id: string): unknown } };
  const module = process?.getBuiltinModule?.("node:diagnostics_channel") as DiagnosticsModule | undefined;
  return module?.channel(name) ?? silent;
}
