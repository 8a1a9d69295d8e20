/**
 * What a component sees of a connection, and the options of a store.
 * This module is browser compatible.
 */
import type {
  Asked,
  ConnectionState,
  ConnectOptions,
  DecodedMessage,
  EventStreamError,
  MessageOf,
  Verdict,
} from "../client/index.ts";
import type { ShareOptions } from "../client/share.ts";
import type { EventSchemas, NoInfer } from "../wire/contract.ts";
import type { ParsedMessage } from "../wire/message.ts";
import type { Frame } from "./frame.ts";

/** A connection as of the last frame. A view never changes: what is new is another one. */
export interface View<Data> {
  /** What the messages were reduced to. */
  readonly data: Data;
  /** The connection's; `"connecting"` before it is opened, and `"closed"` where there is no URL. */
  readonly state: ConnectionState;
  /** Why the stream does not flow: the last failure since it was open, or what it ended with. */
  readonly error: EventStreamError | undefined;
  /** How it ended, once it has. Whatever is not `"complete"` is a part, and is to be shown as one. */
  readonly verdict: Verdict | undefined;
  /** The last event ID of the messages in `data`. */
  readonly lastEventId: string;
}

/** If absent, nothing is opened. */
export type StoreUrl = Asked<string | URL> | null | undefined;

/** The messages that a store gets: typed by `events`, decoded by `json`, or as they came. */
export type MessageFor<Events, Json> = Events extends EventSchemas
  ? MessageOf<Events>
  : Json extends true
    ? DecodedMessage
    : ParsedMessage;

/** What `data` is where nothing is reduced: the newest messages, or the newest alone. */
export type Newest<Message, Keep> = Keep extends number ? readonly Message[] : Message | undefined;

/** As much of a connection as a store asks for. */
export interface Opened {
  readonly ended: PromiseLike<Verdict>;
  close(): void;
}

interface StoreOptions<Message>
  extends
    Omit<ConnectOptions<Message>, "events" | "json">,
    // With `connect: share`.
    Pick<ShareOptions, "name" | "begin" | "takeoverMs" | "maxRecentMessages"> {
  /** What opens the connection, such as `share`. Default: `connect` of `tidings/client`. */
  connect?: ((this: void, url: Asked<string | URL>, options: ConnectOptions) => Opened) | undefined;
  /**
   * When to notify: receives a function to call once, and returns a function that cancels it. Default: in the next animation
   * frame, or after 250 ms where frames stand still, as in a hidden page.
   */
  frame?: Frame;
  /** Milliseconds that the connection stays open without a listener. Default: 0: until the next task. */
  lingerMs?: number;
}

interface Reducing<Data, Message> {
  /** What `data` is before the first message, and what a server renders. */
  initial: Data;
  /**
   * `data` with the message in it: another value where it differs, since drawing goes by identity. Called once for each message, in
   * order. When it throws, the connection is closed with the verdict `"truncated"`, and `error` says what it threw.
   */
  reduce(this: void, data: Data, message: Message): Data;
  keepLast?: undefined;
}

interface Keeping<Data, Keep> {
  initial?: NoInfer<Data>;
  reduce?: undefined;
  /** Makes `data` a list of the newest messages, so many at most, the newest last. Without it `data` is the newest message. */
  keepLast?: Keep;
}

/** The options of a store: those of `connect`, and how messages become data. */
export type OptionsOf<Events, Json, Keep, Data> = StoreOptions<MessageFor<Events, Json>> & {
  /** As for `connect`: event types and the schemas of their data. */
  events?: Events;
  /** As for `connect`: whether data is JSON, and decoded. */
  json?: Json;
} & (Reducing<Data, MessageFor<Events, Json>> | Keeping<Data, Keep>);

/** The same for messages of any type, for code that passes options on. */
export type AnyOptions<Data> = StoreOptions<ParsedMessage> & {
  initial?: Data;
  reduce?: ((this: void, data: Data, message: ParsedMessage) => Data) | undefined;
  keepLast?: number | undefined;
};
