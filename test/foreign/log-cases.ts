/** A log of the application's own: each of its methods misbehaves, before it is open and after. */
import { expect } from "vitest";
import { type Log, LogError, memoryLog } from "../../packages/tidings/src/log/index.ts";
import { createMcpEvents } from "../../packages/tidings/src/integrations/mcp.ts";
import { createAnswers, createHub } from "../../packages/tidings/src/server/index.ts";
import { Interest } from "../../packages/tidings/src/server/entries/interest.ts";
import { type Bad, fails, mistake } from "./bad-code.ts";
import {
  type Case,
  expectNothingUncaught,
  expectReports,
  hurried,
  settle,
  within,
  witness,
} from "./harness.ts";

/** How long a call of it is waited for. */
const DEADLINE_MS = 30;

/** A real log, one of whose methods misbehaves from when `isBroken` says so. */
function logWith(
  name: keyof Log,
  bad: Bad,
  isBroken: () => boolean = () => true,
  deadlineMs: number = DEADLINE_MS,
): Log {
  return new Proxy(memoryLog(), {
    get(target, key) {
      if (key === "deadlineMs") return deadlineMs;
      const method: unknown = Reflect.get(target, key);
      const whole = (...values: unknown[]): unknown =>
        (method as (...values: unknown[]) => unknown).apply(target, values);
      if (key !== name) return typeof method === "function" ? whole : method;
      return (...values: never[]) =>
        isBroken()
          ? bad.make(() => (typeof method === "function" ? whole(...values) : undefined))(...values)
          : whole(...values);
    },
  });
}

const outcomeOf = (done: Promise<unknown>): Promise<string> =>
  done.then(
    () => "accepted",
    () => "refused",
  );

/** What is waited for no longer says so, and how long it was. */
const isLate = (error: unknown, name: string): boolean =>
  error instanceof LogError && error.message.includes(`${name} has not settled within ${DEADLINE_MS} ms`);

/** Everything that waits for the log is told, once, and a drain ends. */
const ofOpen =
  (deadlineMs: number): Case =>
  async (bad) => {
    const reported: unknown[] = [];
    const log = logWith("open", bad, undefined, deadlineMs);
    const hub = createHub({ log, cluster: true, timeoutMs: 30, onError: (error) => reported.push(error) });
    const published = outcomeOf(hub.publish("a", { data: "1" }));
    const revoked = outcomeOf(hub.revoke("somebody"));
    const responded = [1, 2, 3].map(() => hub.respond(new Request("http://a/"), { topics: ["a"] }));
    const read = outcomeOf(hub.read({ topics: ["a"] }).next());
    await settle();
    // What calls back is the real one.
    const opens = bad.kind === "calls back";
    if (bad.kind !== "never") expect(reported.length).toBe(Number(!opens));
    else if (deadlineMs === DEADLINE_MS) {
      expect(await Promise.all([published, revoked, read])).toEqual(["refused", "refused", "refused"]);
      expect(reported.map((error) => isLate(error, "open"))).toEqual([true]);
    }
    await hub.drain({ overMs: 0, graceMs: 5 });
    expect(await Promise.all([published, revoked])).toEqual(
      opens ? ["accepted", "accepted"] : ["refused", "refused"],
    );
    if (!opens) expect(await read).toBe("refused");
    for (const response of await Promise.all(responded)) {
      expect(response.status).toBe(opens ? 200 : 503);
      await response.text().catch(() => undefined);
    }
    expect(reported.length).toBe(Number(!opens));
    if (fails(bad)) expectReports(reported, bad.thrown);
    expect(await outcomeOf(hub.publish("a", { data: "1" }))).toBe("refused");
    expectNothingUncaught();
  };

/** Answers in a log that cannot be opened: each request is refused, with the reason for it. */
const ofAnswersOpen: Case = async (bad) => {
  const reported: unknown[] = [];
  const answers = createAnswers({
    log: logWith("open", bad),
    onError: (error) => reported.push(error),
  });
  const opens = bad.kind === "calls back";
  const asked = answers.resumable(new Request("http://a/"), "id", () => [{ data: "1" }]);
  const response = await within(7_000, asked);
  expect(response?.status).toBe(opens ? 200 : 503);
  await response!.text();
  expect(reported.length).toBe(Number(!opens));
  if (fails(bad)) expectReports(reported, bad.thrown);
  await answers.close();
  expectNothingUncaught();
};

const ofMcpOpen: Case = async (bad) => {
  const reported: unknown[] = [];
  const mcp = createMcpEvents({ log: logWith("open", bad), onError: (error) => reported.push(error) });
  const stored = outcomeOf(mcp.forSession("session").storeEvent("stream", {} as never));
  const outcome = await within(bad.kind === "never" ? 50 : 2_000, stored);
  if (bad.kind !== "never") expect(outcome).toBe(bad.kind === "calls back" ? "accepted" : "refused");
  await mcp.close();
  // Who stores is told.
  expect(reported).toEqual([]);
  expectNothingUncaught();
};

