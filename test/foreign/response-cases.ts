/**
 * Responses of node:http and replies of Fastify that middleware has wrapped: each part that is called misbehaves, before a stream is
 * opened on it and after. Its peer is served, refused or cut, and is not left waiting; everyone else is served.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import { expect } from "vitest";
import { type Hub, openStream } from "../../packages/tidings/src/server/index.ts";
import { type Bad, isForeign } from "./bad-code.ts";
import {
  type Case,
  each,
  expectNothingUncaught,
  listen,
  openHub,
  settle,
  uncaught,
  within,
  witness,
} from "./harness.ts";

/** How a stream is opened. */
type Way = (hub: Hub, request: IncomingMessage, response: ServerResponse) => unknown;

const subscribes: Way = (hub, request, response) => hub.subscribe(request, response, { topics: ["a"] });
const waits: Way = (hub, request, response) =>
  hub.subscribe(request, response, {
    topics: ["a"],
    authorize: async () => {
      await settle();
      return true;
    },
  });
const opens: Way = async (_hub, request, response) => {
  const stream = openStream(request, response, { heartbeatMs: 10, stallMs: 20, onError: () => undefined });
  stream.send({ data: "1" });
  await settle();
  stream.end();
  await stream.ended;
};
/** As in Fastify, whose reply stands before the response. */
const replies =
  (part: "hijack" | "getHeaders"): Way =>
  (hub, request, response) => {
    const reply = {
      raw: response,
      hijack: () => undefined,
      getHeaders: () => ({}),
      [part]: (response as unknown as Record<string, unknown>)[part],
    };
    return hub.subscribe(request, reply, { topics: ["a"] });
  };

interface Spoilt {
  /** Only once the stream is open. */
  readonly later?: boolean;
  /** Nothing of it leaves and it never drains nor ends: it has to be cut. */
  readonly never?: boolean;
}

/** Whatever stands before it. */
const hasBegun = (response: ServerResponse): boolean =>
  Reflect.get(ServerResponse.prototype, "headersSent", response);

/** @param spoil - Puts what misbehaves on the response. */
async function withResponse(
  spoil: (response: ServerResponse) => void,
  open: Way,
  { later = false, never = false }: Spoilt,
): Promise<void> {
  const { hub, reported } = openHub({ stallMs: 20, heartbeatMs: 10 });
  const beside = await witness(hub);
  const told: unknown[] = [];
  const url = await listen((request, response) => {
    if (never) Object.assign(response, { write: () => false, end: () => undefined });
    if (!later) spoil(response);
    void (async () => {
      try {
        const opening = open(hub, request, response);
        if (later) await settle();
        if (later) spoil(response);
        await opening;
      } catch (error) {
        told.push(error);
        // As frameworks do, for whose handler nothing has left yet.
        if (!hasBegun(response)) ServerResponse.prototype.destroy.call(response);
      }
    })();
  });
  const answered = fetch(url, { headers: { connection: "close" } })
    .then((response) => response.text())
    .then(
      () => "ended",
      () => "cut",
    );
  await settle();
  for (const data of ["1", "2"]) await hub.publish("a", { data });
  await expect.poll(beside.text).toContain("data: 2");
  await settle();
  // Its wheel turns, and so does the fan-out.
  await hub.publish("a", { data: "3" });
  await expect.poll(beside.text).toContain("data: 3");
  expect(
    await within(
      2_000,
      hub.drain({ overMs: 0, graceMs: 5 }).then(() => "drained"),
    ),
  ).toBe("drained");
  expect(hub.stats().streams).toBe(0);
  expect(await within(2_000, answered)).toMatch(/ended|cut/);
  // Whoever opened it is told, or it is reported, and so is the refusal that fails as well: not for each message.
  expect([...told, ...reported].filter(isForeign).length).toBeLessThanOrEqual(2);
}

/** Those whose promise is handled: middleware makes them asynchronous. The others give none, and Node handles none of theirs. */
const AWAITED = ["write", "end", "destroy"];

const ofPart =
  (part: string, open: Way, how: Spoilt = {}): Case =>
  async (bad) => {
    const spoil = (response: ServerResponse): void => {
      const code = bad.make(() => response.socket?.destroy());
      // Where one is wrapped, all of the head is written through the response.
      response.setHeader = (...given) => ServerResponse.prototype.setHeader.apply(response, given);
      Object.assign(response, { [part]: code });
    };
    await withResponse(spoil, open, how);
    if (bad.kind !== "rejects" || AWAITED.includes(part)) expectNothingUncaught();
    else expect(uncaught.filter((error) => !isForeign(error))).toEqual([]);
  };

const both = (part: string): readonly Case[] => [ofPart(part, subscribes), ofPart(part, opens)];

/** What is looked at may throw, or be nonsense. */
export const GETTERS = [
  "writableLength",
  "writableNeedDrain",
  "writableEnded",
  "headersSent",
  "stream",
  "chunkedEncoding",
] as const;

/** @returns What looks at a response with such a getter. */
export const lookingAt =
  (name: (typeof GETTERS)[number]): ((bad: Bad) => Promise<void>) =>
  async (bad) => {
    const spoil = (response: ServerResponse): void => {
      const get = bad.make(() => response.end());
      Object.defineProperty(response, name, { get, configurable: true });
    };
    for (const open of [subscribes, opens]) {
      await withResponse(spoil, open, {});
      await withResponse(spoil, open, { later: true });
      if (bad.kind !== "rejects") expectNothingUncaught();
    }
  };

export const responseCases: Readonly<Record<string, Case>> = {
  "NodeResponse.setHeader": each(
    ...both("setHeader"),
    ofPart("writeHead", subscribes),
    ofPart("flushHeaders", waits),
    ofPart("getHeader", subscribes),
  ),
  "NodeResponse.removeHeader": each(...both("removeHeader")),
  "NodeResponse.write": each(
    ...both("write"),
    ofPart("write", subscribes, { later: true }),
    ofPart("write", opens, { later: true }),
  ),
  "NodeResponse.end": each(
    ofPart("end", subscribes, { later: true }),
    ofPart("end", opens, { later: true }),
    ofPart("destroy", subscribes, { never: true }),
  ),
  "NodeResponse.on": each(...both("on"), ofPart("on", waits), ofPart("off", waits)),
  "FastifyReply.hijack": ofPart("hijack", replies("hijack")),
  "FastifyReply.getHeaders": ofPart("getHeaders", replies("getHeaders")),
};
