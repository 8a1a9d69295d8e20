/**
 * A plugin for Fastify: `reply.openStream()`, with options for all streams of an application in one place, and the end of
 * every stream when it closes. Without it `openStream(request, reply)` works as well; its streams then hold `close` up.
 */
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from "fastify";
import type { EventStream } from "./one-stream/event-stream.ts";
import { ask } from "../guard/foreign.ts";
import type { Answers } from "./answers/answers.ts";
import type { Hub } from "./hub/hub.ts";
import { openStream, readArguments, type StreamOptions } from "./one-stream/open-stream.ts";
import type { Source } from "./one-stream/source.ts";
import type { EventMap, NoInfer } from "../wire/contract.ts";

declare module "fastify" {
  interface FastifyReply {
    /** Answers with an event stream: `openStream` of `tidings/server`, with the plugin's options where none are given. */
    openStream<Events extends object = EventMap>(
      source?: Source<NoInfer<Events>> | StreamOptions<Events>,
      options?: StreamOptions<Events>,
    ): EventStream<Events>;
  }
}

export interface EventStreamsOptions extends StreamOptions {
  /** Hubs that drain when the application closes, all streams at once. Without it `fastify.close()` waits for their streams. */
  hubs?: readonly Pick<Hub, "drain">[] | undefined;
  /** Answers that close when the application closes: those that run are stopped, and their readers told so. Default: none. */
  answers?: readonly Pick<Answers<never>, "close">[] | undefined;
}

/** `await fastify.register(eventStreams, { heartbeatMs: 10_000, hubs: [hub] })` */
export const eventStreams: FastifyPluginCallback<EventStreamsOptions> = Object.assign(register, {
  // As fastify-plugin does it: what is decorated here is there for the whole application, not for this plugin's own routes.
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "tidings",
});

type RawRequest = FastifyRequest["raw"];

function register(
  fastify: FastifyInstance,
  { hubs = [], answers = [], ...defaults }: EventStreamsOptions,
  done: () => void,
): void {
  const open = new Map<EventStream, RawRequest>();

  fastify.decorateReply("openStream", function (source, options) {
    const given = readArguments([source, options]);
    const all: StreamOptions = { ...defaults, ...given.options };
    const stream: EventStream = openStream(this.request, this, given.source, all);
    open.set(stream, this.request.raw);
    void stream.ended.then(() => open.delete(stream));
    return stream;
  });

  fastify.addHook("preClose", (next) => {
    for (const [stream, { httpVersionMajor, socket }] of open) {
      // Else the connection is kept for a request that will not be answered, and `close` waits for it.
      if (httpVersionMajor < 2) void stream.ended.then(() => socket.destroySoon());
      stream.end();
    }
    const closing = [
      ...hubs.map((hub) => () => hub.drain({ overMs: 0 })),
      ...answers.map((each) => () => each.close()),
    ].map(async (close) => close());
    // One that fails keeps Fastify from none of the others.
    ask(
      () => Promise.allSettled(closing),
      (results) => next(results.find((result) => result.status === "rejected")?.reason as Error | undefined),
      (error) => next(error as Error),
    );
  });

  done();
}
