/** Random joins and leaves in several processes, against a model that knows everyone. */
import { expect, it } from "vitest";
import { createRandom } from "../../../testing/random.ts";
import { LocalPresence, type TopicChange } from "./local-presence.ts";
import { decodePresence, encodePresence } from "./process-records.ts";
import { decodeRecord } from "../control-record.ts";
import { PresenceParts, ProcessTable } from "./process-table.ts";

const LIMITS = { matches: () => true, maxTopics: 1_000, maxMembers: 10_000 };
const TOPICS = ["a", "b", "c"];
const NAMES = ["ann", "bob", "cat", undefined];

/** As the log carries it. */
function sent(process: string, changes: readonly TopicChange[], all?: { begins: boolean }): TopicChange[] {
  return encodePresence({ process, publishers: [], all }, changes).flatMap((draft) => {
    const { fields } = decodeRecord({ ...draft, offset: 1, atMs: 0 });
    return decodePresence(fields).changes;
  });
}

it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
  "says who is present, and each join and leave once: seed %i",
  (seed) => {
    const random = createRandom(seed);
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
    const table = new ProcessTable<undefined>(LIMITS);
    const processes = ["p1", "p2", "p3"].map((id) => ({
      id,
      local: new LocalPresence(LIMITS),
      streams: [] as { names: string[]; subscriber: string | undefined }[],
    }));
    const add = (id: string): void =>
      void table.add({
        id,
        name: id,
        startedAtMs: 0,
        leaseMs: 1_000,
      });
    for (const { id } of processes) add(id);
    const heard = new Map(TOPICS.map((topic) => [topic, new Set<string>()]));
    const hear = (changes: readonly TopicChange[]): void => {
      for (const { topic, joined, left } of changes) {
        const present = heard.get(topic)!;
        for (const name of joined) {
          expect(present.has(name), `${name} joined ${topic} twice`).toBe(false);
          present.add(name);
        }
        for (const name of left) expect(present.delete(name), `${name} left ${topic} twice`).toBe(true);
      }
    };
    for (let step = 0; step < 500; step += 1) {
      const process = pick(processes);
      const { id, local, streams } = process;
      if (random() < 0.5 || streams.length === 0) {
        const stream = { names: TOPICS.filter(() => random() < 0.6), subscriber: pick(NAMES) };
        streams.push(stream);
        local.enter(stream.names, stream.subscriber, stream);
      } else {
        const [stream] = streams.splice(Math.floor(random() * streams.length), 1);
        local.leave(stream!.names, stream!.subscriber, stream!);
      }
      if (random() < 0.3) hear(table.apply(table.get(id)!, sent(id, local.takeChanges())));
      if (random() < 0.05) hear(table.replace(table.get(id)!, sent(id, local.takeAll(), { begins: false })));
      if (random() < 0.02) {
        // It dies, and another takes its place.
        hear(table.remove(id, 1));
        process.id = `${id}+`;
        process.local = new LocalPresence(LIMITS);
        process.streams = [];
        add(process.id);
      }
    }
    for (const { id, local } of processes) hear(table.apply(table.get(id)!, sent(id, local.takeChanges())));
    const everyone = processes.flatMap(({ streams }) => streams);
    for (const topic of TOPICS) {
      const there = everyone.filter(({ names }) => names.includes(topic));
      const members = new Set(there.flatMap(({ subscriber }) => subscriber ?? []));
      const presence = table.presence(topic);
      expect(presence.streams).toBe(there.length);
      expect(new Set(presence.members)).toEqual(members);
      expect(presence.members).toHaveLength(members.size);
      expect(heard.get(topic)).toEqual(members);
    }
    for (const { id } of processes) hear(table.remove(id, 1));
    expect(TOPICS.map((topic) => table.presence(topic).streams)).toEqual([0, 0, 0]);
  },
);

