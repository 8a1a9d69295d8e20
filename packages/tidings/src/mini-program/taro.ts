/**
 * Event streams in a Taro program.
 * It takes the host's own `wx` out of Taro: `Taro.request` returns a promise that carries the task's methods, and every interceptor
 * that answers with a promise of its own loses them, Taro's own two among them.
 * This module is browser compatible.
 */
import { TransportError } from "../client/transports/transport-error.ts";
import type { Transport } from "../client/transports/transport.ts";
import { fromWx, type WxOptions } from "./wx.ts";
import type { WxLike } from "./wx-host.ts";

/**
 * A transport over `Taro`, for WeChat and the hosts that stream as it does. Taro's interceptors do not see its requests:
 * what they would add, such as a token, goes into the connection's `headers`.
 * Where the host cannot stream, the connection ends with `"unsupported"` before anything is sent.
 * @throws {TypeError} If `Taro` is not Taro.
 */
export function fromTaro(Taro: object, options?: WxOptions): Transport {
  const taro = Taro as { getEnv?(): string; miniGlobal?: WxLike } | undefined;
  if (!taro || typeof taro.getEnv !== "function") {
    throw new TypeError(
      'Cannot make a transport from Taro: it has no getEnv, expected the default export of "@tarojs/taro"',
    );
  }
  const env = taro.getEnv();
  if (taro.miniGlobal && CANNOT_STREAM.indexOf(env) < 0) return fromWx(taro.miniGlobal, options);
  return {
    name: "taro",
    open(_request, sink) {
      const timer = setTimeout(() => sink.onError(new TransportError("unsupported", remedy(env))), 0);
      return { abort: () => clearTimeout(timer) };
    },
  };
}

/** Hosts whose request has no chunks, as of November 2026. A host that is not named is tried. */
const CANNOT_STREAM = ["ALIPAY", "JD", "QQ", "TT", "QUICKAPP", "RN", "WEB", "HARMONYHYBRID"];

function remedy(env: string): string {
  return env === "WEB" || env === "HARMONYHYBRID"
    ? `Taro's ${env} build runs in a browser; import connect from "tidings/client" there`
    : `Taro's ${env} has no request that streams; poll there, or use a WebSocket`;
}
