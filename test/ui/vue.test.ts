import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../browsers/index.ts";
import { startUi, type Ui } from "./ui.ts";

let ui: Ui;
beforeAll(async () => {
  ui = await startUi();
});
afterAll(() => ui.stop());

test("a component has one connection, which ends with it", async () => {
  await ui.open("vue.html?scenario=Plain");
  await ui.push("plain", "1", "2", "3", "4");
  await ui.shows("#seen", "open 2,3,4");
  await ui.browser.click("#leave");
  await ui.countsOpen("plain", 0);
  await ui.browser.click("#leave");
  await ui.shows("#seen", "open 2,3,4");
  expect(await ui.counts("plain")).toEqual({ opened: 2, open: 1, most: 1 });
  expect(await ui.problems()).toEqual([]);
});

test("ten thousand messages a second are drawn once a frame at most, each of them reduced, in order", async () => {
  await ui.open("vue.html?scenario=Flood&messages=10000");
  await ui.shows("#seen", "10000 true complete");
  const frames = await ui.browser.evaluate(() => globalThis.framesSeen);
  expect(await ui.drawn("flood")).toBeGreaterThan(2);
  expect(await ui.drawn("flood")).toBeLessThanOrEqual(frames + 1);
});

test("components of one store share its connection, and a computed selects", async () => {
  await ui.open("vue.html?scenario=Shared");
  await ui.push("shared", '{"bid":1}');
  await ui.shows("#bid", "1");
  const bids = await ui.drawn("bid");
  for (let ask = 1; ask < 5; ask += 1) {
    await ui.push("shared", `{"ask":${ask}}`);
    await ui.shows("#ask", String(ask));
  }
  expect(await ui.drawn("bid")).toBe(bids);
  await ui.push("shared", '{"bid":2}');
  await ui.shows("#bid", "2");
  expect(await ui.counts("shared")).toEqual({ opened: 1, open: 1, most: 1 });
});

test("another URL or key is another connection, and no URL is none", async () => {
  await ui.open("vue.html?scenario=Turning");
  await ui.push("one", "a");
  await ui.push("two", "b");
  await ui.shows("#seen", "one open a");
  await ui.browser.click("#day");
  await ui.countsOpen("one", 1);
  await ui.shows("#seen", "one open a");
  expect((await ui.counts("one")).opened).toBe(2);
  await ui.browser.click("#two");
  await ui.shows("#seen", "two open b");
  await ui.countsOpen("one", 0);
  await ui.browser.click("#none");
  await ui.shows("#seen", "closed");
  await ui.countsOpen("two", 0);
});

test("an answer says whether it is whole, and can be asked for again", async () => {
  await ui.open("vue.html?scenario=Answer&cut");
  await ui.shows("#seen", "You asked once [truncated] network");
  await ui.browser.click("#reopen");
  await ui.shows("#seen", "You asked once [complete]");
  await ui.browser.click("#ask");
  await ui.shows("#seen", "You asked twice [complete]");
  expect(await ui.counts("answer")).toMatchObject({ opened: 3, most: 1 });
});

test("KeepAlive closes what it deactivates, and goes on where it was", async () => {
  await ui.open("vue.html?scenario=Kept");
  await ui.push("plain", "1");
  await ui.shows("#seen", "open 1");
  expect(await ui.counts("plain")).toEqual({ opened: 1, open: 1, most: 1 });
  await ui.browser.click("#deactivate");
  await ui.countsOpen("plain", 0);
  await ui.push("plain", "2");
  await ui.browser.click("#deactivate");
  await ui.shows("#seen", "open 1,2");
  await ui.browser.click("#deactivate");
  await ui.browser.click("#leave");
  await ui.countsOpen("plain", 0);
});

test("outside of a component it is open until its scope is stopped", async () => {
  await ui.open("vue.html?scenario=Scoped");
  await ui.push("scoped", "1");
  await ui.shows("#seen", "1");
  await ui.browser.click("#stop");
  expect(await ui.countsOpen("scoped", 0)).toMatchObject({ opened: 1 });
});

test("a mistake in the call reaches errorCaptured", async () => {
  await ui.open("vue.html?scenario=Mistaken");
  const mistake = await until("what was captured", () => ui.browser.text("#failed"));
  expect(mistake).toBe(
    'TypeError: Cannot connect: url is "http://[", expected an absolute one, since there is no page to resolve it against',
  );
});

test("a hot reload keeps the connection and the data when the template changes, and leaves none behind when the script does", async () => {
  const component = (mark: string, title: string): string => `
    <script setup>
    import { useEventStream } from "tidings/vue";
    const { data } = useEventStream("/events/pushed?name=hot " + new URLSearchParams(location.search).get("run"), {
      initial: "",
      reduce: (text, { data }) => text + data + "${mark} ",
    });
    </script>
    <template><p id="seen">${title}: {{ data }}</p></template>`;
  await ui.edit("hot.vue", component("old", "old"));
  await ui.open("hot/vue.html");
  await ui.push("hot", "1");
  await ui.shows("#seen", "old: 1old");
  await ui.reload("hot.vue", component("old", "new"), "#seen", "new: 1old");
  await ui.push("hot", "2");
  await ui.shows("#seen", "new: 1old 2old");
  expect(await ui.counts("hot")).toEqual({ opened: 1, open: 1, most: 1 });
  await ui.edit("hot.vue", component("new", "newer"));
  await ui.shows("#seen", "newer: 1new 2new");
  await ui.countsOpen("hot", 1);
  expect((await ui.counts("hot")).opened).toBe(2);
  expect(await ui.problems()).toEqual([]);
});

test("what a server rendered is taken over without a complaint, and goes on from its cursor", async () => {
  expect(await ui.fetch("/server-rendered/vue")).toContain('<p id="seen">connecting: loaded</p>');
  expect(await ui.fetch("/counts?name=vue")).toBe('{"opened":0,"most":0,"open":0}');
  for (const data of ["loaded", "missed"]) await ui.fetch(`/push?name=vue&data=${data}`);
  await ui.open("server-rendered/vue");
  await ui.shows("#seen", "open: loaded,missed");
  expect(await ui.problems()).toEqual([]);
});