it("keeps who is counted, when a stream ends for which there was no room", () => {
  const local = new LocalPresence({ matches: () => true, maxTopics: 1, maxMembers: 1 });
  const [first, second, third, fourth] = [{}, {}, {}, {}];
  local.enter(["a"], undefined, first);
  local.enter(["b"], "ann", second);
  local.leave(["a"], undefined, first);
  local.enter(["b"], "bob", third);
  local.leave(["b"], "ann", second);
  expect(local.takeAll()).toEqual([{ topic: "b", streams: 1, joined: ["bob"], left: [] }]);
  local.enter(["b"], "cem", fourth);
  local.leave(["b"], "bob", third);
  const again = {};
  local.enter(["b"], "cem", again);
  local.leave(["b"], "cem", fourth);
  expect(local.takeAll()).toEqual([{ topic: "b", streams: 1, joined: ["cem"], left: [] }]);
  local.leave(["b"], "cem", again);
  expect(local.takeAll()).toEqual([]);
});

it("is written in records of bounded size, whatever the topics and names", () => {
  const joined = Array.from({ length: 5_000 }, (_, n) => `subscriber ${n} 名字`);
  const changes = [...TOPICS, "t".repeat(1_000)].map((topic) => ({
    topic,
    streams: 5_000,
    joined,
    left: [],
  }));
  const drafts = encodePresence({ process: "p1", publishers: [], all: { begins: false } }, changes);
  expect(Math.max(...drafts.map(({ body }) => body.length))).toBeLessThan(100_000);
  const table = new ProcessTable<undefined>({ maxTopics: 100, maxMembers: 12_000 });
  const process = table.add({
    id: "p1",
    name: "p1",
    startedAtMs: 0,
    leaseMs: 1,
  })!;
  for (const change of sent("p1", changes, { begins: false })) table.apply(process, [change]);
  expect(TOPICS.map((topic) => table.presence(topic).members.length)).toEqual([5_000, 5_000, 2_000]);
  expect(table.presence("a").isPartial).toBe(true);
  // Names that are longer than a record takes are counted alone.
  expect(sent("p1", [{ topic: "a", streams: 1, joined: ["n".repeat(300)], left: [] }])).toEqual([
    { topic: "a", streams: 1, joined: [], left: [] },
  ]);
});

const SMALL = { maxTopics: 2, maxMembers: 3 };
const line = (topic: string, ...joined: string[]) => ({ topic, streams: joined.length, joined, left: [] });

it("lines of one topic are joined", () => {
  const parts = new PresenceParts({ maxTopics: 10, maxMembers: 10 });
  for (const change of [line("a", "1"), line("b", "2"), line("a", "3")]) parts.add(change);
  expect(parts.changes).toEqual([
    { topic: "a", streams: 1, joined: ["1", "3"], left: [] },
    { topic: "b", streams: 1, joined: ["2"], left: [] },
  ]);
});

it("a process whose last part never comes takes no more than is counted, and one that has more is counted in part", () => {
  const parts = new PresenceParts(SMALL);
  for (let i = 0; i < 1_000; i += 1) parts.add(line(`${i}`, `${i}`, `${i}'`));
  expect(parts.changes).toHaveLength(3);
  expect(parts.changes.flatMap(({ joined }) => joined)).toHaveLength(4);
  const table = new ProcessTable<undefined>(SMALL);
  const process = {
    id: "p",
    name: "p",
    startedAtMs: 0,
    leaseMs: 1_000,
  };
  table.replace(table.add(process)!, parts.changes);
  expect(table.presence("0")).toEqual({ streams: 2, members: ["0", "0'"], isPartial: true });
});

it("knows 1,000 processes, and says that members of others are not counted", () => {
  const table = new ProcessTable<undefined>(LIMITS);
  const process = (n: number) => ({ id: `${n}`, name: "web", startedAtMs: 0, leaseMs: 1_000 });
  for (let n = 1; n <= 1_000; n += 1) expect(table.add(process(n))).toBeDefined();
  expect(table.presence("a").isPartial).toBe(false);
  expect(table.add(process(1_001))).toBeUndefined();
  expect(table.presence("a").isPartial).toBe(true);
});