/** A log whose methods misbehave once it is open. */
const ofLog =
  (name: "append" | "read" | "head" | "close"): Case =>
  async (bad) => {
    let broken = false;
    const reported: unknown[] = [];
    const hub = createHub({
      log: logWith(name, bad, () => broken),
      timeoutMs: 30,
      recent: { messages: 3 },
      onError: (error) => reported.push(error),
    });
    const beside = await witness(hub);
    const { id } = await hub.publish("a", { data: "before" });
    for (let n = 0; n < 5; n += 1) {
      await hub.publish("a", { data: `${n}` });
      await settle();
    }
    broken = true;
    const published = outcomeOf(hub.publish("a", { data: "1" }));
    // A process that shares the log may have seen more of it.
    const headers = { "last-event-id": name === "head" ? id.replace(/\d+$/, "999") : id };
    const open = () => hub.respond(new Request("http://a/", { headers }), { topics: ["a"] });
    const response = open();
    // A page is read once for all of them.
    const others = name === "read" ? [open(), open()] : [];
    const [outcome, opened] = (await within(100, Promise.all([published, response]))) ?? [];
    await settle();
    await expect.poll(beside.text).toContain("data: 4");
    const isDue = bad.kind !== "never" && bad.kind !== "calls back";
    if (name === "append" && (isDue || bad.kind === "never")) expect(outcome).toBe("refused");
    // Whoever publishes is told; that a subscriber cannot be served is reported.
    const reports = name === "read" || name === "head";
    if (!reports) expectReports(reported);
    else if (fails(bad)) expectReports(reported, bad.thrown);
    else if (bad.kind === "never") expect(reported.map((error) => isLate(error, name))).toEqual([true]);
    else expect(reported.length).toBe(Number(bad.kind !== "calls back"));
    const drained = outcomeOf(hub.drain({ overMs: 0, graceMs: 5 }));
    // Closing waits for the log, which is told when nothing is left that reads it.
    expect(await within(2_000, drained)).toBe(name === "close" ? closedAs(bad) : "accepted");
    expect(hub.stats().streams).toBe(0);
    await opened?.body?.cancel().catch(() => undefined);
    for (const { body } of await Promise.all([response, ...others])) {
      void body?.cancel().catch(() => undefined);
    }
    expectNothingUncaught();
  };

/** Whoever closes is told of a log that does not close, also where it only takes too long. */
const closedAs = (bad: Bad): string => (fails(bad) || bad.kind === "never" ? "refused" : "accepted");

/** Answers whose log does not close: their readers have their end, and whoever closes is told. */
const ofAnswersClose: Case = async (bad) => {
  const reported: unknown[] = [];
  const answers = createAnswers({ log: logWith("close", bad), onError: (error) => reported.push(error) });
  const response = await answers.resumable(new Request("http://a/"), "id", async function* () {
    yield { data: "1" };
    await new Promise(() => undefined);
  });
  const read = response.text();
  await settle();
  expect(await within(2_000, outcomeOf(answers.close()))).toBe(closedAs(bad));
  expect(await within(2_000, read)).toContain("lost");
  expectReports(reported);
  expectNothingUncaught();
};

const ofMcpClose: Case = async (bad) => {
  const reported: unknown[] = [];
  const mcp = createMcpEvents({ log: logWith("close", bad), onError: (error) => reported.push(error) });
  await mcp.forSession("session").storeEvent("stream", {} as never);
  expect(await within(2_000, outcomeOf(mcp.close()))).toBe(closedAs(bad));
  expectReports(reported);
  expectNothingUncaught();
};

/** An answer in a log that does not take it: its readers are told, once for each of them. */
const ofAnswersLog =
  (name: "append" | "read"): Case =>
  async (bad) => {
    const reported: unknown[] = [];
    const log = logWith(name, bad);
    const answers = createAnswers({ log, onError: (error) => reported.push(error) });
    const asked = answers.resumable(new Request("http://a/"), "id", () => [{ data: "1" }]);
    const response = await within(fails(bad) ? 2_000 : 100, asked);
    if (fails(bad)) {
      expect(response?.status).toBe(503);
      await response!.text();
      expectReports(reported, bad.thrown);
    }
    void response?.body?.cancel().catch(() => undefined);
    await answers.close();
    expectNothingUncaught();
  };

