import { describe, expect, it } from "vitest";
import { listen } from "../listen/listen.ts";
import { parseArguments } from "./parse-arguments.ts";
import { requestOf } from "./request-options.ts";

describe("a URL with a name and a password", () => {
  it.each([
    ["http://ann:s%20cret@localhost:1/", "ann:s cret"],
    ["http://ann@localhost:1/", "ann:"],
    ["http://:%zz@localhost:1/", ":%zz"],
  ])("%s becomes a header, as with curl", (word, user) => {
    const { url, headers } = requestOf(parseArguments(listen, [word]));
    expect(url).toBe("http://localhost:1/");
    expect(headers["authorization"]).toBe(`Basic ${btoa(user)}`);
  });

  it("gives way to a header that was given", () => {
    const input = parseArguments(listen, ["-H", "Authorization: Bearer 1", "http://ann:x@localhost:1/"]);
    expect(requestOf(input)).toMatchObject({
      url: "http://localhost:1/",
      headers: { authorization: "Bearer 1" },
    });
  });
});
