/**
 * Runs a function in a later turn of the event loop, after what waits there already. Not one of the turns that a test framework
 * makes: what is sent and read takes no time there, as promises do not.
 * This module is browser compatible.
 */

type Later = (run: () => void) => unknown;

/** Node's, Bun's and Deno's. Kept from before a test framework puts its own in their places. */
const { setImmediate, setTimeout } = globalThis as unknown as {
  readonly setImmediate?: Later;
  readonly setTimeout: (run: () => void, ms: number) => unknown;
};

export const inNextTurn: (run: () => void) => void = choose();

function choose(): (run: () => void) => void {
  const later: Later = setImmediate ?? ((run) => setTimeout(run, 0));
  return isFake(setImmediate ?? setTimeout) ? byChannel(later) : (run) => void later(run);
}

/** It was there before us: such timers run when a test says so, and after it never again. */
function isFake(timer: object & { readonly name?: string }): boolean {
  // Of @sinonjs/fake-timers, which Vitest and Jest use; of Jest's older ones; of node:test.
  return "clock" in timer || "_isMockFunction" in timer || timer.name?.startsWith("bound ") === true;
}

function byChannel(otherwise: Later): (run: () => void) => void {
  const { MessageChannel, process } = globalThis as unknown as {
    readonly MessageChannel?: Channel;
    readonly process?: { getBuiltinModule?(id: "node:worker_threads"): { readonly MessageChannel: Channel } };
  };
  // Jest takes it away where it plays a browser.
  const found = MessageChannel ?? process?.getBuiltinModule?.("node:worker_threads").MessageChannel;
  if (found === undefined) return (run) => void otherwise(run);
  return (run) => {
    const { port1, port2 } = new found();
    port1.onmessage = () => {
      port1.close();
      run();
    };
    port2.postMessage(undefined);
  };
}

type Channel = new () => {
  readonly port1: { onmessage: unknown; close(): void };
  readonly port2: { postMessage(value: undefined): void };
};
