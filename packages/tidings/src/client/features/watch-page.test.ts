import { afterEach, expect, test, vi } from "vitest";

import { watchPage } from "./watch-page.ts";

afterEach(() => vi.unstubAllGlobals());

/** A page's globals, as far as they are asked for. */
function createPage(hostname = "a.example") {
  const listeners = new Map<string, number>();
  const count = (type: string, by: number) => listeners.set(type, (listeners.get(type) ?? 0) + by);
  class Target extends EventTarget {
    override addEventListener(type: string, listener: never) {
      count(type, 1);
      super.addEventListener(type, listener);
    }
    override removeEventListener(type: string, listener: never) {
      count(type, -1);
      super.removeEventListener(type, listener);
    }
  }
  const page = new Target();
  const document = Object.assign(new Target(), { visibilityState: "visible" });
  vi.stubGlobal("document", document);
  vi.stubGlobal("location", { hostname });
  vi.stubGlobal("navigator", { onLine: true });
  vi.stubGlobal("addEventListener", (type: string, listener: never) => page.addEventListener(type, listener));
  vi.stubGlobal("removeEventListener", (type: string, listener: never) =>
    page.removeEventListener(type, listener),
  );
  const told: string[] = [];
  const stop = watchPage({
    onHide: () => void told.push("hide"),
    onShow: (interrupted) => void told.push(`show ${interrupted}`),
    onNetwork: (online) => void told.push(`network ${online}`),
    onThaw: () => void told.push("thaw"),
  });
  const fire = (type: string, more: object = {}) => page.dispatchEvent(Object.assign(new Event(type), more));
  return { told, stop, fire, document, listeners };
}

test("a page that is hidden and shown again is reported", () => {
  const { told, document } = createPage();
  document.visibilityState = "hidden";
  document.dispatchEvent(new Event("visibilitychange"));
  document.visibilityState = "visible";
  document.dispatchEvent(new Event("visibilitychange"));
  expect(told).toEqual(["hide", "show false"]);
});

test("a page that was frozen and runs again is reported", () => {
  const { told, document } = createPage();
  document.dispatchEvent(new Event("freeze"));
  document.dispatchEvent(new Event("resume"));
  expect(told).toEqual(["thaw"]);
});

test("a network that is lost and comes back is reported", () => {
  const { told, fire } = createPage();
  fire("offline");
  fire("online");
  expect(told).toEqual(["network false", "network true"]);
});

test("a network that goes does not matter to a page of the machine itself", () => {
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
    const { told, fire } = createPage(host);
    fire("offline");
    fire("online");
    expect(told).toEqual([]);
  }
});

test("a page lets go of its stream for the back/forward cache, and takes it up when it comes out", () => {
  const { told, fire } = createPage();
  fire("pagehide", { persisted: false });
  fire("pagehide", { persisted: true });
  fire("pageshow", { persisted: true });
  fire("pageshow", { persisted: false });
  expect(told).toEqual(["network false", "network true"]);
});

test("nothing listens any more when it is stopped", () => {
  const { told, stop, fire, listeners } = createPage();
  expect([...listeners.keys()].sort()).toEqual([
    "beforeunload",
    "offline",
    "online",
    "pagehide",
    "pageshow",
    "resume",
    "visibilitychange",
  ]);
  stop();
  fire("offline");
  expect(told).toEqual([]);
  expect([...listeners.values()]).toEqual([0, 0, 0, 0, 0, 0, 0]);
});

test("where there is no page nothing is reported, and nothing fails", () => {
  const stop = watchPage({ onHide() {}, onShow() {}, onNetwork() {} });
  expect(stop()).toBeUndefined();
});
