import { describe, expect, it } from "vitest";
import { isMistake } from "./mistake.ts";
import { checkOptionNames } from "./option-names.ts";

const names = { known: ["retention", "heartbeatMs", "log"], former: { history: "retention" } };

describe("options are known by their names", () => {
  it.each([[{}], [{ retention: {}, log: undefined }]])("takes %j", (options) => {
    expect(() => checkOptionNames("create hub", options, names)).not.toThrow();
  });

  it.each([
    [{ history: {} }, "there is no option history, expected retention"],
    [{ retenton: {} }, "there is no option retenton, expected retention"],
    [{ rentention: {} }, "there is no option rentention, expected retention"],
    [{ retnetion: {} }, "there is no option retnetion, expected retention"],
    [{ heartbeatms: 1 }, "there is no option heartbeatms, expected heartbeatMs"],
    [{ colour: 1 }, "there is no option colour, expected one of retention, heartbeatMs, log"],
    [{ constructor: 1 }, "there is no option constructor, expected one of retention, heartbeatMs, log"],
  ])("refuses %j", (options, message) => {
    let error: unknown;
    try {
      checkOptionNames("create hub", options, names);
    } catch (thrown) {
      error = thrown;
    }
    expect(String(error)).toBe(`TypeError: Cannot create hub: ${message}`);
    expect(isMistake(error)).toBe(true);
  });

  it("lets pass what resembles no option, where the object may be another's", () => {
    const open = { ...names, allowsOthers: true };
    expect(() => checkOptionNames("subscribe", { colour: 1 }, open)).not.toThrow();
    expect(() => checkOptionNames("subscribe", { hearbeatMs: 1 }, open)).toThrow("expected heartbeatMs");
  });

  it("says where the option stands", () => {
    expect(() => checkOptionNames("create hub", { strems: 1 }, { known: ["streams"] }, "limits.")).toThrow(
      "there is no option limits.strems, expected limits.streams",
    );
  });
});
