/** Joins and leaves while processes begin, are cut off, drain and die: each is said once, by someone who knows it. */
import { expect, it, vi } from "vitest";
import { begin, LEASE_MS, useSimulatedTime } from "../../../../../../../test/support/presence-processes.ts";
import { PROCESSES_TOPIC } from "../../../topics/reserved-topics.ts";
import { encodeRecord } from "../../control-record.ts";

useSimulatedTime();

it("says once that members left with their process, and joined when it is back", async () => {
  const { processes, run, told, there } = begin("A", "B", "C");
  processes[0].enter("ann");
  processes[1].enter("bob");
  await run(3_000);
  processes[1].isCut = true;
  await run(10_000);
  expect(there()).toEqual(["ann"]);
  processes[1].mend();
  await run(10_000);
  expect(there()).toEqual(["ann", "bob"]);
  expect(told()).toHaveLength(4);
});

it("says what was not published by one that died, nor by the one that noticed and died as well", async () => {
  const {
    processes: [a, b],
    run,
    told,
    there,
  } = begin("A", "B", "C");
  await run(2_000);
  // It tries the first again and again, and never comes to the second.
  a.fault = "not acknowledged";
  a.enter("ann");
  await run(500);
  a.leave("ann");
  await run(1_500);
  b.fault = "not acknowledged";
  a.isDead = true;
  await run(5_000);
  expect(there()).toEqual(["ann"]);
  b.isDead = true;
  await run(5_000);
  expect(told()).toEqual(["ann joined", "ann left"]);
});

it("says who left with a process that was declared gone by one that is not there any more", async () => {
  const { engine, processes, run, told } = begin("A", "B", "C");
  processes[0].enter("ann");
  await run(3_000);
  processes[0].isDead = true;
  const gone = { process: processes[0].members.id, by: "of before", seenAt: 1_000_000 };
  await engine.append([encodeRecord(PROCESSES_TOPIC, "gone", gone)]);
  await run(3_000);
  expect(told()).toEqual(["ann joined", "ann left"]);
});

it("does not count a process that died before it began, though what that one sent comes after it was declared gone", async () => {
  const {
    engine,
    processes: [a, b],
    run,
    told,
  } = begin("A", "B");
  a.enter("ann");
  await run(3_000);
  const { id } = a.members;
  a.isDead = true;
  await run(2_000);
  const c = engine.begin("C");
  await run(3_000);
  const identity = { id, name: "A", startedAtMs: 0, leaseMs: LEASE_MS, stats: {}, limits: {}, heard: 1 };
  const presence = { process: id, topics: [["a", 1, ["ann"], []]], all: true, first: true, last: true };
  await engine.append([
    encodeRecord(PROCESSES_TOPIC, "alive", identity),
    encodeRecord(PROCESSES_TOPIC, "presence", presence),
  ]);
  await run(100);
  for (const { members } of [b, c]) expect(members.presence("a").members).toEqual([]);
  await run(10_000);
  expect(told()).toEqual(["ann joined", "ann left"]);
});

it("counts a process that lives, though one that began a moment ago could not know that it was declared gone in error", async () => {
  const {
    engine,
    processes: [a, b],
    run,
    told,
  } = begin("A", "B");
  a.enter("ann");
  await run(3_000);
  const c = engine.begin("C");
  const gone = { process: a.members.id, by: b.members.id, seenAt: 1 };
  await engine.append([encodeRecord(PROCESSES_TOPIC, "gone", gone)]);
  await run(3_000);
  for (const { members } of [a, b, c]) expect(members.presence("a").members).toEqual(["ann"]);
  expect(told()).toEqual(["ann joined"]);
});

it("says nothing again of members that a process which begins learns of, when one of them moves to it", async () => {
  const {
    engine,
    processes: [, b],
    run,
    there,
  } = begin("A", "B");
  for (const member of ["ann", "bob"]) b.enter(member);
  await run(10_000);
  const c = engine.begin("C");
  await run(500);
  b.leave("ann");
  await run(200);
  c.enter("ann");
  await run(10_000);
  expect(there()).toEqual(["ann", "bob"]);
});

