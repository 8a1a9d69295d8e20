import { execFileSync } from "node:child_process";
import { runInNewContext, Script } from "node:vm";
import { describe, expect, it } from "vitest";
import { toCurl, toJavaScript } from "./code.ts";
import type { StreamRequest } from "../stream/stream-client.ts";

const CLOCK: StreamRequest = {
  client: "connect",
  url: "/api/sse?tick=2",
  method: "GET",
  headers: [],
  body: "",
  lastEventId: "",
  listenTo: [],
  stopOn: ["close"],
  replay: false,
};
const CHAT: StreamRequest = {
  ...CLOCK,
  url: "/api/chat",
  method: "POST",
  headers: [["Authorization", "Bearer demo"]],
  body: '{"q": "你好"}',
  stopOn: ["done"],
};

/** What a shell makes of the line, with echo in place of curl. */
function argumentsOf(line: string): string[] {
  const script = `curl() { for argument in "$@"; do printf '%s\\0' "$argument"; done; }; ${line}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("toCurl", () => {
  it("is the line of the README for the clock", () => {
    expect(toCurl(CLOCK, "http://127.0.0.1:3001/").replaceAll(" \\\n ", "")).toBe(
      'curl -N -H "Accept: text/event-stream" "http://127.0.0.1:3001/api/sse?tick=2"',
    );
  });

  it("brings every character through the shell", () => {
    const nasty = `it's "$HOME" \`id\` \\ ! 你好 🙂\n`;
    const request = { ...CHAT, headers: [["X-Test", `a'b"c$d`] as const], body: nasty, lastEventId: "e.7" };
    expect(argumentsOf(toCurl(request, "http://127.0.0.1:3001/")).join("\n")).toBe(
      [
        "-N\n-X\nPOST\n-H\nAccept: text/event-stream",
        `-H\nX-Test: a'b"c$d`,
        "-H\nLast-Event-ID: e.7",
        `--data-raw\n${nasty}`,
        "http://127.0.0.1:3001/api/chat",
      ].join("\n"),
    );
  });

  it("names the type of a JSON body, which curl would call a form", () => {
    expect(argumentsOf(toCurl(CHAT, "http://127.0.0.1:3001/"))).toContain("Content-Type: application/json");
  });
});

describe("toJavaScript", () => {
  it("shows a POST with connect()", () => {
    expect(toJavaScript(CHAT)).toBe(`import { connect } from "tidings/client";

const connection = connect("/api/chat", {
  method: "POST",
  headers: { Authorization: "Bearer demo" },
  body: { q: "你好" },
  until: "done",
});
for await (const { event, data } of connection) {
  console.log(event, data);
}`);
  });

  it("shows the browser's EventSource without what it cannot take", () => {
    expect(toJavaScript({ ...CLOCK, client: "browser", listenTo: ["price"] })).toBe(
      `const source = new EventSource("/api/sse?tick=2");
source.addEventListener("message", ({ data }) => console.log(data));
source.addEventListener("price", ({ data }) => console.log(data));
source.addEventListener("close", () => source.close());`,
    );
  });

  it.each<[string, Partial<StreamRequest>]>([
    ["names and values with quotes", { headers: [["x-a'b", 'say "hi"']], url: '/a"b' }],
    ["a body that is no JSON", { method: "POST", body: "{broken: `" }],
    [
      "a body with keys and colons inside its text",
      { method: "POST", body: '{"a":"\\"b\\": c","d-e":[1,{"f":null}]}' },
    ],
    ["several endings", { stopOn: ["close", "done"], lastEventId: "1", method: "POST", replay: true }],
  ])("is a program that can be parsed, with %s", (_case, changes) => {
    for (const client of ["connect", "event-source", "browser"] as const) {
      const code = toJavaScript({ ...CLOCK, ...changes, client }).replace(/^import .*/, "");
      expect(() => new Script(`async () => {${code}}`)).not.toThrow();
    }
  });

  it("keeps a JSON body what it was", () => {
    const body = '{"a":"\\"b\\": c","d-e":[1,{"f":null}],"g":{}}';
    const code = toJavaScript({ ...CHAT, body });
    const expression = /body: (.*),\n/.exec(code)![1]!;
    expect(runInNewContext(`(${expression})`)).toEqual(JSON.parse(body));
  });
});
