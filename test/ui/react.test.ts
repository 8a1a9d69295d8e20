import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { execute, ROOT } from "../package/packed.ts";
import { startUi, type Ui } from "./ui.ts";

const MISTAKE =
  'TypeError: Cannot connect: url is "http://[", expected an absolute one, since there is no page to resolve it against';

test("the pages compile, with the types of React and Vue", async () => {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  await expect(execute(process.execPath, [compiler, "-p", "test/ui"], { cwd: ROOT })).resolves.toBe("");
});

// The newest React, and the oldest that is taken.
describe.each([["19"], ["18"]])("React %s", (version) => {
  let ui: Ui;
  beforeAll(async () => {
    ui = await startUi(version);
  });
  afterAll(() => ui.stop());

  const settled = (ms = 100): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

  test("StrictMode mounts twice and opens one connection, which misses nothing and ends with the component", async () => {
    await ui.open("react.html?scenario=Plain");
    await ui.shows("#seen", "open");
    await ui.push("plain", "1", "2", "3", "4");
    await ui.shows("#seen", "open 2,3,4");
    expect(await ui.counts("plain")).toEqual({ opened: 1, open: 1, most: 1 });
    await ui.browser.click("#leave");
    await ui.countsOpen("plain", 0);
    await ui.browser.click("#leave");
    await ui.shows("#seen", "open 2,3,4");
    expect(await ui.counts("plain")).toEqual({ opened: 2, open: 1, most: 1 });
    expect(await ui.problems()).toEqual([]);
  });

  test("options written in place open no other connection, and the newest functions are used", async () => {
    await ui.open("react.html?scenario=Inline");
    await ui.push("inline", "a");
    await ui.shows("#seen", "0: a0 (a0)");
    for (let times = 0; times < 20; times += 1) await ui.browser.click("#again");
    await ui.push("inline", "b");
    await ui.shows("#seen", "20: a0 b20 (b20)");
    expect(await ui.counts("inline")).toEqual({ opened: 1, open: 1, most: 1 });
  });

  test("ten thousand messages a second are drawn once a frame at most, each of them reduced, in order", async () => {
    await ui.open("react.html?scenario=Flood&messages=10000&loose");
    await ui.shows("#seen", "10000 true complete");
    const { drawn, frames } = await ui.browser.evaluate(() => ({
      drawn: globalThis.drawn["flood"]!,
      frames: globalThis.framesSeen,
    }));
    expect(drawn).toBeGreaterThan(2);
    expect(drawn).toBeLessThanOrEqual(frames + 1);
  });

  test("a hot reload keeps the connection and the data, and takes the new code", async () => {
    const component = (mark: string): string => `
      import { useEventStream } from "tidings/react";
      export function Hot() {
        const { data } = useEventStream("/events/pushed?name=hot " + new URLSearchParams(location.search).get("run"), {
          initial: "",
          reduce: (text, { data }) => text + data + "${mark} ",
        });
        return <p id="seen">${mark}: {data}</p>;
      }`;
    await ui.edit("hot.jsx", component("old"));
    await ui.open("hot/react.html");
    await ui.push("hot", "1");
    await ui.shows("#seen", "old: 1old");
    await ui.reload("hot.jsx", component("new"), "#seen", "new: 1old");
    await ui.push("hot", "2");
    await ui.shows("#seen", "new: 1old 2new");
    expect(await ui.counts("hot")).toEqual({ opened: 1, open: 1, most: 1 });
    expect(await ui.problems()).toEqual([]);
  });

  test("what a server rendered is taken over without a complaint, and goes on from its cursor", async () => {
    ui.run = "";
    const html = await ui.fetch("/server-rendered/react");
    expect(html).toContain('<p id="seen">connecting<!-- -->: <!-- -->loaded</p>');
    expect((await ui.fetch("/counts?name=react")).trim()).toBe('{"opened":0,"most":0,"open":0}');
    for (const data of ["loaded", "missed"]) await ui.fetch(`/push?name=react&data=${data}`);
    await ui.open("server-rendered/react");
    await ui.shows("#seen", "open: loaded,missed");
    expect(await ui.problems()).toEqual([]);
  });

  if (version !== "19") return;

  test("where frames stand still, as in a hidden page, it is drawn some times a second", async () => {
    await ui.open("react.html?scenario=Flood&messages=10000&loose&still");
    await ui.shows("#seen", "10000 true complete");
    expect(await ui.drawn("flood")).toBeGreaterThan(2);
    // A second of messages, and whatever more a busy machine takes for them: never one for each chunk.
    expect(await ui.drawn("flood")).toBeLessThan(60);
  });

  test("components of one store share its connection, and each is drawn when what it selects has changed", async () => {
    await ui.open("react.html?scenario=Shared&loose");
    await ui.push("shared", '{"bid":1,"ask":2}');
    await ui.shows("#spread", "1-2");
    const [bids, spreads, all] = await Promise.all([ui.drawn("bid"), ui.drawn("spread"), ui.drawn("shared")]);
    for (let ask = 3; ask < 8; ask += 1) {
      await ui.push("shared", `{"ask":${ask}}`);
      await ui.shows("#spread", `1-${ask}`);
    }
    expect(await ui.drawn("bid")).toBe(bids);
    expect(await ui.drawn("shared")).toBe(all);
    expect(await ui.drawn("spread")).toBe(spreads + 5);
    await ui.push("shared", '{"bid":2}');
    await ui.shows("#bid", "2");
    expect(await ui.counts("shared")).toEqual({ opened: 1, open: 1, most: 1 });
  });

  test("share in the place of connect has one connection at the server for all", async () => {
    await ui.open("react.html?scenario=AllTabs");
    await ui.countsOpen("tabs", 1);
    await settled(300);
    await ui.push("tabs", "a", "b");
    await ui.shows("#seen", "a,b and a,b");
    expect(await ui.counts("tabs")).toMatchObject({ open: 1, most: 1 });
    await ui.browser.click("#leave");
    await ui.countsOpen("tabs", 0);
  });

  test("with select the component is drawn only when that is another value", async () => {
    await ui.open("react.html?scenario=Selected&loose");
    await ui.countsOpen("selected", 1);
    await settled();
    const before = await ui.drawn("selected");
    for (const data of ["1", "2", "3"]) {
      await ui.push("selected", data);
      await settled(50);
    }
    expect(await ui.drawn("selected")).toBe(before);
    await ui.push("selected", "9");
    await ui.shows("#seen", "true");
    expect(await ui.drawn("selected")).toBe(before + 1);
  });

  test("another URL is another connection, and none is none", async () => {
    await ui.open("react.html?scenario=Turning");
    await ui.push("one", "a");
    await ui.push("two", "b");
    await ui.shows("#seen", "one open a");
    await ui.browser.click("#two");
    await ui.shows("#seen", "two open b");
    await ui.countsOpen("one", 0);
    await ui.browser.click("#none");
    await ui.shows("#seen", "closed");
    await ui.countsOpen("two", 0);
    expect(await ui.counts("one")).toMatchObject({ opened: 1, most: 1 });
    expect(await ui.counts("two")).toMatchObject({ opened: 1, most: 1 });
  });

  test("an answer is asked for once, in StrictMode too, and shown whole", async () => {
    await ui.open("react.html?scenario=Answer");
    await ui.shows("#seen", "You asked once [complete]");
    await settled();
    expect(await ui.counts("answer")).toMatchObject({ opened: 1, most: 1 });
    await ui.browser.click("#ask");
    await ui.shows("#seen", "You asked twice [complete]");
  });

  test("an answer that is cut off is shown as truncated, and can be asked for again", async () => {
    await ui.open("react.html?scenario=Answer&cut");
    await ui.shows("#seen", "You asked once [truncated] network");
    await ui.browser.click("#reopen");
    await ui.shows("#seen", "You asked once [complete]");
    expect(await ui.counts("answer")).toMatchObject({ opened: 2, most: 1 });
  });

  test("a reducer that throws is shown as truncated, and reported as uncaught", async () => {
    await ui.open("react.html?scenario=Throwing");
    await ui.push("throwing", "a", "bad", "c");
    await ui.shows("#seen", 'a truncated Cannot reduce message "message": TypeError: cannot take it');
    await ui.countsOpen("throwing", 0);
    expect(await ui.problems()).toEqual(["unhandled TypeError: cannot take it"]);
  });

  describe.each(["select", "isEqual", "store select", "store isEqual"])(
    "%s of an application that",
    (place) => {
      test.each(["throws", "rejects", "nonsense", "never", "closes"])(
        "%s disturbs nobody else, and leaves no stream",
        async (how) => {
          await ui.open(`react.html?scenario=Foreign&place=${encodeURIComponent(place)}&how=${how}`);
          await ui.countsOpen("bad", 1);
          await ui.push("bad", "a", "b");
          await ui.push("plain", "c");
          await ui.shows("#seen", "open c");
          if (how === "throws") await ui.shows("#failed", "TypeError: the application's mistake");
          if (how === "throws" || how === "closes") await ui.countsOpen("bad", 0);
          await settled(200);
          // Neither in vain, nor for ever.
          expect(await ui.drawn("bad")).toBeLessThan(15);
          await ui.push("plain", "d");
          await ui.shows("#seen", "open c,d");
          await ui.browser.click("#leave");
          await ui.countsOpen("bad", 0);
          await ui.countsOpen("plain", 0);
        },
      );
    },
  );

  test("a mistake in the call reaches the error boundary", async () => {
    await ui.open("react.html?scenario=Mistaken");
    await ui.shows("#failed", MISTAKE);
    expect(await ui.browser.evaluate(() => document.querySelector("#leave"))).toBeNull();
  });
});
