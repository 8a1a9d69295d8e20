/**
 * Finds the request of node:http behind a Fetch request that says nothing of it: such as those of Next, SvelteKit and Astro. Only
 * a request whose response waits for an earlier one of its connection is looked for. Node announces each request before its handler
 * runs; what the handler starts, and what that starts, sees the same `AsyncLocalStorage`.
 *
 * Node is listened to from the import on: the first requests of a process may wait already. A process whose requests all show
 * where they come from stops with its first stream.
 * This module is browser compatible.
 */
import { isNode } from "../request/is-node.ts";
import type { NodeRequest } from "./http-types.ts";

/** As much of `AsyncLocalStorage` as is used here. */
interface Storage {
  getStore(): NodeRequest | undefined;
  enterWith(request: NodeRequest | undefined): void;
  /** Costs nothing from then on, until something enters again. */
  disable(): void;
}

interface DiagnosticsChannel {
  subscribe(name: string, listener: Listener): void;
  unsubscribe(name: string, listener: Listener): unknown;
}
type Listener = (message: unknown) => void;

interface NodeModules {
  getBuiltinModule?(id: "node:async_hooks"): { readonly AsyncLocalStorage: new () => Storage } | undefined;
  getBuiltinModule?(id: "node:diagnostics_channel"): DiagnosticsChannel | undefined;
}

/** For so long after the last such connection is over, a handler may still ask for its request. */
const KEPT_MS = 300_000;

/** As much of a socket as is used here. */
interface Connection {
  readonly _httpMessage?: unknown;
  once?(name: "close", listener: () => void): unknown;
}

interface WaitingRequests {
  /** That of the running handler, if it waits. */
  find(this: void): NodeRequest | undefined;
  /** This process has requests that show where they come from. Where it has no others, they cost nothing from now on. */
  stop(this: void): void;
}

function listen(): WaitingRequests | undefined {
  const node = (globalThis as { process?: NodeModules }).process;
  const hooks = node?.getBuiltinModule?.("node:async_hooks");
  const channels = node?.getBuiltinModule?.("node:diagnostics_channel");
  if (hooks === undefined || channels === undefined) return undefined;
  /**
   * In use from the first request that waits until the connections of all of them are over: on Node before 24, it slows every
   * promise down.
   */
  let storage: Storage | undefined;
  let isNeeded = false;
  let isListening = false;
  const connections = new Set<Connection>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  start();
  return {
    find() {
      isNeeded = true;
      if (!isListening) start();
      return storage?.getStore();
    },
    stop() {
      if (isNeeded || !isListening) return;
      isListening = false;
      channels.unsubscribe(CHANNEL, onRequest);
      storage?.disable();
    },
  };

  function start(): void {
    isListening = true;
    channels!.subscribe(CHANNEL, onRequest);
  }

  function onRequest(message: unknown): void {
    const { request, socket } = (message ?? {}) as { request?: NodeRequest; socket?: Connection };
    const waits = socket?._httpMessage !== undefined && socket._httpMessage !== null;
    if (waits) {
      storage ??= new hooks!.AsyncLocalStorage();
      keepUntilClosed(socket);
    } else if (storage?.getStore() === undefined) return;
    // One that does not wait must not be taken for the one before it.
    storage.enterWith(waits ? request : undefined);
  }

  function keepUntilClosed(connection: Connection): void {
    clearTimeout(timer);
    if (connections.has(connection)) return;
    connections.add(connection);
    connection.once?.("close", () => {
      connections.delete(connection);
      if (connections.size > 0) return;
      timer = setTimeout(() => storage?.disable(), KEPT_MS);
      (timer as { unref?(): void }).unref?.();
    });
  }
}

const CHANNEL = "http.server.request.start";
/** One for all copies of this module: a framework may load it again at each edit. Its number changes with what it is. */
const SHARED = Symbol.for("tidings.waiting-requests.1");
const shared = globalThis as { [SHARED]?: WaitingRequests | undefined };
const waiting = isNode() ? (shared[SHARED] ??= listen()) : undefined;

/** The request of the running handler, if its response waits for an earlier one. */
export function waitingRequest(): NodeRequest | undefined {
  return waiting?.find();
}

/** A stream is asked for by a request that shows where it comes from. */
export function sawRequest(): void {
  waiting?.stop();
}
