/**
 * A JavaScript realm that has what a mini program has and nothing else: the language, timers, console, `wx`, and the functions that
 * register pages. No TextDecoder, URL, fetch, AbortController, queueMicrotask, structuredClone, process; no `globalThis`.
 * Modules are wrapped as WeChat wraps them, with the browser's names shadowed by `undefined`.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import vm from "node:vm";

import type { Loop } from "./loop.ts";

export interface Realm {
  /** Runs a script in the realm and returns its value. */
  evaluate(script: string): unknown;
  /** Makes a name global in the realm. */
  define(name: string, value: unknown): void;
  /** The exports of a module, by its path below the program's root. */
  require(path: string): unknown;
  /** A copy of plain data whose prototypes are the realm's. */
  copy<T>(data: T): T;
  /** The bytes as an ArrayBuffer of the realm. */
  arrayBuffer(bytes: Uint8Array): ArrayBuffer;
  /** The bytes as a Uint8Array of the realm that begins and ends inside a larger buffer. */
  view(bytes: Uint8Array): Uint8Array;
  readonly console: { level: string; args: unknown[] }[];
}

/** What the module wrapper shadows. */
const SHADOWED = [
  "window", "document", "frames", "self", "location", "navigator", "localStorage", "history", "Caches", "screen", "alert",
  "confirm", "prompt", "fetch", "XMLHttpRequest", "WebSocket", "webkit", "WeixinJSCore",
]; // prettier-ignore

/** Globals of V8's bare realm that mini programs do not have, or not everywhere. */
const REMOVED = [
  "globalThis", "WebAssembly", "SharedArrayBuffer", "Atomics", "FinalizationRegistry", "WeakRef", "AggregateError",
  "Iterator", "AsyncDisposableStack", "DisposableStack", "SuppressedError",
]; // prettier-ignore

/** What ECMAScript got after 2015: the oldest engine that WeChat promises with `enableChunked` lacks much of it. */
const AFTER_2015 = `
  for (const name of ["entries", "values", "fromEntries", "getOwnPropertyDescriptors", "hasOwn", "groupBy"]) delete Object[name];
  for (const name of ["includes", "flat", "flatMap", "at", "findLast", "findLastIndex", "toSorted", "toReversed", "toSpliced", "with"])
    delete Array.prototype[name];
  for (const name of ["padStart", "padEnd", "trimStart", "trimEnd", "matchAll", "replaceAll", "at", "isWellFormed", "toWellFormed"])
    delete String.prototype[name];
  for (const name of ["at", "includes", "findLast", "toSorted", "toReversed", "with"]) delete Object.getPrototypeOf(Uint8Array.prototype)[name];
  for (const name of ["allSettled", "any", "withResolvers", "try"]) delete Promise[name];
  delete Promise.prototype.finally;
  const { iterator, hasInstance, species, toPrimitive, toStringTag } = Symbol;
  const make = Symbol;
  Symbol = Object.assign((name) => make(name), { iterator, hasInstance, species, toPrimitive, toStringTag });
`;

/** A `Promise` whose reactions are timers, as the base library makes one for iOS 15 and older. Enough of Promises/A+ for the tests. */
const PROMISE_FROM_TIMERS = `(() => {
  class TimerPromise {
    constructor(run) {
      this.state = "pending"; this.value = undefined; this.reactions = [];
      const settle = (state, value) => {
        if (this.state !== "pending") return;
        this.state = state; this.value = value;
        this.reactions.forEach((reaction) => setTimeout(reaction, 0));
      };
      const reject = (error) => settle("rejected", error);
      let resolved = false;
      const resolve = (value) => {
        if (resolved) return;
        resolved = true;
        if (value !== null && (typeof value === "object" || typeof value === "function")) {
          let then;
          try { then = value.then; } catch (error) { return reject(error); }
          if (typeof then === "function") {
            let done = false;
            try {
              then.call(value, (v) => { if (!done) { done = true; resolved = false; resolve(v); } },
                (e) => { if (!done) { done = true; reject(e); } });
            } catch (error) { if (!done) { done = true; reject(error); } }
            return;
          }
        }
        settle("fulfilled", value);
      };
      try { run(resolve, (error) => { if (!resolved) { resolved = true; reject(error); } }); }
      catch (error) { if (!resolved) { resolved = true; reject(error); } }
    }
    then(onFulfilled, onRejected) {
      return new TimerPromise((resolve, reject) => {
        const react = () => {
          const handler = this.state === "fulfilled" ? onFulfilled : onRejected;
          if (typeof handler !== "function") return (this.state === "fulfilled" ? resolve : reject)(this.value);
          try { resolve(handler(this.value)); } catch (error) { reject(error); }
        };
        if (this.state === "pending") this.reactions.push(react); else setTimeout(react, 0);
      });
    }
    catch(onRejected) { return this.then(undefined, onRejected); }
    static resolve(value) { return value instanceof TimerPromise ? value : new TimerPromise((resolve) => resolve(value)); }
    static reject(error) { return new TimerPromise((_, reject) => reject(error)); }
    static all(values) {
      return new TimerPromise((resolve, reject) => {
        const results = []; let left = values.length;
        if (left === 0) resolve(results);
        values.forEach((value, at) => TimerPromise.resolve(value).then((result) => { results[at] = result; if (--left === 0) resolve(results); }, reject));
      });
    }
    static race(values) { return new TimerPromise((resolve, reject) => values.forEach((value) => TimerPromise.resolve(value).then(resolve, reject))); }
  }
  Promise = TimerPromise;
})()`;

