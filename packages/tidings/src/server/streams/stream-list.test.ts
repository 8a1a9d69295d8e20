import { describe, expect, it } from "vitest";
import { StreamList, type Linked } from "./stream-list.ts";

class Member implements Linked<Member> {
  previous: Member | undefined;
  next: Member | undefined;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

function listOf(names: string): { list: StreamList<Member>; members: Member[] } {
  const list = new StreamList<Member>();
  const members = names.split("").map((name) => new Member(name));
  for (const member of members) list.add(member);
  return { list, members };
}

const walked = (list: StreamList<Member>): string => {
  let names = "";
  for (let member = list.step(); member !== undefined; member = list.step()) names += member.name;
  return names;
};

describe("StreamList", () => {
  it.each([
    ["a", "bcd"],
    ["b", "acd"],
    ["d", "abc"],
  ])("is walked in order without %s, which left", (left, rest) => {
    const { list, members } = listOf("abcd");
    list.remove(members.find(({ name }) => name === left)!);
    list.rewind();
    expect([walked(list), list.size]).toEqual([rest, 3]);
    expect([...list].map(({ name }) => name).join("")).toBe(rest);
  });

  it("goes on behind the member it stood at when that leaves, and visits those who come", () => {
    const { list, members } = listOf("abcd");
    list.rewind();
    expect(list.step()?.name).toBe("a");
    list.remove(members[1]!);
    list.remove(members[0]!);
    list.add(new Member("e"));
    expect(walked(list)).toBe("cde");
  });

  it("can be emptied while it is walked, and filled again", () => {
    const { list, members } = listOf("ab");
    list.rewind();
    for (const member of members) list.remove(member);
    expect([walked(list), list.size]).toEqual(["", 0]);
    list.add(members[1]!);
    list.rewind();
    expect(walked(list)).toBe("b");
  });
});
