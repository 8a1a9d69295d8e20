/**
 * `connect` with every feature, chosen by options. For a smaller one with chosen features there is core/connect.ts.
 * This module is browser compatible.
 */
import type { EventSchemas } from "../wire/contract.ts";
import type { ParsedMessage } from "../wire/message.ts";
import {
  connect as connectCore,
  type Connection as CoreConnection,
  type CoreOptions,
} from "./core/connect.ts";
import type { Feature } from "./core/feature.ts";
import type { Asked } from "./core/request.ts";
import { refuseEventSourceProperties, withWarnings } from "./development.ts";
import { type DecodedMessage, type Invalid, json, type MessageIn } from "./features/messages/json.ts";
import { page, type WhenHidden, type WhenOffline } from "./features/page.ts";
import { type MessageOf, schemas } from "./features/messages/schemas.ts";
import { absolute } from "./transports/fetch.ts";
import { toReadable } from "./readable.ts";
import { type SharedOptions, sharedFeatures } from "./shared-features.ts";

export interface Connection<Message = ParsedMessage> extends CoreConnection<Message> {
  /** The messages as a stream, for one reader, as in `for await`. */
  readonly readable: ReadableStream<Message>;
}

export interface ConnectOptions<Message = ParsedMessage>
  extends Omit<CoreOptions<Message>, "retry">, SharedOptions {
  /** Whether each message's data is JSON, and decoded. Default: false, unless there are `events`. */
  json?: boolean | undefined;
  /**
   * Event types and the schema of their data: any Standard Schema, so Zod's, Valibot's, ArkType's. Data is decoded as JSON and
   * checked; a schema for text gets the text itself. Other event types are ignored.
   */
  events?: EventSchemas | undefined;
  /** What happens to a message whose data is not what was expected. `onError` is called with each. Default: `"skip"`. */
  invalid?: Invalid | undefined;
  /**
   * What to do while the page is hidden: `"keep"` the stream as long as the platform does, or `"pause"` it, at once or after a
   * number of milliseconds. When the page is visible again, the stream continues from the last event ID. Requests that are not
   * repeated are kept. Default: `"keep"`.
   */
  whenHidden?: WhenHidden | undefined;
  /**
   * What to do when the platform reports that it is offline, which is often wrong. `"keep"`: a stream is kept while it receives data,
   * and attempts continue, one every 30 seconds. `"pause"`: everything stops until the platform is online. Default: `"keep"`.
   */
  whenOffline?: WhenOffline | undefined;
  /** Your own features. They run before those of the options. Default: none. */
  use?: readonly Feature<unknown>[] | undefined;
}

/**
 * Opens an event stream and keeps it open.
 * @param url - Absolute, or relative to the page. A function is called at each attempt.
 * @throws {TypeError | RangeError} If `url` or an option makes no sense.
 */
export function connect<const Events extends EventSchemas>(
  url: Asked<string | URL>,
  options: ConnectOptions<MessageOf<Events>> & { events: Events },
): Connection<MessageOf<Events>>;
/** @typeParam Events - Event types and their data, as for `createHub<Events>()`. Nothing is checked. */
export function connect<Events extends object = Record<string, unknown>>(
  url: Asked<string | URL>,
  options: ConnectOptions<MessageIn<Events>> & { json: true; events?: undefined },
): Connection<MessageIn<Events>>;
export function connect(url: Asked<string | URL>, options?: ConnectOptions): Connection;
export function connect(
  url: Asked<string | URL>,
  options: ConnectOptions<never> = {},
): Connection<DecodedMessage> {
  try {
    // Bundlers know this condition, and drop what is in it for production. Elsewhere there may be no process.
    if (process.env.NODE_ENV !== "production") options = withWarnings(options, OPTIONS);
  } catch {}
  const { events, invalid, transport } = options;
  if (!transport && typeof url !== "function") {
    try {
      absolute(url);
    } catch (cause) {
      throw new TypeError(
        `Cannot connect: url is ${JSON.stringify(url)}, expected an absolute one, since there is no page to resolve it against`,
        { cause },
      );
    }
  }
  const use: Feature<unknown>[] = [
    ...(options.use ?? []),
    // What thinks before it speaks may be silent for long, and asking for it twice is worse than waiting.
    ...sharedFeatures(options, (canRepeat) => (canRepeat ? "auto" : 0)),
    page(options.whenHidden, options.whenOffline),
  ];
  if (events) use.push(schemas(events, invalid));
  else if (options.json) use.push(json(invalid));
  const connection = connectCore(url, Object.assign({}, options, { use }) as CoreOptions);
  let readable: ReadableStream | undefined;
  Object.defineProperty(connection, "readable", { get: () => (readable ??= toReadable(connection)) });
  try {
    if (process.env.NODE_ENV !== "production") refuseEventSourceProperties(connection);
  } catch {}
  return connection as unknown as Connection<DecodedMessage>;
}

/** Where there is one: Node, and what a bundler puts in its place. */
declare const process: { readonly env: { readonly NODE_ENV?: string } };

/** By which a misspelt option is known. */
const OPTIONS: readonly string[] = /* @__PURE__ */ Object.keys({
  method: true,
  headers: true,
  body: true,
  signal: true,
  lastEventId: true,
  retry: true,
  until: true,
  maxQueuedMessages: true,
  maxQueuedBytes: true,
  maxMessageBytes: true,
  clock: true,
  onMessage: true,
  onOpen: true,
  onError: true,
  onState: true,
  fetch: true,
  credentials: true,
  init: true,
  transport: true,
  refresh: true,
  idleMs: true,
  connectTimeoutMs: true,
  firstByteTimeoutMs: true,
  cursor: true,
  ack: true,
  cursorFrom: true,
  cursorVia: true,
  resume: true,
  dialect: true,
  onGap: true,
  trace: true,
  json: true,
  events: true,
  invalid: true,
  whenHidden: true,
  whenOffline: true,
  use: true,
} satisfies Record<keyof ConnectOptions, true>);
