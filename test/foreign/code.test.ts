/**
 * Everything that the application hands us, misbehaving: it throws, rejects, gives nonsense, never settles, or calls back into
 * us. The process lives, the mistake is reported once, everyone else is served, and nothing is left behind.
 */
import { describe, expect, it } from "vitest";
import { type Bad, bads, shown } from "./bad-code.ts";
import { ELSEWHERE, isThere, sameAs } from "./covered.ts";
import { unreadEntries } from "./declarations.ts";
import { foreignCode } from "./foreign-code.ts";
import { type Case, settle, timers, uncaught } from "./harness.ts";
import { acceptorCases } from "./acceptor-cases.ts";
import { answerCases } from "./answer-cases.ts";
import { connectionCases } from "./connection-cases.ts";
import { closesFrom, hubCases } from "./hub-cases.ts";
import { kitCases } from "./kit-cases.ts";
import { logCases } from "./log-cases.ts";
import { GETTERS, lookingAt, responseCases } from "./response-cases.ts";
import { sourceCases } from "./source-cases.ts";
import { storeCases } from "./store-cases.ts";
import { transportCases } from "./transport-cases.ts";

const cases: Readonly<Record<string, Case>> = {
  ...hubCases,
  ...sourceCases,
  ...answerCases,
  ...acceptorCases,
  ...responseCases,
  ...logCases,
  ...connectionCases,
  ...transportCases,
  ...storeCases,
  ...kitCases,
};

describe.each(Object.entries(cases))("%s", (_name, run) => {
  it.each(bads.map((bad) => [bad.name, bad] as const))("that %s harms nobody", async (_bad, bad) => {
    let calls = 0;
    const counted: Bad = {
      ...bad,
      make(back) {
        const code = bad.make(back) as (...values: unknown[]) => unknown;
        return (...values: unknown[]) => {
          calls += 1;
          return code(...values);
        };
      },
    };
    await run(counted);
    // A case that does not come to its code shows nothing.
    expect(calls).toBeGreaterThan(0);
    // The case has looked at what is uncaught. A rejection that nobody takes may come to light later.
    const expected = [...uncaught];
    await settle();
    expect(uncaught.map(shown)).toEqual(expected.map(shown));
  });
});

it.each(["authorize", "filter", "snapshot", "onOpen", "onError"] as const)(
  "a hub is drained from inside %s",
  async (name) => expect(await closesFrom(name)()).toBeUndefined(),
);

describe.each(GETTERS)("a response whose %s", (name) => {
  // What it gives then is nonsense, or throws.
  it.each(
    bads
      .filter(({ name, kind }) => kind !== "rejects" && !name.includes("odd"))
      .map((bad) => [bad.name, bad] as const),
  )("%s harms nobody", async (_bad, bad) => expect(await lookingAt(name)(bad)).toBeUndefined());
});

it("leaves no timer behind, after all of them", async () => {
  await expect.poll(timers).toEqual([]);
});

describe("everything that the package's declarations take", () => {
  const all = foreignCode();
  const known = new Set(Object.keys(cases));
  const isCovered = (name: string): boolean =>
    known.has(name) || known.has(sameAs(name) ?? "") || ELSEWHERE.some(({ names }) => names.test(name));

  it("is read from every entry of the package", () => {
    expect(unreadEntries()).toEqual(["./package.json"]);
  });

  it("has a case, is the same as what has one, or is broken by another test", () => {
    expect(all.length).toBeGreaterThan(100);
    expect(all.filter((name) => !isCovered(name))).toEqual([]);
  });

  it("and nothing else has a case", () => {
    expect([...known].filter((name) => !all.includes(name))).toEqual([]);
  });

  it.each(ELSEWHERE.map((other) => [other.names, other] as const))(
    "%s is broken by a test that is there",
    (names, other) => {
      expect(isThere(other)).toBe(true);
      // An excuse that excuses nothing is none.
      expect(all.some((name) => names.test(name) && !known.has(name))).toBe(true);
    },
  );
});
