/**
 * Opens a connection: TCP, and TLS where the URL says so, with the protocol that both ends agree on.
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export type Protocol = "auto" | "h1" | "h2";

export interface Dialed {
  readonly socket: Socket;
  readonly speaks: "h1" | "h2";
}

const OFFERED: Readonly<Record<Protocol, string[]>> = {
  auto: ["h2", "http/1.1"],
  h1: ["http/1.1"],
  h2: ["h2"],
};

/** @throws {Error} Node's, when there is no connection. */
export function connectTo(
  url: URL,
  options: { readonly protocol: Protocol; readonly insecure?: boolean; readonly connectTimeoutMs?: number },
  signal: AbortSignal,
): Promise<Dialed> {
  const { protocol, insecure = false, connectTimeoutMs = 10_000 } = options;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  return new Promise((resolve, reject) => {
    const servername = /^[\d.]+$|:/.test(host) ? "" : host;
    const socket = secure
      ? connectTls({
          host,
          port,
          servername,
          ALPNProtocols: OFFERED[protocol],
          rejectUnauthorized: !insecure,
        })
      : connectTcp({ host, port });
    const timer = setTimeout(() => {
      fail(Object.assign(new Error("connect timed out"), { code: "ETIMEDOUT" }));
    }, connectTimeoutMs);
    const abort = (): void => fail(new Error("aborted"));
    signal.addEventListener("abort", abort);
    socket.once("error", fail);
    socket.once(secure ? "secureConnect" : "connect", () => {
      settle();
      socket.off("error", fail);
      socket.setNoDelay(true);
      const negotiated = "alpnProtocol" in socket ? socket.alpnProtocol : false;
      // Without TLS nobody negotiates: HTTP/2 is spoken where it was asked for, as the standard's prior knowledge.
      resolve({ socket, speaks: negotiated === "h2" || (!secure && protocol === "h2") ? "h2" : "h1" });
    });
    if (signal.aborted) abort();

    function settle(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
    function fail(error: Error): void {
      settle();
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    }
  });
}
