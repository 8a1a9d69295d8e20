/**
 * One connection for all tabs of an origin: `share` instead of `connect`. A leader tab reads and passes messages on to the others; when it closes
 * or falls silent another goes on from its cursor.
 * Each tab has a whole `Connection`, over a transport that joins the share: handlers, pace, decoding and cursor are its own.
 * This module is browser compatible.
 */
import type { EventSchemas } from "../wire/contract.ts";
import type { ParsedMessage } from "../wire/message.ts";
import { type Connection, connect, type ConnectOptions } from "./connect.ts";
import { onAbort } from "../guard/abort.ts";
import { reportUncaught, tell } from "../guard/foreign.ts";
import { atLeast } from "../guard/least.ts";
import type { Verdict } from "./core/connection.ts";
import type { DecodedMessage, MessageIn } from "./features/messages/json.ts";
import type { MessageOf } from "./features/messages/schemas.ts";
import { systemClock } from "./core/clock.ts";
import type { ConnectionState } from "./core/reconnect.ts";
import { type Asked, isSafe } from "./core/request.ts";
import type { Role, SharePlatform } from "./share/member.ts";
import { shareName } from "./share/share-name.ts";
import { shareTransport } from "./share/share-transport.ts";

export interface ShareOptions<Message = ParsedMessage> extends ConnectOptions<Message> {
  /**
   * The name of the stream. Tabs share a connection if their names are equal, and also method, URL, headers, body and credentials as far as
   * these are values. Required if the URL, the headers or the body is a function: include what the response depends on, such as the user.
   */
  name?: string | undefined;
  /**
   * Where a tab without a cursor starts if another tab leads already. `"request"`: with its own request, for example to get a
   * snapshot, which ends when the tab has caught up with the leader. `"now"`: with messages from now on. Default: `"request"`, or
   * `"now"` for a stream without ids.
   */
  begin?: "now" | "request" | undefined;
  /** Milliseconds of silence after which a leader that does not answer loses its role, at least 100. Default: 10,000. */
  takeoverMs?: number | undefined;
  /**
   * The number of messages that each tab keeps, up to 1 MiB, for tabs that are behind. A tab that is further behind catches up
   * over its own connection to the server. Default: 1024. At most 2 MiB.
   */
  maxRecentMessages?: number | undefined;
}

export interface SharedConnection<Message = ParsedMessage> extends Connection<Message> {
  /** `"leader"` has the connection; `"follower"` receives them from the leader; `"alone"` has one of its own, since the platform cannot share. */
  readonly role: Role;
}

/**
 * As `connect`, over one connection for all tabs.
 * @throws {TypeError | RangeError} If `url` or an option makes no sense, or the request cannot be shared: it must be one that may be
 *   repeated.
 */
export function share<const Events extends EventSchemas>(
  url: Asked<string | URL>,
  options: ShareOptions<MessageOf<Events>> & { events: Events },
): SharedConnection<MessageOf<Events>>;
export function share<Events extends object = Record<string, unknown>>(
  url: Asked<string | URL>,
  options: ShareOptions<MessageIn<Events>> & { json: true; events?: undefined },
): SharedConnection<MessageIn<Events>>;
export function share(url: Asked<string | URL>, options?: ShareOptions): SharedConnection;
export function share(
  url: Asked<string | URL>,
  options: ShareOptions<never> = {},
): SharedConnection<DecodedMessage> {
  return shareOver(platform(), url, options);
}

