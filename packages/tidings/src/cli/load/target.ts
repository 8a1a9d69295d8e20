/**
 * Who is loaded: an address that is resolved once, and is this machine's own unless the user says whose it is.
 */
import { lookup } from "node:dns/promises";
import type { RequestInput } from "../arguments/request-options.ts";
import { systemProblem, UsageError } from "../arguments/usage-error.ts";

export interface LoadTarget extends RequestInput {
  readonly address: string;
  readonly port: number;
  readonly secure: boolean;
  readonly servername: string;
  /** The request's bytes, but for `Last-Event-ID`. */
  request(lastEventId: string): string;
}

/** @throws {UsageError} If it is not a loopback address and `owned` is false, or has no address. */
export async function toTarget(request: RequestInput, owned: boolean): Promise<LoadTarget> {
  const { protocol, hostname, host, pathname, search, port } = new URL(request.url);
  const name = hostname.replace(/^\[|\]$/g, "");
  const { address } = await lookup(name).catch((error: unknown) => {
    throw systemProblem(`Cannot find ${name}`, error);
  });
  if (!isLoopback(address) && !owned) {
    throw new UsageError(
      `${name} (${address}) is not this machine: thousands of connections may bring a server down, and are an attack on one that is not yours.`,
      "If it is yours, or its owner agreed, say so with --yes-i-own-it",
    );
  }
  const { method, headers, body } = request;
  const fields = {
    host,
    accept: "text/event-stream",
    "user-agent": "tidings-load",
    ...headers,
    ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }),
  };
  const head = [
    `${method} ${pathname}${search} HTTP/1.1`,
    ...Object.entries(fields).map(([field, value]) => `${field}: ${value}`),
  ].join("\r\n");
  return {
    ...request,
    address,
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
    secure: protocol === "https:",
    servername: /^[\d.]+$|:/.test(name) ? "" : name,
    request: (lastEventId) =>
      `${head}${lastEventId === "" ? "" : `\r\nlast-event-id: ${lastEventId}`}\r\n\r\n${body ?? ""}`,
  };
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || /^::ffff:127\./i.test(address);
}
