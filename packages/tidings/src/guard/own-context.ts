/**
 * Keeps the context of a caller for functions that are called later, by a timer or in another request's turn: the `AsyncLocalStorage`
 * of Node, Bun and Deno, with which frameworks find the user. Without it, such a function would find another request's.
 * This module is browser compatible.
 */

/** Returns a function that runs in the context that was kept. */
export type InContext = <Args extends unknown[], Result>(
  run: (...args: Args) => Result,
) => (...args: Args) => Result;

/** Keeps the context of now. Where the platform has none, functions stay as they are. */
export function ownContext(): InContext {
  const inContext = storageClass()?.snapshot?.();
  if (inContext === undefined) return (run) => run;
  return (run) =>
    (...args) =>
      inContext(run, ...args);
}

interface StorageClass {
  snapshot?(): <Args extends unknown[], Result>(run: (...args: Args) => Result, ...args: Args) => Result;
}

function storageClass(): StorageClass | undefined {
  const { process } = globalThis as {
    readonly process?: {
      getBuiltinModule?(id: "node:async_hooks"): { readonly AsyncLocalStorage: StorageClass } | undefined;
    };
  };
  return process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage;
}