/** @param platform - Absent where there is nothing to share with. */
export function shareOver(
  platform: SharePlatform | undefined,
  url: Asked<string | URL>,
  options: ShareOptions<never>,
): SharedConnection<never> {
  const {
    name: _,
    begin,
    takeoverMs = 10_000,
    maxRecentMessages = 1024,
    json,
    events,
    invalid,
    lastEventId,
    cursor,
    ack,
    whenHidden,
    maxQueuedMessages = 1024,
    maxQueuedBytes = 2 ** 25,
    signal,
    onMessage,
    onGap,
    onOpen,
    onState,
    onError,
    ...request
  } = options;
  const { method = "GET", retry, until, clock = systemClock } = request;
  if (retry === false || !(isSafe(method.toUpperCase()) || retry?.replay === true || cursor)) {
    const what = retry === false ? "retry is false" : `method is ${method}`;
    throw new TypeError(
      `Cannot share: ${what}, expected a request that may be repeated, since the tab that takes over repeats it (see retry.replay)`,
    );
  }
  atLeast("share", "takeoverMs", takeoverMs, 100);
  atLeast("share", "maxRecentMessages", maxRecentMessages, 0);
  let role: Role = "alone";
  if (!platform) {
    warnWhereTabsCannotShare(
      (globalThis as { isSecureContext?: boolean }).isSecureContext
        ? "it has no Web Locks or no BroadcastChannel"
        : "it is not a secure context",
    );
    const connection = connect(url, options as ConnectOptions);
    return Object.defineProperty(connection, "role", { value: role }) as SharedConnection<never>;
  }
  const key = shareName(url, options);

  // For the connection of this tab the way to the others is open; how the stream is, they say.
  let own: ConnectionState = "connecting";
  let told: ConnectionState = "connecting";
  let lastState: ConnectionState = "connecting";
  let verdict: Verdict | undefined;
  const controller = new AbortController();
  const abort = () => controller.abort(signal!.reason);
  const stopAbort = signal && onAbort(signal, abort);
  if (signal?.aborted) abort();

  const transport = shareTransport(platform, key, {
    clock,
    takeoverMs,
    maxQueued: maxQueuedMessages,
    maxQueuedBytes,
    maxRecent: maxRecentMessages,
    begin,
    connect: (more) => connect(url, { ...request, ...more } as ConnectOptions),
    onRole(is) {
      role = is;
      if (is === "alone") warnWhereTabsCannotShare("the browser refuses it locks or a channel");
    },
    onState(state, response) {
      const opens = state === "open" && told !== "open";
      told = state;
      tellState();
      if (opens && response) tell(reportUncaught, onOpen, response);
    },
    onError: (error) => tell(reportUncaught, onError, error),
    onEnd(how) {
      verdict = how;
      if (how.reason === "complete") connection.close();
      else controller.abort(how.cause);
    },
  });
  const connection = connect(key, {
    json,
    events,
    invalid,
    lastEventId,
    cursor,
    ack,
    whenHidden,
    maxQueuedMessages,
    maxQueuedBytes,
    until,
    clock,
    onMessage,
    onGap,
    onError,
    transport,
    signal: controller.signal,
    // Silence is the leader's to judge.
    idleMs: 0,
    onState(state) {
      own = state;
      if (state === "connecting") told = state;
      tellState();
    },
  } as ConnectOptions) as Connection<DecodedMessage>;
  const ended = connection.ended.then((how) => {
    stopAbort?.();
    return verdict && (how.reason === "closed" || how.reason === "aborted") ? verdict : how;
  });

  return Object.defineProperties(connection, {
    state: { get: stateNow },
    role: { get: () => role },
    ended: { value: ended },
  }) as SharedConnection<never>;

  function stateNow(): ConnectionState {
    return own === "open" ? told : own;
  }

  function tellState(): void {
    if (stateNow() === lastState) return;
    lastState = stateNow();
    tell(reportUncaught, onState, lastState);
  }
}

let hasWarned = false;

/** A page is told, in production too: over HTTP/1.1 a browser allows six connections, and the seventh tab would not load. */
function warnWhereTabsCannotShare(why: string): void {
  if (hasWarned || !(globalThis as Partial<typeof globalThis>).document) return;
  hasWarned = true;
  // oxlint-disable-next-line no-console -- nobody else would know
  console.warn(
    `Tidings: this page cannot share its event stream, since ${why}: each tab opens a connection of its own, of which a browser ` +
      "allows six over HTTP/1.1. Expected HTTPS or localhost, or HTTP/2",
  );
}

/** What this page can share with; nothing in an insecure context, and in most runtimes that are not browsers. */
function platform(): SharePlatform | undefined {
  const { navigator, BroadcastChannel, document } = globalThis as Partial<typeof globalThis>;
  try {
    const { locks } = navigator!;
    if (locks && BroadcastChannel)
      return { locks, openChannel: (name) => new BroadcastChannel(name), page: document };
  } catch {
    // A browser may refuse even to show what it has.
  }
  return;
}