/** A log in the application's database, whose part in a transaction fails: whoever publishes is told. */
const ofEnlist: Case = async (bad) => {
  const reported: unknown[] = [];
  const hub = createHub({ log: logWith("enlist", bad), onError: (error) => reported.push(error) });
  const published = await within(100, outcomeOf(hub.publish("a", { data: "1" }, { transaction: {} })));
  expect(published).toBe(fails(bad) || bad.kind === "never" ? "refused" : "accepted");
  await hub.drain({ overMs: 0, graceMs: 5 });
  expectReports(reported);
  expectNothingUncaught();
};

/** A log that cannot say what it hands on: it is asked again, and the hub's streams read meanwhile. */
const ofFollow: Case = async (bad) => {
  const reported: unknown[] = [];
  const hub = createHub({
    log: logWith("follow", bad),
    timeoutMs: 30,
    onError: (error) => reported.push(error),
  });
  const response = await hub.respond(new Request("http://a/"), { topics: ["a"] });
  expect((await hub.publish("a", { data: "1" })).id).toContain(".1");
  await settle();
  const isNever = bad.kind === "never";
  if (isNever)
    await expect.poll(() => reported.map((error) => isLate(error, "follow"))).toEqual([true, true]);
  await response.body?.cancel();
  await hub.drain({ overMs: 0, graceMs: 5 });
  await settle();
  // Each of the two that follow says so once: the streams, and what processes tell each other.
  const follows = typeof bad.given === "number";
  expect(reported.length).toBe(follows ? 0 : 2);
  if (fails(bad)) expectReports(reported, bad.thrown, bad.thrown);
  expectNothingUncaught();
};

/** What is not wanted any more is given back. Whatever the log says to that, nobody waits for it. */
const ofUnfollow: Case = async (bad) => {
  const reported: unknown[] = [];
  const unfollow = bad.make(() => undefined);
  const interest = new Interest({
    log: { follow: async () => 0, unfollow },
    onFollowed: () => undefined,
    onError: (error) => reported.push(error),
  });
  const route = { name: "a", patterns: undefined };
  interest.add(route);
  await settle();
  interest.remove(route);
  await settle();
  expectReports(reported, ...(fails(bad) ? [bad.thrown] : []));
  expectNothingUncaught();
};

/** Where whoever opens a log hears of it: what they throw is told to them, and the log goes on. */
const ofOpenOptions =
  (name: "onTail" | "onError"): Case =>
  async (bad) => {
    const reported: unknown[] = [];
    const log = memoryLog();
    await log.open({
      retention: { messages: 10, bytes: 1_000, ageMs: 60_000 },
      onTail:
        name === "onError"
          ? () => {
              throw mistake;
            }
          : () => undefined,
      onError: (error) => reported.push(error),
      [name]: bad.make(() => log.head()),
    });
    const body = new TextEncoder().encode("data: 1\n\n");
    for (const topic of ["a", "b"]) expect(await outcomeOf(log.append([{ topic, body }]))).toBe("accepted");
    expect((await log.head()).head).toBe(2);
    await settle();
    if (name === "onTail" && fails(bad) && bad.kind !== "unreadable") {
      expectReports(reported, bad.thrown, bad.thrown);
    }
    expectNothingUncaught();
    await log.close();
  };

/** Whoever makes the hub is told, unless the log has keys for long enough. */
const ofKeyAge: Case = async (bad) => {
  const make = () => createHub({ log: logWith("keyAgeMs", bad), presence: true });
  if (bad.kind === "calls back") await make().drain({ overMs: 0, graceMs: 5 });
  else expect(await outcomeOf(Promise.resolve().then(make))).toBe("refused");
  await settle();
  expectNothingUncaught();
};

export const logCases: Readonly<Record<string, Case>> = {
  // Five seconds are waited for a log.
  "Log.open": hurried(100, async (bad) => {
    await ofOpen(DEADLINE_MS)(bad);
    await ofOpen(Infinity)(bad);
    await ofAnswersOpen(bad);
    await ofMcpOpen(bad);
  }),
  "Log.append": async (bad) => {
    await ofLog("append")(bad);
    await ofAnswersLog("append")(bad);
  },
  "Log.read": async (bad) => {
    await ofLog("read")(bad);
    await ofAnswersLog("read")(bad);
  },
  "Log.head": ofLog("head"),
  "Log.keyAgeMs": ofKeyAge,
  "OpenLogOptions.onTail": ofOpenOptions("onTail"),
  "OpenLogOptions.onError": ofOpenOptions("onError"),
  "Log.enlist": ofEnlist,
  "Log.follow": ofFollow,
  "Log.unfollow": ofUnfollow,
  // Fifteen seconds are waited for it.
  "Log.close": hurried(100, async (bad) => {
    await ofLog("close")(bad);
    await ofAnswersClose(bad);
    await ofMcpClose(bad);
  }),
};