it.each([
  ["has no presence", false],
  ["does not know its members", true],
])("says who left with a process, also when the one that notices %s", async (_which, keepsPresence) => {
  const {
    engine,
    processes: [a, b],
    run,
    told,
  } = begin("A", "B");
  a.enter("ann");
  await run(3_000);
  engine.begin("C", { keepsPresence });
  // It has a sign of life of the one that dies, and no more.
  await run(10);
  const sign = { id: a.members.id, name: "A", leaseMs: LEASE_MS, stats: {}, limits: {} };
  await engine.append([encodeRecord(PROCESSES_TOPIC, "alive", sign)]);
  a.isDead = true;
  await run(1_000);
  // So that the other one notices first.
  b.isCut = true;
  await run(2_500);
  b.mend();
  await run(5_000);
  expect(told()).toEqual(["ann joined", "ann left"]);
});

it("says nothing again of one who moves to a new process, when a process dies before any has been there for a lease", async () => {
  const {
    engine,
    processes: [, b],
    run,
    told,
  } = begin("A", "B");
  b.enter("ann");
  await run(1_500);
  b.isDead = true;
  const c = engine.begin("C");
  c.enter("ann");
  await run(20_000);
  expect(told()).toEqual(["ann joined"]);
});

it("says nothing again of one who moves to a process that began before a dead one could be declared gone, however long the log was away", async () => {
  const {
    engine,
    processes: [, b],
    run,
    told,
  } = begin("A", "B");
  b.enter("ann");
  await run(10_000);
  b.isDead = true;
  const c = engine.begin("C");
  await run(500);
  engine.hang();
  await run(8_000);
  engine.goOn();
  await run(1_000);
  c.enter("ann");
  await run(20_000);
  expect(told()).toEqual(["ann joined"]);
});

it("says nothing again of one who moves to a process that is cut off before the others can answer its greeting", async () => {
  const {
    engine,
    processes: [, dead],
    run,
    told,
  } = begin("A", "B");
  dead.enter("ann");
  await run(10_000);
  dead.isDead = true;
  const c = engine.begin("C");
  await run(20);
  c.isCut = true;
  c.enter("ann");
  await run(1_500);
  c.mend();
  await run(20_000);
  expect(told()).toEqual(["ann joined"]);
});

it("says nothing again of one who moves to a process that waited for answers when it was declared gone", async () => {
  const {
    engine,
    processes: [a],
    run,
    told,
  } = begin("A");
  a.enter("ann");
  await run(10_000);
  const b = engine.begin("B");
  await run(20);
  b.isCut = true;
  b.enter("ann");
  await run(2_500);
  b.members.lost(false);
  await run(950);
  b.mend();
  await run(10_000);
  expect(told()).toEqual(["ann joined"]);
});

it("says nothing again of one who moves to a new process, when the one before dies and had not heard the new one's greeting", async () => {
  const {
    engine,
    processes: [, dead],
    run,
    told,
  } = begin("A", "B");
  dead.enter("ann");
  await run(10_000);
  dead.isDead = true;
  const c = engine.begin("C");
  await run(10);
  // It was under way.
  const sign = { id: dead.members.id, name: "B", leaseMs: LEASE_MS, stats: {}, limits: {}, heard: 1 };
  await engine.append([encodeRecord(PROCESSES_TOPIC, "alive", sign)]);
  await run(1_700);
  c.enter("ann");
  await run(20_000);
  expect(told()).toEqual(["ann joined"]);
});

it("says nothing again of one who moves to a process that missed a dead one, and whose greeting of before that was under way", async () => {
  const {
    engine,
    processes: [a, b],
    run,
    told,
  } = begin("A", "B");
  await run(10_000);
  // It is declared gone in error, and greets as one that has missed nothing.
  const gone = { process: a.members.id, by: b.members.id, seenAt: 1_000_000 };
  await engine.append([encodeRecord(PROCESSES_TOPIC, "gone", gone)]);
  a.isCut = true;
  a.take(true);
  const dead = engine.begin("C");
  dead.enter("ann");
  await run(2_500);
  dead.isDead = true;
  a.misses();
  a.mend();
  await run(1_700);
  a.enter("ann");
  await run(20_000);
  expect(told()).toEqual(["ann joined"]);
});

