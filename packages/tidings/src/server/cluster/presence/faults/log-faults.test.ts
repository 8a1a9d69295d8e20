/** Joins and leaves while the log stands still, refuses, does not acknowledge, forgets keys, sets its clock, and is replaced. */
import { expect, it, vi } from "vitest";
import {
  begin,
  eventsOf,
  REMEMBERED_MS,
  useSimulatedTime,
} from "../../../../../../../test/support/presence-processes.ts";

useSimulatedTime();

it("says nothing of members who stay while the log is away for everybody, however long", async () => {
  const { engine, processes, run, told, there } = begin("A", "B", "C");
  processes[0].enter("ann");
  processes[1].enter("bob");
  await run(3_000);
  expect(there()).toEqual(["ann", "bob"]);
  const before = told();
  for (const ms of [3_000, 16_000, 120_000]) {
    engine.hang();
    await run(ms);
    engine.goOn();
    await run(10_000);
  }
  expect(told()).toEqual(before);
});

it("says once what the log refused for longer than it remembers keys", async () => {
  const { processes, run, told } = begin("A", "B");
  await run(3_000);
  processes[0].enter("ann");
  // Its record is in the log, and has not come back from it.
  await vi.advanceTimersByTimeAsync(60);
  for (const process of processes) process.fault = "refused";
  await run(REMEMBERED_MS + 30_000);
  expect(told()).toEqual([]);
  for (const process of processes) process.fault = "none";
  await run(10_000);
  processes[0].leave("ann");
  await run(10_000);
  expect(told()).toEqual(["ann joined", "ann left"]);
});

it("says once what the log took, and did not acknowledge for longer than it remembers keys", async () => {
  const { processes, run, told } = begin("A", "B");
  await run(3_000);
  for (const process of processes) process.fault = "not acknowledged";
  processes[0].enter("ann");
  await run(REMEMBERED_MS + 30_000);
  processes[0].leave("ann");
  for (const process of processes) process.fault = "none";
  await run(10_000);
  expect(told()).toEqual(["ann joined", "ann left"]);
});

it("says nothing again that the log took so long ago that it has forgotten the key", async () => {
  const {
    processes: [a, b],
    run,
    told,
  } = begin("A", "B");
  a.enter("ann");
  await run(140_000);
  a.leave("ann");
  await run(10_000);
  b.enter("ann");
  await run(1_000);
  expect(told()).toEqual(["ann joined", "ann left", "ann joined"]);
});

it("says nothing again that the log has forgotten, where the record of it came late", async () => {
  const {
    processes: [a, b],
    run,
    told,
  } = begin("A", "B");
  await run(1_000);
  b.isCut = true;
  a.enter("ann");
  await run(60_000);
  b.mend();
  await run(70_000);
  a.leave("ann");
  await run(1_000);
  b.enter("ann");
  await run(1_000);
  expect(told()).toEqual(["ann joined", "ann left", "ann joined"]);
});

it("says nothing again of its own record, which came back so late that the log has forgotten what others said", async () => {
  const {
    processes: [a],
    run,
    told,
  } = begin("A", "B");
  await run(2_000);
  a.enter("ann");
  // Its record is in the log, and has not come back from it.
  await vi.advanceTimersByTimeAsync(60);
  a.isCut = true;
  await run(REMEMBERED_MS + 30_000);
  a.mend();
  await run(10_000);
  expect(told()).toEqual(["ann joined", "ann left", "ann joined"]);
});

it("says nothing that comes so late to the log that it has forgotten that others said it", async () => {
  const {
    processes: [a],
    run,
    told,
  } = begin("A", "B");
  await run(2_000);
  a.enter("ann");
  await vi.advanceTimersByTimeAsync(60);
  // Its record has come back, and what it publishes of that is sent, and under way until it is mended.
  a.isCut = true;
  a.take(true);
  await run(REMEMBERED_MS + 30_000);
  a.mend();
  await run(10_000);
  expect(told()).toEqual(["ann joined", "ann left", "ann joined"]);
});

it("says again what came too late to the log, and nobody else has said", async () => {
  const {
    engine,
    processes: [a],
    run,
    told,
  } = begin("A", "B");
  await run(2_000);
  a.enter("ann");
  await vi.advanceTimersByTimeAsync(60);
  engine.hang();
  a.take();
  await run(70_000);
  engine.goOn();
  await run(10_000);
  expect(told()).toEqual(["ann joined"]);
});

it("says once what the log took while its clock was set", async () => {
  const {
    engine,
    processes: [a],
    run,
    told,
  } = begin("A", "B");
  await run(2_000);
  for (const [member, aheadMs] of [
    ["ann", 7_200_000],
    ["bob", -7_200_000],
    ["cem", 86_400_000],
  ] as const) {
    a.enter(member);
    await vi.advanceTimersByTimeAsync(60);
    engine.aheadMs += aheadMs;
    await run(10_000);
  }
  expect(told()).toEqual(["ann joined", "bob joined", "cem joined"]);
});

it("says who left with a process that drains, though the log refused its last changes", async () => {
  const {
    processes: [a],
    run,
    told,
  } = begin("A", "B");
  a.enter("ann");
  await run(3_000);
  a.leave("ann");
  a.fault = "refused";
  const closed = a.members.close();
  // The first that it sends is refused, and its farewell is not.
  await Promise.resolve();
  await Promise.resolve();
  a.fault = "none";
  await run(3_000);
  await closed;
  expect(told()).toEqual(["ann joined", "ann left"]);
});

it("knows who is present, though the log refused what it sent first", async () => {
  const {
    engine,
    processes: [a],
    run,
  } = begin("A");
  a.enter("ann");
  await run(3_000);
  const b = engine.begin("B");
  b.fault = "refused";
  await run(500);
  b.fault = "none";
  await run(5_000);
  for (const { members } of [a, b]) expect(members.presence("a").members).toEqual(["ann"]);
});

it("says nothing again that it said in a log which another one has replaced", async () => {
  const { engine, processes, run, told, there } = begin("A", "B");
  const [a, b] = processes;
  a.enter("bob");
  await run(10_000);
  b.enter("ann");
  await run(200);
  expect(there()).toEqual(["ann", "bob"]);
  engine.flush();
  for (const process of processes) process.replaced();
  await run(3_000);
  b.leave("ann");
  await run(1_000);
  a.enter("ann");
  await run(1_000);
  expect(told()).toEqual(["ann left", "ann joined"]);
  a.isDead = true;
  await run(10_000);
  expect(eventsOf(engine)).toMatchObject([
    { left: ["ann"] },
    { joined: ["ann"] },
    { left: expect.arrayContaining(["ann", "bob"]) },
  ]);
});

it("counts a process that was declared gone, and has not heard of it, in the log that has replaced the one before", async () => {
  const {
    engine,
    processes: [a, b],
    run,
  } = begin("A", "B");
  b.enter("ann");
  await run(10_000);
  b.isCut = true;
  await run(10_000);
  engine.flush();
  for (const process of [a, b]) process.replaced();
  b.mend();
  await run(2_000);
  for (const { members } of [a, b]) expect(members.presence("a").members).toEqual(["ann"]);
});
