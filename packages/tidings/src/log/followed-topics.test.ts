import { expect, test } from "vitest";
import { FollowedTopics } from "./followed-topics.ts";

test("a topic is followed until everyone who asked for it has left it", () => {
  const followed = new FollowedTopics();
  followed.add(["a", "b"]);
  followed.add(["a", "c"]);
  expect(followed.remove(["a", "b"])).toEqual(["b"]);
  expect([followed.includes("a"), followed.includes("b"), followed.size]).toEqual([true, false, 2]);
  expect(followed.remove(["a"])).toEqual(["a"]);
  expect([...followed.names()]).toEqual(["c"]);
});

test("everything is followed until everyone who asked for that has left it, besides the topics", () => {
  const followed = new FollowedTopics();
  followed.add(["a"]);
  followed.add("all");
  followed.add("all");
  expect([followed.all, followed.includes("z")]).toEqual([true, true]);
  expect([followed.remove("all"), followed.remove("all")]).toEqual([[], "all"]);
  expect([followed.all, followed.includes("z"), followed.includes("a")]).toEqual([false, false, true]);
});

test("what nobody follows can be left again", () => {
  const followed = new FollowedTopics();
  expect([followed.remove("all"), followed.remove(["a"])]).toEqual([[], []]);
  followed.add("all");
  expect(followed.remove("all")).toBe("all");
});
