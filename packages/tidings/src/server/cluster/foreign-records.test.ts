/**
 * Records that are not of this version: each field in turn is missing, or is what no process sends. Whatever comes, nothing ends, few
 * mistakes are reported, and once the processes that sent it are gone, everything is as if they had not been there.
 */
import { expect, it } from "vitest";
import { openForTests, until } from "../../../../../test/support/hub-server.ts";
import { sharedLog } from "../../../../../test/support/shared-log.ts";
import { CONTROL_TOPIC, PROCESSES_TOPIC } from "../topics/reserved-topics.ts";
import { encodeRecord } from "./control-record.ts";

const { serve, read } = openForTests();

const VALUES: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  0,
  1.5,
  2 ** 53,
  1e308,
  -1e308,
  "",
  "__proto__",
  "x".repeat(100_000),
  "a\0b\r\n",
  "\ud800",
  "$tidings/control",
  [],
  [[]],
  [null],
  {},
  JSON.parse('{"__proto__":{"streams":7},"length":5}'),
];

const sign = {
  id: "x",
  name: "X",
  startedAtMs: 1,
  givenMs: 1,
  leaseMs: 600_000,
  stats: { streams: 1 },
  limits: { maxTopics: 10, maxMembers: 10 },
  published: 0,
  heard: 0,
  since: 0,
  allSignedAt: 0,
  knowsAll: false,
};
const line = ["a", 1, ["eve"], []];
const presence = {
  process: "x",
  publisher: "x",
  second: "x",
  topics: [line],
  all: true,
  begins: true,
  first: true,
  last: true,
};
const RECORDS: Record<string, object> = {
  hello: sign,
  alive: sign,
  presence,
  gone: { process: "x", by: "x", seenAt: 1, published: 0, publishes: true, publisher: "x", second: "x" },
  inspect: { request: "r", id: "a.1", subscriber: "ann", process: "x" },
  inspected: { request: "r", process: "x", streams: [] },
  revoke: { subscriber: "eve", token: "t" },
};

/** The record with each of its fields, and of the lists and objects in it, replaced by each value. */
function* variantsOf(record: object): Generator<object> {
  for (const [name, field] of Object.entries(record)) {
    for (const value of VALUES) yield replaced(record, name, value);
    if (typeof field !== "object") continue;
    for (const variant of variantsOf(field as object)) yield replaced(record, name, variant);
  }
}

function replaced(record: object, name: string, value: unknown): object {
  if (Array.isArray(record)) return record.map((one, at) => (`${at}` === name ? value : one) as unknown);
  return { ...record, [name]: value };
}

it.each(Object.entries(RECORDS))(
  "%s",
  async (kind, record) => {
    const shared = sharedLog();
    const send = (one: string, fields: object): Promise<unknown> =>
      shared.inner.append([encodeRecord(one === "revoke" ? CONTROL_TOPIC : PROCESSES_TOPIC, one, fields)]);
    const options = { presence: { coalesceMs: 5 }, cluster: { leaseMs: 600_000 }, log: shared.open() };
    const { hub, url, errors } = await serve(options, (at) => ({ subscriber: at.searchParams.get("who")! }));
    const ann = await read(`${url}?topic=a&who=ann`);
    await until(() => hub.presence("a").streams === 1);

    for (const variant of variantsOf(record)) {
      await send("hello", sign);
      await send(kind, variant);
    }
    await until(() => hub.processes().length > 1 || kind === "gone");
    const ids = hub
      .processes()
      .filter(({ isSelf }) => !isSelf)
      .map(({ id }) => id);
    for (const id of ids) await send("gone", { process: id, by: "y" });
    await until(() => hub.processes().length === 1);

    expect(errors.length).toBeLessThanOrEqual(3);
    expect(hub.presence("a")).toEqual({ streams: 1, members: ["ann"], isPartial: false });
    const bob = await read(`${url}?topic=b&who=bob`);
    await until(() => hub.presence("b").streams === 1);
    for (const reader of [ann, bob]) reader.cut();
    for (const topic of ["a", "b"]) await until(() => hub.presence(topic).streams === 0);
  },
  30_000,
);
