/**
 * What a Node-style response is made of: Node's own class, one that middleware has wrapped, or another runtime's imitation.
 * Loads where there is no Node, and no types of Node's are needed to compile against it.
 * This module is browser compatible.
 */
import type { NodeResponse } from "../request/http-types.ts";
import { isNode } from "../request/is-node.ts";
import type { NodeSocket } from "./socket-outlet.ts";

/** What the servers we know of have besides; each part may be missing in an imitation. */
export interface WideResponse extends NodeResponse {
  flushHeaders(): void;
  getHeader?(name: string): string | readonly string[] | undefined;
  getHeaderNames?(): string[];
  writeHead?(status: number, headers: readonly unknown[]): unknown;
  readonly destroyed?: boolean;
  readonly chunkedEncoding?: boolean;
  readonly writableLength?: number;
  readonly stream?: { readonly destroyed: boolean; close?(code: number): void; destroy(): void };
  destroy?(error?: unknown): void;
  /** Middleware that compresses offers it, to send what it has rather than wait for more. */
  flush?(): void;
}

/** Which parts of a response are Node's own. Middleware wraps one or the other, and then has to be asked. */
export interface Unwrapped {
  readonly head: boolean;
  readonly body: boolean;
  /** Tracing tools wrap `on`, and may not pass events on. */
  readonly events: boolean;
}

/** The one place that tells a wrapped response from Node's own. */
export function unwrappedParts(response: WideResponse): Unwrapped {
  const classes = nodeClasses();
  if (classes === undefined || !(response instanceof classes.ServerResponse)) return NEITHER;
  const { write, writeHead, setHeader, on } = classes.ServerResponse.prototype;
  const own = response as WideResponse;
  return {
    head: own.writeHead === writeHead && own.setHeader === setHeader,
    body: own.write === write,
    events: own.on === on,
  };
}

/** Whether what we write to the socket is what `write` would have: in chunks of HTTP/1.1, in its turn, with nothing waiting. */
export function writesChunksTo(response: WideResponse, socket: NodeSocket): boolean {
  return (
    response.chunkedEncoding === true &&
    socket instanceof nodeClasses()!.Socket &&
    response.writableLength === socket.writableLength
  );
}

export function isGone(response: WideResponse, socket: NodeSocket | undefined): boolean {
  return response.destroyed === true || socket?.destroyed === true || response.stream?.destroyed === true;
}

let classesOfNode: NodeClasses | undefined;

/** Undefined where there is no Node: the others bring classes that only look like Node's. */
function nodeClasses(): NodeClasses | undefined {
  if (classesOfNode !== undefined) return classesOfNode;
  if (!isNode()) return undefined;
  const { ServerResponse } = node.process!.getBuiltinModule("node:http");
  const { Socket } = node.process!.getBuiltinModule("node:net");
  classesOfNode = { ServerResponse, Socket };
  return classesOfNode;
}

const NEITHER: Unwrapped = { head: false, body: false, events: false };

interface NodeClasses {
  readonly ServerResponse: (abstract new () => unknown) & {
    readonly prototype: Readonly<Record<"write" | "writeHead" | "setHeader" | "on", unknown>>;
  };
  readonly Socket: abstract new () => unknown;
}

const node = globalThis as unknown as {
  readonly process?: {
    readonly versions: Readonly<Record<string, string | undefined>>;
    getBuiltinModule(name: "node:http"): Pick<NodeClasses, "ServerResponse">;
    getBuiltinModule(name: "node:net"): Pick<NodeClasses, "Socket">;
  };
};
