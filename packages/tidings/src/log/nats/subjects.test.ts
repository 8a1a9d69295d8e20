import { expect, test } from "vitest";
import { createRandom } from "../../testing/random.ts";
import { filterOf, subjectOf } from "./subjects.ts";

/** As NATS matches: `>` stands for one token or more. */
function isBelow(filter: string, subject: string): boolean {
  const start = filter.slice(0, -1);
  return filter.endsWith(".>") && subject.startsWith(start) && subject.length > start.length;
}

/** Short ones that look alike, and long ones. */
function topics(): string[] {
  const random = createRandom(7);
  const parts = ["a", "/", "=", ".", "*", ">", " ", "你", "😀", "-", "=2f", "h", "x".repeat(200)];
  return Array.from({ length: 3_000 }, () =>
    Array.from(
      { length: 1 + Math.floor(random() * 7) },
      () => parts[Math.floor(random() * parts.length)]!,
    ).join(""),
  );
}

test("levels of a topic are tokens, and other characters stand as bytes", () => {
  expect(subjectOf("log.e", "user/7/inbox")).toBe("log.e.user.7.inbox");
  expect(subjectOf("log.e", "a.b *>")).toBe("log.e.a=2eb=20=2a=3e");
  expect(subjectOf("log.e", "書")).toBe("log.e.=e6=9b=b8");
  expect(subjectOf("log.e", "/a//")).toBe("log.e.=.a.=.=");
});

test("every topic has a subject of its own, which a server takes", () => {
  const subjects = new Map<string, string>();
  for (const topic of topics()) {
    const subject = subjectOf("log.e", topic);
    expect(subject).toMatch(/^[\w=-]+(\.[\w=-]+)*$/);
    expect(subject.length).toBeLessThan(600);
    expect(subjects.get(subject) ?? topic).toBe(topic);
    subjects.set(subject, topic);
  }
});

test("what begins with something is found below its filter, also where it is cut", () => {
  const random = createRandom(8);
  for (const topic of topics()) {
    const beginning = topic.slice(0, Math.floor(random() * (topic.length + 1)));
    const filter = filterOf("log.e", beginning);
    expect(isBelow(filter, subjectOf("log.e", topic)), `${topic} from ${beginning}`).toBe(true);
  }
});
