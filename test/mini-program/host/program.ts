/**
 * A mini program launched from its built folder: the host's side of `App`, `Page`, `setData` and the life cycle, for tests to drive.
 * What it is not: WeChat. The engine is V8 and the sockets are Node's; the rules are those of `knobs.ts`.
 */
import type { Socket } from "node:net";

import { defaults, type Knobs } from "./knobs.ts";
import { createLoop } from "./loop.ts";
import { createRealm, type Realm } from "./realm.ts";
import { createRequests } from "./request.ts";

type Data = Record<string, unknown>;
type Handler = (...args: unknown[]) => unknown;

export interface OpenPage {
  readonly data: Data;
  /** The page object, as the program sees `this`. */
  readonly instance: Record<string, unknown>;
  /** The text that the page shows in the Taro element with this `id`; `""` if there is none. */
  text(id: string): string;
  /** Calls one of the page's handlers, as a tap bound to it does. */
  call(name: string, event?: object): void;
  /** Taps the Taro element with this `id`. */
  tap(id: string): void;
  unload(): void;
}

export interface Program {
  open(path: string, query?: Record<string, string>): OpenPage;
  hide(): void;
  show(): void;
  network(isConnected: boolean, networkType?: string): void;
  readonly realm: Realm;
  readonly sockets: ReadonlySet<Socket>;
  /** Requests ever made. */
  readonly requests: number;
  /** Listeners on `wx` now. */
  readonly listeners: number;
  readonly timers: number;
  readonly frozen: boolean;
  /** What callbacks threw. */
  readonly errors: unknown[];
  /** Ends it all, whatever is open. */
  kill(): void;
}

