/**
 * What the log uses of a connection to NATS, of `@nats-io/transport-node` or another package on `@nats-io/nats-core`. The
 * application makes it, and closes it.
 */
import { asError, unawaited } from "../../guard/as-error.ts";
import { tell } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import { show } from "../../guard/show.ts";

/** A connection that the application made. */
export interface NatsConnection {
  readonly info?:
    | { readonly version: string; readonly max_payload: number; readonly headers?: boolean }
    | undefined;
  publish(subject: string, payload?: Uint8Array | string, options?: object): void;
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: NatsMessage) => void },
  ): NatsSubscription;
  request(
    subject: string,
    payload?: Uint8Array | string,
    options?: { timeout: number; noMux?: boolean },
  ): Promise<NatsMessage>;
  status(): AsyncIterable<NatsStatus>;
  isClosed(): boolean;
}

/** What the connection tells of itself. */
export interface NatsStatus {
  readonly type: string;
  /** Of `error`. */
  readonly error?: Error;
}

export interface NatsMessage {
  readonly subject: string;
  readonly reply?: string;
  readonly data: Uint8Array;
  readonly headers?:
    | { readonly code: number; readonly description: string; get(name: string): string }
    | undefined;
}

export interface NatsSubscription {
  unsubscribe(): void;
}

/**
 * A connection whose methods throw errors alone, and leave no rejection to nobody.
 * @throws {TypeError} If it is no connection, or one that cannot keep a log.
 */
export function checkedConnection(connection: NatsConnection): NatsConnection {
  const { publish, subscribe, request, status, isClosed } = (connection ?? {}) as Partial<NatsConnection>;
  if ([publish, subscribe, request, status, isClosed].some((method) => typeof method !== "function")) {
    throw new TypeError(
      "Cannot make log: the connection is unknown, expected what connect() of @nats-io/transport-node resolves with",
    );
  }
  if (connection.isClosed()) {
    throw new TypeError("Cannot make log: the connection to NATS is closed, expected an open one");
  }
  return {
    get info() {
      return connection.info;
    },
    publish: (...values) => held(() => connection.publish(...values)),
    subscribe(...values) {
      const subscription = held(() => connection.subscribe(...values));
      if (typeof (subscription as Partial<NatsSubscription> | null)?.unsubscribe !== "function") {
        throw new TypeError(`The NATS client made ${show(subscription)} of a subscription`);
      }
      return { unsubscribe: () => tell(ignore, () => subscription.unsubscribe()) };
    },
    async request(...values) {
      let message: NatsMessage | null;
      try {
        message = await connection.request(...values);
      } catch (error) {
        throw asError(error);
      }
      if (ArrayBuffer.isView(message?.data)) return message;
      throw new TypeError(`The NATS client made ${show(message)} of a reply`);
    },
    status: () => held(() => connection.status()),
    isClosed: () => (tell(ignore, () => connection.isClosed()) as unknown) === true,
  };
}

function held<Given>(call: () => Given): Given {
  try {
    return unawaited(call());
  } catch (error) {
    throw asError(error);
  }
}

/**
 * Calls `heard` with each change of the connection's state, and `ended` when it is closed for good, until the returned function is
 * called.
 */
export function watchStatus(
  connection: NatsConnection,
  heard: (status: NatsStatus) => void,
  ended: () => void,
): () => void {
  let over = false;
  let changes: AsyncIterable<NatsStatus> | undefined;
  void (async () => {
    changes = connection.status();
    for await (const status of changes) {
      if (over) return;
      heard(status);
    }
  })()
    .catch(() => undefined)
    // It says so just before it is.
    .then(() => new Promise((resolve) => void setTimeout(resolve, 0)))
    .then(() => {
      if (!over && connection.isClosed()) ended();
    });
  return () => {
    over = true;
    tell(ignore, () => (changes as { stop?: () => void } | undefined)?.stop?.());
  };
}

/** Where the server did not let the user publish, if that is the error. */
export function forbiddenSubjectOf(error: Error | undefined): string | undefined {
  const { name, operation, subject } = (error ?? {}) as Partial<
    Record<"name" | "operation" | "subject", unknown>
  >;
  const isForbidden = name === "PermissionViolationError" && operation === "publish";
  return isForbidden && typeof subject === "string" ? subject : undefined;
}

/** Headers as the client sends them: it asks its own for nothing but their bytes. */
export class SentHeaders {
  readonly #bytes: Uint8Array;

  /** @param fields - Names and values, of ASCII without line breaks. */
  constructor(fields: Readonly<Record<string, string>>) {
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#bytes = Buffer.from(`NATS/1.0\r\n${lines.join("")}\r\n`);
  }

  encode(): Uint8Array {
    return this.#bytes;
  }
}
