import { expect, it } from "vitest";
import { createRandom } from "../../testing/random.ts";
import { TopicRoutes, type TopicRoute } from "./topic-routes.ts";

const byPattern = (name: string, matches: (topic: string) => boolean, prefixes = [""]): TopicRoute => ({
  name,
  patterns: { matches, prefixes, steps: () => 0 },
});

// 10 steps are passed by every pattern that is asked, so that some are left for later.
it.each([Infinity, 10])(
  "agrees with asking every route, while routes come and go (%d steps)",
  (mostSteps) => {
    const random = createRandom(11);
    const routes = new TopicRoutes<TopicRoute>(mostSteps);
    const present = new Map<string, TopicRoute>();
    const unasked = new Set<TopicRoute>();
    const pick = (): string => `t${Math.floor(random() * 30)}`;
    let left = 0;
    for (let step = 0; step < 8_000; step += 1) {
      const isNamed = random() < 0.5;
      const name = isNamed ? pick() : String(Math.floor(random() * 300));
      const known = present.get(`${isNamed} ${name}`);
      if (random() < 0.4) {
        if (known === undefined) {
          const digit = name.at(-1)!;
          const prefixes = [[""], [`t${digit}`, "t1"], ["t"], [`t${digit}`]][name.length]!;
          const matches = (topic: string): boolean =>
            topic.includes(digit) && prefixes.some((prefix) => topic.startsWith(prefix));
          const route = isNamed ? { name, patterns: undefined } : byPattern(name, matches, prefixes);
          present.set(`${isNamed} ${name}`, route);
          routes.add(route);
        } else if (random() < 0.5) {
          present.delete(`${isNamed} ${name}`);
          routes.remove(known);
          unasked.delete(known);
        }
      }
      if (random() < 0.1) routes.rest();
      if (random() < 0.1) {
        routes.begin();
        unasked.clear();
      }
      const topic = pick();
      const expected = new Set(
        [...present.values()].filter(({ name, patterns }) => patterns?.matches(topic) ?? name === topic),
      );
      const found = routes.to(topic);
      for (const route of found.unasked) unasked.add(route);
      left += found.unasked.length;
      expect(found.routes.every((route) => expected.has(route))).toBe(true);
      expect([...expected].every((route) => found.routes.includes(route) || unasked.has(route))).toBe(true);
      expect(mostSteps < Infinity || found.routes.length === expected.size).toBe(true);
    }
    expect(routes.size).toBe(present.size);
    expect(left > 100).toBe(mostSteps < Infinity);
  },
);

it("asks a pattern once about each topic, however many other patterns come and go", () => {
  const routes = new TopicRoutes<TopicRoute>(Infinity);
  let asked = 0;
  const route = (name: string): TopicRoute => byPattern(name, () => (asked += 1) > 0);
  const topics = Array.from({ length: 100 }, (_, i) => `t${i}`);
  routes.add(route("first"));
  for (const topic of topics) routes.to(topic);
  expect(asked).toBe(100);
  for (let n = 0; n < 20; n += 1) {
    const one = route(`another ${n}`);
    routes.add(one);
    for (const topic of topics) routes.to(topic);
    routes.remove(one);
  }
  expect(asked).toBe(100 + 20 * 100);
});

it("asks only patterns that begin as the topic does: each of 10,000 users has one of their own", () => {
  const routes = new TopicRoutes<TopicRoute>(Infinity);
  let asked = 0;
  const users = Array.from({ length: 10_000 }, (_, i) => `user/${i}/`);
  for (const user of users) {
    const matches = (topic: string): boolean => (asked += 1) > 0 && topic.startsWith(user);
    routes.add(byPattern(`${user}*`, matches, [user]));
  }
  for (const user of users) {
    expect(routes.to(`${user}cart`).routes.map(({ name }) => name)).toEqual([`${user}*`]);
  }
  expect(asked).toBe(users.length);
});

it("asks no more than it may, gives the others once, and asks them later", () => {
  const routes = new TopicRoutes<TopicRoute>(100);
  for (let i = 0; i < 50; i += 1) routes.add(byPattern(`*${i}`, () => true));
  const first = routes.to("a");
  expect([first.routes.length, first.unasked.length]).toEqual([5, 45]);
  // Five that `a` has met, of which `b` and `c` know nothing.
  expect([routes.to("b").routes.length, routes.to("c").unasked.length]).toEqual([0, 0]);
  routes.begin();
  expect(routes.to("b").unasked.length).toBe(50);
  for (let n = 0; n < 9; n += 1) {
    routes.rest();
    routes.to("a");
  }
  expect(routes.to("a")).toMatchObject({ routes: { length: 50 }, unasked: [] });
});