export function launch(root: string, quirks: Partial<Knobs> = {}): Program {
  const knobs = { ...defaults, ...quirks };
  const loop = createLoop();
  const realm = createRealm(root, loop, knobs);
  const requests = createRequests(realm, loop, knobs);
  const events = new Map<string, Handler[]>();
  const pages = new Map<string, Record<string, unknown>>();
  const stack: OpenPage[] = [];
  let app: Record<string, unknown> = {};
  const registered: Record<string, unknown>[] = [];
  let freezing: NodeJS.Timeout | undefined;
  let visible = true;

  const wx = realm.evaluate("({})") as Record<string, unknown>;
  Object.assign(wx, {
    request: requests.request,
    getSystemInfoSync: () =>
      realm.copy({
        platform: "android",
        SDKVersion: "3.8.10",
        windowWidth: 375,
        windowHeight: 667,
        pixelRatio: 2,
      }),
    getWindowInfo: () => realm.copy({ windowWidth: 375, windowHeight: 667, pixelRatio: 2 }),
    getAppBaseInfo: () => realm.copy({ SDKVersion: "3.8.10" }),
    getDeviceInfo: () => realm.copy({ platform: "android" }),
    getNetworkType: ({ success }: { success: Handler }) =>
      loop.post(() => success(realm.copy({ networkType: "wifi", errMsg: "getNetworkType:ok" }))),
    canIUse: () => true,
    nextTick: (callback: Handler) => loop.setTimeout(callback, 0),
    showToast: () => undefined,
  });
  for (const name of ["AppShow", "AppHide", "NetworkStatusChange", "Error", "UnhandledRejection"]) {
    const handlers: Handler[] = [];
    events.set(name, handlers);
    wx[`on${name}`] = (handler: Handler) => void handlers.push(handler);
    wx[`off${name}`] = (handler?: Handler) => {
      if (handler === undefined) handlers.length = 0;
      else if (handlers.includes(handler)) handlers.splice(handlers.indexOf(handler), 1);
    };
  }

  realm.define("wx", wx);
  realm.define("App", (given: Record<string, unknown>) => (app = given));
  realm.define("Page", (given: Record<string, unknown>) => void registered.push(given));
  realm.define("Component", (given: Record<string, unknown>) => void registered.push(given));
  realm.define("Behavior", (given: unknown) => given);
  realm.define("getApp", () => app);
  realm.define("getCurrentPages", () => stack.map((page) => page.instance));

  realm.require("app.js");
  call(app, "onLaunch", [realm.copy({ path: "", query: {}, scene: 1001 })]);
  call(app, "onShow", [realm.copy({ path: "", query: {}, scene: 1001 })]);

  return {
    open,
    hide() {
      visible = false;
      const page = stack.at(-1);
      if (page) call(page.instance, "onHide");
      call(app, "onHide");
      emit("AppHide", {});
      if (knobs.runsInBackground) return;
      requests.setBackground(true);
      freezing = setTimeout(() => {
        if (knobs.interrupted === "before freezing") {
          requests.interrupt();
          // The callback gets through before JavaScript stops.
          freezing = setTimeout(() => loop.freeze(), 20);
        } else {
          loop.freeze();
          requests.interrupt();
        }
      }, knobs.freezeAfterMs);
    },
    show() {
      if (visible) return;
      visible = true;
      clearTimeout(freezing);
      requests.setBackground(false);
      // Overdue timers and callbacks wait in the loop's queue until the program has heard that it is back.
      call(app, "onShow", [realm.copy({ path: "", query: {}, scene: 1001 })]);
      const page = stack.at(-1);
      if (page) call(page.instance, "onShow");
      emit("AppShow", { path: "", query: {}, scene: 1001 });
      loop.thaw();
    },
    network(isConnected, networkType = isConnected ? "wifi" : "none") {
      if (isConnected) requests.online();
      else requests.offline();
      emit("NetworkStatusChange", { isConnected, networkType });
    },
    realm,
    sockets: requests.sockets,
    get requests() {
      return requests.started;
    },
    get listeners() {
      return [...events.values()].reduce((sum, handlers) => sum + handlers.length, 0);
    },
    get timers() {
      return loop.timers;
    },
    get frozen() {
      return loop.frozen;
    },
    errors: loop.errors,
    kill() {
      clearTimeout(freezing);
      loop.stop();
      requests.interrupt();
    },
  };

  function open(path: string, query: Record<string, string> = {}): OpenPage {
    registered.length = 0;
    realm.require(`${path}.js`);
    const given = registered.at(-1) ?? pages.get(path);
    if (!given) throw new Error(`${path}.js registered no page`);
    pages.set(path, given);
    const instance = realm.evaluate("({})") as Record<string, unknown>;
    Object.assign(instance, given, (given.methods as object | undefined) ?? {});
    instance.data = realm.copy(given.data ?? {});
    instance.route = path;
    instance.options = realm.copy(query);
    instance.setData = (changes: Data, done?: Handler) => {
      // What crosses to the view is JSON.
      for (const [key, value] of Object.entries(JSON.parse(JSON.stringify(changes)) as Data)) {
        assign(instance.data as Data, key, value);
      }
      if (done) loop.post(() => done.call(instance));
    };
    const page: OpenPage = {
      get data() {
        return instance.data as Data;
      },
      instance,
      text: (id) => texts(element(instance.data, id)).join(""),
      call(name, event = {}) {
        call(instance, name, [realm.copy(event)]);
      },
      tap(id) {
        const sid = element(instance.data, id)?.sid;
        if (sid === undefined) throw new Error(`${path} shows no element with id ${id}`);
        const target = { id: sid, dataset: { sid } };
        call(instance, "eh", [
          realm.copy({
            type: "tap",
            timeStamp: Date.now(),
            target,
            currentTarget: target,
            detail: {},
            mark: {},
          }),
        ]);
      },
      unload() {
        stack.splice(stack.indexOf(page), 1);
        call(instance, "onUnload");
      },
    };
    stack.push(page);
    call(instance, "onLoad", [instance.options]);
    call(instance, "onShow");
    call(instance, "onReady");
    return page;
  }

  function call(target: Record<string, unknown>, name: string, args: unknown[] = []): void {
    const method = target[name];
    if (typeof method === "function") loop.call(() => (method as Handler).apply(target, args));
  }

  function emit(name: string, result: object): void {
    for (const handler of events.get(name)?.slice() ?? []) loop.call(() => handler(realm.copy(result)));
  }
}

/** `setData({ "list[0].name": … })`. */
function assign(data: Data, path: string, value: unknown): void {
  const keys = path.split(/[.[\]]+/).filter((key) => key !== "");
  const last = keys.pop()!;
  let at = data;
  for (const [index, key] of keys.entries()) {
    if (typeof at[key] !== "object" || at[key] === null)
      at[key] = /^\d+$/.test(keys[index + 1] ?? last) ? [] : {};
    at = at[key] as Data;
  }
  at[last] = value;
}

/** The text nodes of a Taro page's data, in order. */
function texts(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  const { v, cn } = node as { v?: unknown; cn?: unknown[] };
  const own = typeof v === "string" && cn === undefined ? [v] : [];
  return [...own, ...Object.values(node).flatMap((child) => (typeof child === "object" ? texts(child) : []))];
}

/** The element that Taro was given this `id`, which it writes as `uid`. */
function element(node: unknown, id: string): { sid?: string } | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  if ((node as { uid?: string }).uid === id) return node;
  for (const child of Object.values(node)) {
    const found = element(child, id);
    if (found !== undefined) return found;
  }
  return undefined;
}
