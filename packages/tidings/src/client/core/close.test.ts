import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createWorld } from "../../../../../test/support/client-world.ts";
import { connect } from "../connect.ts";

/** What a server, a platform and an application do to a connection, in any order. */
const action = fc.oneof(
  fc.constantFrom(
    "respond",
    "respond 503",
    "respond 204",
    "respond 401",
    "send",
    "send id",
    "send until",
    "end",
    "fail",
  ),
  fc.constantFrom("hide", "show", "interrupted", "offline", "online", "read", "settle"),
  fc.integer({ min: 1, max: 100_000 }).map((ms) => `advance ${ms}`),
);

const setup = fc.record({
  method: fc.constantFrom("GET", "POST"),
  whenHidden: fc.constantFrom("keep" as const, "pause" as const, 500),
  idleMs: fc.constantFrom("auto" as const, 0, 2000),
  asyncHeaders: fc.boolean(),
  slowHandler: fc.boolean(),
  reads: fc.boolean(),
  bySignal: fc.boolean(),
  /** Where it closes: between two actions, or in a callback. */
  closeIn: fc.constantFrom("between", "onMessage", "onOpen", "onError", "onState", "headers", "trace"),
});

describe("close()", () => {
  test("is final: after it there is no request, no timer and no callback, whatever else happens", async () => {
    await fc.assert(
      fc.asyncProperty(
        setup,
        fc.array(action, { maxLength: 12 }),
        fc.array(action, { maxLength: 12 }),
        async (options, before, after) => {
          const world = createWorld();
          const controller = new AbortController();
          let closed = false;
          const late: string[] = [];
          let closing = false;
          let told = 0;
          const close = () => {
            closing = true;
            if (options.bySignal) controller.abort();
            else connection?.close();
            closed = connection !== undefined || options.bySignal;
            closing = false;
          };
          const called = (what: string) => {
            if (closing) return;
            if (closed) late.push(what);
            else if (options.closeIn === what) close();
          };
          const tell = {
            onMessage: () => called("onMessage"),
            onOpen: () => called("onOpen"),
            onError: () => called("onError"),
            // That it closes it says itself, once.
            onState: (state: string) => (state === "closed" && told++ === 0 ? undefined : called("onState")),
            trace: ({ what }: { what: string }) => (what === "close" ? undefined : called("trace")),
          };
          // eslint-disable-next-line prefer-const -- callbacks may run before `connect` returns.
          let connection: ReturnType<typeof connect> | undefined;
          connection = connect("https://a.example/", {
            transport: world.transport,
            clock: world.clock,
            method: options.method,
            whenHidden: options.whenHidden,
            idleMs: options.idleMs,
            until: "last",
            signal: controller.signal,
            refresh: () => Promise.resolve(),
            headers: () => {
              called("headers");
              return options.asyncHeaders ? Promise.resolve({}) : {};
            },
            ...tell,
            ...(options.reads && { onMessage: undefined as never }),
            ...(options.slowHandler && {
              onMessage: () => {
                tell.onMessage();
                return new Promise((resolve) => void world.clock.setTimeout(() => resolve(undefined), 10));
              },
            }),
          });
          const reader = options.reads ? connection[Symbol.asyncIterator]() : undefined;
          const act = async (what: string) => {
            const [verb, argument] = what.split(" ");
            const last = world.attempts.at(-1);
            if (verb === "respond") last?.respond(Number(argument ?? 200));
            else if (verb === "send")
              void last?.send(
                argument === "until" ? "event: last\ndata:\n\n" : `${argument ? "id: 1\n" : ""}data: x\n\n`,
              );
            else if (verb === "end") last?.end();
            else if (verb === "fail") last?.fail();
            else if (verb === "hide") world.signals?.onHide();
            else if (verb === "show") world.signals?.onShow(false);
            else if (verb === "interrupted") world.signals?.onShow(true);
            else if (verb === "offline") world.signals?.onNetwork(false);
            else if (verb === "online") world.signals?.onNetwork(true);
            else if (verb === "read") void reader?.next().catch(() => {});
            else if (verb === "advance") await world.advance(Number(argument));
            else await world.settle();
          };
          for (const what of before) await act(what);
          close();
          const attempts = world.attempts.length;
          const watched = world.signals;
          const timers = world.timers;
          const { state } = connection;
          await world.settle();
          for (const what of after) await act(what);
          await world.advance(10_000_000);
          const verdict = await connection.ended;
          // A slow handler's own timer is the test's.
          expect({
            late,
            state,
            watched,
            timers: timers <= (options.slowHandler ? 1 : 0),
            left: world.timers,
          }).toEqual({
            late: [],
            state: "closed",
            watched: undefined,
            timers: true,
            left: 0,
          });
          expect(world.attempts).toHaveLength(attempts);
          expect(["closed", "aborted", "complete", "truncated", "gave-up"]).toContain(verdict.reason);
        },
      ),
      { numRuns: 10_000 },
    );
  }, 120_000);
});