it("keeps nobody of a dead process in one that missed the record of its end", async () => {
  const {
    processes: [a, , c],
    run,
    told,
  } = begin("A", "B", "C");
  await run(5_000);
  c.enter("ann");
  await run(1_000);
  c.isDead = true;
  a.isCut = true;
  await run(10_000);
  expect(told()).toEqual(["ann joined", "ann left"]);
  a.misses();
  a.mend();
  await run(10_000);
  expect(a.members.presence("a").members).toEqual([]);
  expect(told()).toEqual(["ann joined", "ann left"]);
});

it("says once who left with two processes, when one that does not know the first notices the death of the second", async () => {
  const {
    engine,
    processes: [a, b, c],
    run,
    told,
  } = begin("A", "B", "C");
  for (const process of [b, c]) process.enter("ann");
  await run(10_000);
  b.isDead = true;
  engine.begin("D");
  await run(500);
  c.isDead = true;
  await run(2_300);
  // So that it does not notice first.
  a.isCut = true;
  await run(1_500);
  a.mend();
  await run(20_000);
  expect(told()).toEqual(["ann joined", "ann left"]);
});

it("says at once who joins a new process, though the one is cut off that it has named", async () => {
  // The third dies before another begins, which cannot know everyone yet.
  const {
    engine,
    processes: [a, b, dead],
    run,
    told,
  } = begin("A", "B", "X");
  await run(10_000);
  dead.isDead = true;
  const c = engine.begin("C");
  c.enter("ann");
  let publisher: string | undefined;
  for (let ms = 0; publisher === undefined && ms < 2_000; ms += 10) {
    for (const process of [a, b, c]) process.take();
    await vi.advanceTimersByTimeAsync(10);
    const texts = engine.entries.map(({ body }) => new TextDecoder().decode(body));
    const record = texts.find((text) => text.includes('"ann"')) ?? "";
    publisher = /"publisher":"([^"]+)"/.exec(record)?.[1];
  }
  [a, b].find(({ members }) => members.id === publisher)!.isCut = true;
  await run(500);
  expect(told()).toEqual(["ann joined"]);
  await run(20_000);
  expect(told()).toEqual(["ann joined"]);
});

it("does not count what comes late from one that was declared gone before it began", async () => {
  const {
    engine,
    processes: [, b],
    run,
    told,
  } = begin("A", "B");
  await run(10_000);
  b.isCut = true;
  await run(5_000);
  engine.begin("C");
  await run(3_000);
  b.enter("bob");
  // What it has sent first is given up, and everything is told again.
  await run(5_000);
  b.leave("bob");
  await run(2_000);
  b.mend();
  await run(20_000);
  expect(told()).toEqual([]);
});

it("counts in each process what the one with the least limit counts", async () => {
  const { engine, run, there } = begin();
  const [a, b] = [engine.begin("A", { maxMembers: 1 }), engine.begin("B", { maxMembers: 100 })];
  await run(2_000);
  b.enter("ann");
  await run(1_000);
  b.enter("bob");
  await run(1_000);
  for (const { members } of [a, b])
    expect(members.presence("a")).toMatchObject({ members: ["ann"], isPartial: true });
  // There is room for bob again, who is still in the other process.
  b.leave("ann");
  await run(1_000);
  a.enter("bob");
  await run(1_000);
  b.leave("bob");
  await run(1_000);
  expect(there()).toEqual(["bob"]);
  // Once the one that counts less is gone, the other counts all.
  await Promise.all([a.drain(), run(1_000)]);
  for (const member of ["cem", "dan"]) b.enter(member);
  await run(1_000);
  expect(there()).toEqual(["cem", "dan"]);
});

it("counts a process of an earlier version, which does not say what it has heard", async () => {
  const {
    engine,
    processes: [a],
    run,
    told,
  } = begin("A");
  await run(3_000);
  const sign = { id: "old", name: "B", startedAtMs: 0, leaseMs: LEASE_MS, stats: {}, limits: {} };
  const presence = { process: "old", topics: [["a", 1, ["ann"], []]], all: true, first: true, last: true };
  await engine.append([
    encodeRecord(PROCESSES_TOPIC, "alive", sign),
    encodeRecord(PROCESSES_TOPIC, "presence", { ...presence, begins: true }),
  ]);
  await run(1_000);
  expect(a.members.presence("a").members).toEqual(["ann"]);
  await run(LEASE_MS);
  expect(a.members.presence("a").members).toEqual([]);
  expect(told().at(-1)).toBe("ann left");
});
