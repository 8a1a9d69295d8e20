/**
 * What an application can say about one subscription.
 * This module is browser compatible.
 */
import { checkOptionNames } from "../../guard/option-names.ts";
import { checkMethods } from "../request/methods.ts";
import { show } from "../../guard/show.ts";
import type { EventMap } from "../../wire/contract.ts";
import type { CompressionOptions } from "../compression/compression-options.ts";
import type { OnGap } from "../gaps/gap.ts";
import type { Subscription } from "../streams/subscription.ts";
import type { OutgoingMessage } from "../message/outgoing-message.ts";
import type { TopicSelector, MessageFilter } from "../topics/topic-selection.ts";

export interface SubscribeOptions<Events extends object = EventMap> {
  /** One or more topics; `{ pattern }` for all that match it. Wrong topics are refused with 400, as they often come from the request. */
  topics: readonly TopicSelector[];
  /** Where a subscriber without a cursor starts: with messages published from now on, or with everything retained. Default: `"live"`. */
  from?: "live" | "earliest" | undefined;
  /**
   * What follows a gap event: messages published from now on (`"live"`), everything retained (`"earliest"`), or 412 instead of a
   * stream (`"fail"`; an open stream ends after the event). Default: `"live"`.
   */
  onGap?: OnGap | undefined;
  /** Returns whether the subscriber gets a message. Streams with the same function share its results. If it throws, the stream ends. Default: all messages. */
  filter?: MessageFilter | undefined;
  /**
   * Whether each message carries its topic, so that a subscriber of a pattern can tell: its data is the JSON
   * `{ "topic": …, "data": … }` then, for every client. Data that is JSON is put in as it is, other data as a string. The type of the
   * data on the client is `Enveloped<Events>`. Gap events stay as they are. Default: false.
   */
  envelope?: boolean | undefined;
  /**
   * Returns the state of a topic, for a subscriber without a cursor or with a gap. It is sent first, followed by everything
   * published after `cursor`, which is read before this is called. Called for each topic by name, not for patterns. Default: none.
   */
  snapshot?:
    | ((
        topic: string,
        cursor: string,
        context: { /** Aborts when the peer leaves. */ readonly signal: AbortSignal },
      ) => SnapshotResult<Events> | Promise<SnapshotResult<Events>>)
    | undefined;
  /** Decides whether the subscriber may read. Called before the stream opens, again after `recheckMs`, and when topics are added. Default: everyone may. */
  authorize?: Authorize | undefined;
  /** Called when the stream is open, with the subscription that `subscribe` resolves with and `respond` cannot return. Default: none. */
  onOpen?: ((subscription: Subscription) => void) | undefined;
  /**
   * Methods that open the stream. Default: GET, HEAD, POST and QUERY. OPTIONS is answered with 204 and `Allow`, a CORS
   * preflight with what `headers` implies, any other method with 405.
   */
  methods?: readonly string[] | undefined;
  /** The subscriber's name, for limits, `revoke` and `inspect`. Default: none. */
  subscriber?: string | undefined;
  /** The peer's address, for the limit. Behind a proxy, pass the address that the proxy forwards. Default: the socket's, if it is public. */
  address?: string | undefined;
  /** Milliseconds after which the stream ends, so that the client reconnects. With two numbers, a random time between them. Default: no limit. */
  lifetimeMs?: number | readonly [least: number, most: number] | undefined;
  /** The reconnection time that is sent at the start, in milliseconds. Default: the client's own. */
  retryMs?: number | undefined;
  /** Whether this stream is compressed, if its peer accepts gzip. Default: the setting of the hub. */
  compression?: boolean | (CompressionOptions & { perStream: true }) | undefined;
  /** Additional response headers. Default: none. */
  headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
}

export type SnapshotResult<Events extends object> =
  | OutgoingMessage<Events>
  | readonly OutgoingMessage<Events>[]
  | undefined;

/**
 * Decides on a subscription. If it rejects, returns anything else, or takes longer than `timeoutMs` of the hub, the answer is 503. This also ends a
 * stream that is open.
 */
