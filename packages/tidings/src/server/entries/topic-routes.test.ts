import { expect, it } from "vitest";
import { createRandom } from "../../testing/random.ts";
import { TopicRoutes, type TopicRoute } from "./topic-routes.ts";

it("agrees with asking every route, while routes come and go", () => {
  const random = createRandom(11);
  const routes = new TopicRoutes<TopicRoute>();
  const present = new Map<string, TopicRoute>();
  const pick = (): string => `t${Math.floor(random() * 30)}`;
  for (let step = 0; step < 4_000; step += 1) {
    const byName = random() < 0.5;
    const name = byName ? pick() : String(Math.floor(random() * 300));
    const known = present.get(`${byName} ${name}`);
    if (random() < 0.4) {
      if (known === undefined) {
        const digit = name.at(-1)!;
        const route = { name, matches: byName ? undefined : (topic: string) => topic.includes(digit) };
        present.set(`${byName} ${name}`, route);
        routes.add(route);
      } else if (random() < 0.5) {
        present.delete(`${byName} ${name}`);
        routes.remove(known);
      }
    }
    const topic = pick();
    const expected = [...present.values()].filter(({ name, matches }) => matches?.(topic) ?? name === topic);
    expect(new Set(routes.to(topic))).toEqual(new Set(expected));
  }
  expect(routes.size).toBe(present.size);
});

it("asks a pattern once about each topic, however many other patterns come and go", () => {
  const routes = new TopicRoutes<TopicRoute>();
  let asked = 0;
  const route = (name: string): TopicRoute => ({ name, matches: () => (asked += 1) > 0 });
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
