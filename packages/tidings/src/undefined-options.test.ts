/**
 * An option that is undefined is one that was left out: to the compiler too, where `exactOptionalPropertyTypes` tells the two
 * apart. Express' `request.ip` is `string | undefined`, and so is what comes from any lookup.
 */
import { describe, expect, it } from "vitest";
import { connect, type ConnectOptions, type RetryOptions } from "./client/index.ts";
import type { LmdbLogOptions } from "./log/lmdb/index.ts";
import type { NatsLogOptions } from "./log/nats/index.ts";
import type { PostgresLogOptions } from "./log/postgres/index.ts";
import type { RedisLogOptions } from "./log/redis/index.ts";
import { memoryLog, type MemoryLogOptions } from "./log/index.ts";
import {
  type AnswersOptions,
  type Authorization,
  createAnswers,
  createHub,
  type DrainOptions,
  type HubLimits,
  type HubOptions,
  openStream,
  type PresenceOptions,
  type PublishOptions,
  type RetentionOptions,
  type StartOptions,
  type StreamOptions,
  type SubscribeOptions,
} from "./server/index.ts";

/** The names of the optional properties that may be left out, but not be undefined. */
type Strict<Options> = {
  [Name in keyof Options]-?: object extends Pick<Options, Name>
    ? { [One in Name]?: undefined } extends Pick<Options, Name>
      ? never
      : Name
    : never;
}[keyof Options];

/** Every option, undefined. A name that is missing here does not compile. */
type Undefined<Options> = { [Name in keyof Options]-?: undefined };

const HUB: Undefined<Required<HubOptions>> = {
  retention: undefined,
  log: undefined,
  heartbeatMs: undefined,
  stallMs: undefined,
  timeoutMs: undefined,
  writeBytes: undefined,
  slow: undefined,
  recent: undefined,
  compression: undefined,
  cluster: undefined,
  presence: undefined,
  limits: undefined,
  onError: undefined,
  events: undefined,
  checkEvents: undefined,
};
const SUBSCRIBE: Undefined<Omit<SubscribeOptions, "topics">> = {
  from: undefined,
  onGap: undefined,
  filter: undefined,
  envelope: undefined,
  snapshot: undefined,
  authorize: undefined,
  onOpen: undefined,
  methods: undefined,
  subscriber: undefined,
  address: undefined,
  lifetimeMs: undefined,
  retryMs: undefined,
  compression: undefined,
  headers: undefined,
};
const STREAM: Undefined<StreamOptions> = {
  status: undefined,
  headers: undefined,
  methods: undefined,
  retryMs: undefined,
  heartbeatMs: undefined,
  maxBufferedBytes: undefined,
  maxTotalBufferedBytes: undefined,
  maxMessageBytes: undefined,
  stallMs: undefined,
  compression: undefined,
  events: undefined,
  checkEvents: undefined,
  onError: undefined,
};

describe("an option that is undefined", () => {
  it("is one that was left out, to the compiler", () => {
    type Names = [
      Strict<HubOptions>,
      Strict<HubLimits>,
      Strict<RetentionOptions>,
      Strict<NonNullable<RetentionOptions["topics"]>[number]>,
      Strict<PresenceOptions>,
      Strict<SubscribeOptions>,
      Strict<Extract<Authorization, { expiresAtMs?: unknown }>>,
      Strict<Extract<Authorization, { refuse: unknown }>>,
      Strict<PublishOptions>,
      Strict<DrainOptions>,
      Strict<StreamOptions>,
      Strict<AnswersOptions>,
      Strict<StartOptions>,
      Strict<ConnectOptions>,
      Strict<RetryOptions>,
      Strict<MemoryLogOptions>,
      Strict<LmdbLogOptions>,
      Strict<RedisLogOptions>,
      Strict<PostgresLogOptions>,
      Strict<NatsLogOptions>,
    ][number];
    const none: [Names] extends [never] ? "none" : `may not be undefined: ${Names}` = "none";
    expect(none).toBe("none");
  });

  it("is one that was left out, to a hub and a subscription", async () => {
    const hub = createHub(HUB as HubOptions);
    const response = await hub.respond(new Request("http://a/"), { topics: ["a"], ...SUBSCRIBE });
    const reading = response.text();
    await hub.publish(
      "a",
      { data: "1", event: undefined },
      { idempotencyKey: undefined, transaction: undefined },
    );
    await hub.drain({ overMs: 0, retryMs: undefined, graceMs: undefined });
    expect([response.status, await reading]).toEqual([200, expect.stringContaining("data: 1\n\n")]);
    const bounded = createHub({
      log: memoryLog({ idempotencyKeys: undefined, idempotencyAgeMs: undefined }),
      retention: {
        messages: undefined,
        ageMs: undefined,
        topics: [{ topics: ["a"], messages: 1, ageMs: undefined }],
      },
      recent: { messages: undefined, bytes: undefined },
      presence: { topics: undefined, coalesceMs: undefined, maxTopics: undefined, maxMembers: undefined },
      cluster: { name: undefined, leaseMs: undefined },
      limits: { streams: undefined, messageBytes: undefined },
    });
    expect((await bounded.publish("a", { data: "1" })).ids).toHaveLength(1);
    await bounded.drain({ overMs: 0 });
  });

  it("is one that was left out, to a stream, to answers and to a client", async () => {
    const { response, ...stream } = openStream(
      new Request("http://a/"),
      [{ data: "1" }],
      STREAM as StreamOptions,
    );
    expect([stream !== undefined, await response.text()]).toEqual([true, ":\n\ndata: 1\n\n"]);
    const answers = createAnswers({
      log: undefined,
      joinMs: undefined,
      keepMs: undefined,
      authorize: undefined,
    });
    const answer = await answers.resumable(new Request("http://a/"), "id", () => [{ data: "1" }], {
      subscriber: undefined,
      restart: undefined,
    });
    expect(await answer.text()).toContain("data: 1\n\n");
    await answers.close({ graceMs: undefined });
    const connection = connect("http://a/", {
      fetch: async () => new Response(null, { status: 204 }),
      headers: undefined,
      signal: undefined,
      cursor: undefined,
      lastEventId: undefined,
      idleMs: undefined,
      until: undefined,
      retry: { baseMs: undefined, attempts: undefined, replay: undefined },
    });
    expect(await connection.ended).toEqual({ reason: "complete" });
  });
});