export type Authorize = (request: {
  readonly topics: readonly TopicSelector[];
  readonly subscriber: string | undefined;
  /** False when the stream is open and checked again, or topics are to be added to it: `topics` are all that it would have. */
  readonly first: boolean;
  /** Aborts when the result is no longer needed: the peer left, or the time is up. */
  readonly signal: AbortSignal;
}) => Authorization | Promise<Authorization>;

/**
 * - `true`: yes, for as long as it lasts.
 * - `false`: no, answered with 403.
 * - An object: yes until `expiresAtMs` (milliseconds since 1970), called again every `recheckMs`; or no, with `refuse` as status.
 */
export type Authorization =
  | boolean
  | {
      readonly expiresAtMs?: number | undefined;
      readonly recheckMs?: number | undefined;
      readonly refuse?: undefined;
    }
  | {
      readonly refuse: 401 | 403;
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly detail?: string | undefined;
    };

const SUBSCRIBE_OPTIONS: Record<keyof SubscribeOptions, true> = {
  topics: true,
  from: true,
  onGap: true,
  filter: true,
  envelope: true,
  snapshot: true,
  authorize: true,
  onOpen: true,
  methods: true,
  subscriber: true,
  address: true,
  lifetimeMs: true,
  retryMs: true,
  compression: true,
  headers: true,
};
const NAMES = { known: Object.keys(SUBSCRIBE_OPTIONS), allowsOthers: true };

/** @throws {TypeError} If `options` is no object, names an option wrongly, or has something else where a function belongs. */
export function checkSubscribeOptions(options: SubscribeOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot subscribe: options is ${show(options)}, expected an object with topics`);
  }
  checkOptionNames("subscribe", options, NAMES);
  // One by one and not in a loop: for each of thousands of streams that return together, reading them by a name that varies adds up.
  checkFunction("authorize", options.authorize);
  checkFunction("filter", options.filter);
  checkFunction("snapshot", options.snapshot);
  checkFunction("onOpen", options.onOpen);
  checkText("subscriber", options.subscriber);
  checkText("address", options.address);
  const envelope: unknown = options.envelope;
  if (envelope !== undefined && typeof envelope !== "boolean") {
    throw new TypeError(`Cannot subscribe: envelope is ${show(envelope)}, expected true or false`);
  }
  checkChoice("onGap", options.onGap, ON_GAP);
  checkChoice("from", options.from, FROM);
  checkMethods("subscribe", options.methods);
}

const ON_GAP: readonly unknown[] = ["live", "earliest", "fail"];
const FROM: readonly unknown[] = ["live", "earliest"];

function checkFunction(name: keyof SubscribeOptions, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw new TypeError(`Cannot subscribe: ${name} is ${show(value)}, expected a function`);
}

function checkText(name: keyof SubscribeOptions, value: unknown): void {
  if (value === undefined || typeof value === "string") return;
  throw new TypeError(`Cannot subscribe: ${name} is ${show(value)}, expected text`);
}

function checkChoice(name: keyof SubscribeOptions, value: unknown, known: readonly unknown[]): void {
  // Null is what a query gives for a parameter that is not there.
  if (value === undefined || value === null || known.includes(value)) return;
  throw new TypeError(
    `Cannot subscribe: ${name} is ${show(value)}, expected ${known.map((one) => JSON.stringify(one)).join(" or ")}`,
  );
}

/**
 * Milliseconds that a stream may live: a random time between the two that were given.
 * @throws {RangeError} If they are not numbers above 0 in order.
 */
export function pickLifetime(lifetimeMs: SubscribeOptions["lifetimeMs"]): number {
  if (lifetimeMs === undefined) return Infinity;
  const isPair = Array.isArray(lifetimeMs);
  const [least, most] = (isPair ? lifetimeMs : [lifetimeMs, lifetimeMs]) as readonly unknown[];
  if (typeof least !== "number" || typeof most !== "number" || !(least > 0 && most >= least)) {
    throw new RangeError(
      `Cannot subscribe: lifetimeMs is ${isPair ? `${show(least)} to ${show(most)}` : show(least)}, expected a number above 0, or two, the smaller first`,
    );
  }
  if (most === Infinity) return Infinity;
  return least + Math.random() * (most - least);
}