export function createRealm(
  root: string,
  loop: Loop,
  options: { oldBuiltins: boolean; promiseFromTimers: boolean },
): Realm {
  const global = Object.create(null) as Record<string, unknown>;
  const context = vm.createContext(global, { codeGeneration: { strings: false, wasm: false } });
  const evaluate = (script: string): unknown => vm.runInContext(script, context);
  const console: Realm["console"] = [];
  const modules = new Map<string, { exports: unknown }>();

  const copy = evaluate("(text) => text === undefined ? undefined : JSON.parse(text)") as (
    text: string | undefined,
  ) => never;
  const newBuffer = evaluate("(length) => new ArrayBuffer(length)") as (length: number) => ArrayBuffer;
  const newView = evaluate("(buffer, at, length) => new Uint8Array(buffer, at, length)") as (
    buffer: ArrayBuffer,
    at: number,
    length: number,
  ) => Uint8Array;

  evaluate(`for (const name of ${JSON.stringify(REMOVED)}) delete this[name]`);
  if (options.oldBuiltins) evaluate(AFTER_2015);
  global.setTimeout = loop.setTimeout;
  global.setInterval = loop.setInterval;
  global.clearTimeout = loop.clearTimeout;
  global.clearInterval = loop.clearTimeout;
  if (options.promiseFromTimers) evaluate(PROMISE_FROM_TIMERS);
  global.console = Object.fromEntries(
    ["debug", "log", "info", "warn", "error", "group", "groupEnd"].map((level) => [
      level,
      (...args: unknown[]) => void console.push({ level, args }),
    ]),
  );

  return {
    evaluate,
    define(name, value) {
      global[name] = value;
    },
    require: (path) => load(resolve(root, path)),
    copy: (data) => copy(JSON.stringify(data)),
    arrayBuffer(bytes) {
      const buffer = newBuffer(bytes.byteLength);
      new Uint8Array(buffer).set(bytes);
      return buffer;
    },
    view(bytes) {
      const buffer = newBuffer(bytes.byteLength + 16);
      new Uint8Array(buffer).fill(0x21);
      new Uint8Array(buffer).set(bytes, 8);
      return newView(buffer, 8, bytes.byteLength);
    },
    console,
  };

  function load(path: string): unknown {
    const file = path.endsWith(".js") ? path : `${path}.js`;
    const known = modules.get(file);
    if (known) return known.exports;
    const module = { exports: evaluate("({})") };
    modules.set(file, module);
    const wrapper = vm.compileFunction(
      readFileSync(file, "utf8"),
      ["require", "module", "exports", ...SHADOWED],
      {
        parsingContext: context,
        filename: `/${relative(root, file)}`,
      },
    ) as (...args: unknown[]) => void;
    wrapper.call(undefined, (id: string) => load(find(dirname(file), id)), module, module.exports);
    return module.exports;
  }

  /** WeChat's rule: a relative path is a file; a package is looked for in each `miniprogram_npm` from here to the root. */
  function find(from: string, id: string): string {
    if (id.startsWith("./") || id.startsWith("../")) return resolve(from, id);
    if (id.startsWith("/")) return join(root, id);
    for (let folder = from; !relative(root, folder).startsWith(".."); folder = dirname(folder)) {
      for (const file of [`${id}.js`, join(id, "index.js")]) {
        const path = join(folder, "miniprogram_npm", file);
        if (existsSync(path)) return path;
      }
    }
    throw new Error(`module '${relative(root, from)}/${id}.js' is not defined`);
  }
}
