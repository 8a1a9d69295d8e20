import { expect, it } from "vitest";
import { type Appended, type Draft, LogError } from "../../../log/log.ts";
import { createReader } from "../../../wire/reader.ts";
import { PresenceEvents } from "./presence-events.ts";

const MEMBERS = 30_000;

it("reports once in each failure that more waits for the log than is kept", async () => {
  const errors: unknown[] = [];
  const appends: ((error?: unknown) => void)[] = [];
  const events = new PresenceEvents({
    log: {
      append: () =>
        new Promise<Appended>((resolve, reject) => {
          appends.push((error) => (error ? reject(error) : resolve({ first: 1, last: 1, repeated: false })));
        }),
      read: () => Promise.reject(new Error("nothing is that old")),
    },
    now: () => 0,
    onError: (error) => errors.push(error),
  });
  events.heard({ offset: 0, atMs: 0 }, 0);
  let offset = 0;
  const add = (batches: number): void => {
    for (let at = 0; at < batches; at += 1) {
      const joined = Array.from({ length: MEMBERS }, (_, member) => `${offset}/${member}`);
      const entry = { topic: "", body: new Uint8Array(), offset: (offset += 1), atMs: 0 };
      events.add([{ topic: "a", joined, left: [], streams: 1, members: 1 }], entry, {
        by: "A",
        isOurs: true,
      });
    }
  };
  add(3);
  expect(errors).toEqual([]);
  add(3);
  expect(errors).toMatchObject([
    { code: "busy", message: expect.stringContaining("100000 wait for the log") },
  ]);
  appends.shift()!();
  while (appends.length === 0) await Promise.resolve();
  add(3);
  expect(errors).toHaveLength(2);
  for (const error of errors) expect(error).toBeInstanceOf(LogError);
  events.close();
  appends.shift()!();
  await events.settled();
});

it("publishes events that every log takes, however many join and leave at once, with whatever names", async () => {
  const drafts: Draft[] = [];
  const append = async (some: readonly Draft[]): Promise<Appended> => {
    drafts.push(...some);
    return { first: 1, last: 1, repeated: false };
  };
  const read = (): Promise<never> => Promise.reject(new Error("nothing is that old"));
  const onError = (error: unknown): void => void expect.unreachable(String(error));
  const events = new PresenceEvents({ log: { append, read }, now: () => 0, onError });
  events.heard({ offset: 0, atMs: 0 }, 0);
  const names = (kind: string): string[] =>
    Array.from({ length: 1_000 }, (_, n) => `${kind}${n}`.padEnd(256, "\u0001"));
  const change = { topic: "a", joined: names("j"), left: names("l"), streams: 1_000, members: 1_000 };
  const entry = { topic: "", body: new Uint8Array(), offset: 1, atMs: 0 };
  events.add([change], entry, { by: "A", isOurs: true });
  await events.settled();
  const told = drafts
    .flatMap(({ body }) => createReader().read(body))
    .map(({ data }) => JSON.parse(data) as object);
  for (const kind of ["joined", "left"] as const)
    expect(told.flatMap((event) => (event as typeof change)[kind])).toEqual(change[kind]);
  // NATS takes 1 MiB by default, with the topic and the key.
  for (const { body } of drafts) expect(body.length).toBeLessThan(1_000_000);
});
