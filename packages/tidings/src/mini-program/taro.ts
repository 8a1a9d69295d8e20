/**
 * Event streams in a Taro program, each on the host that it was built for.
 * Where the host streams, the host's own object is taken out of Taro: `Taro.request` returns a promise that carries the task's
 * methods, and every interceptor that answers with a promise of its own loses them, Taro's own two among them.
 * This module is browser compatible.
 */
import { TransportError } from "../client/transports/transport-error.ts";
import type { Transport, TransportRequest, TransportSink } from "../client/transports/transport.ts";
import { tell } from "../guard/foreign.ts";
import { fromTt, type TtLike } from "./tt.ts";
import type { WxLike } from "./wx-host.ts";
import { readsWhole, type WxOptions } from "./wx-options.ts";
import { fromWx } from "./wx.ts";

/**
 * A transport over `Taro`. It streams on WeChat, HarmonyOS atomic services, Baidu and Douyin. Taro's interceptors do not see those
 * requests: what they would add, such as a token, goes into the connection's `headers`. On other hosts `Taro.request` reads an
 * answer whole, at its end, and a GET ends with `"unsupported"` before anything is sent (see {@link WxOptions.wholeBody}).
 * @throws {TypeError} If `Taro` is not Taro.
 */
export function fromTaro(Taro: object, options: WxOptions = {}): Transport {
  const taro = Taro as { getEnv?(): unknown; miniGlobal?: WxLike; request?: unknown } | undefined;
  if (!taro || typeof taro.getEnv !== "function") {
    throw new TypeError(
      'Cannot make a transport from Taro: it has no getEnv, expected the default export of "@tarojs/taro"',
    );
  }
  // Where it fails or says nothing, the host is one that is not known.
  let env = "";
  tell(nothing, () => {
    env = String(taro.getEnv!());
  });
  const kind = env.toUpperCase();
  if (kind === "WEB" || kind === "HARMONYHYBRID") {
    return unsupported(`Taro's ${env} build runs in a browser; import connect from "tidings/client" there`);
  }
  const host = taro.miniGlobal;
  if (kind === "TT" && host && (host as TtLike).createEventSource) return fromTt(host, options);
  // A host that is not known is tried.
  return host && !WITHOUT_CHUNKS.test(kind)
    ? fromWx(host, options)
    : withoutChunks(`Taro's ${env}`, taro as WxLike, options);
}

/** Hosts whose request has no chunks, as of November 2026, by the names that Taro's platform plugins give them. */
const WITHOUT_CHUNKS = /^(ALIPAY|IOT|DD|JD|QQ|TT|LARK|KWAI|KUAISHOU|XHS|QUICKAPP|RN|HARMONY)$/;

/** Reads answers whole. `name` is the host's, for the error. */
export function withoutChunks(name: string, host: WxLike, options: WxOptions): Transport {
  const refused = unsupported(
    `${name} has no request that streams, and a feed has no end at which it could be read; poll there, or use a ` +
      "WebSocket. For a stream that ends, wholeBody: true reads it at its end",
  );
  if (typeof host.request !== "function") return refused;
  const whole = fromWx(host, options);
  return Object.assign({}, whole, {
    name: "whole",
    open: (request: TransportRequest, sink: TransportSink) =>
      (readsWhole(options, request) ? whole : refused).open(request, sink),
  });
}

/** Ends each connection before anything is sent. */
export function unsupported(why: string): Transport {
  return {
    name: "unsupported",
    open(_request, sink) {
      const timer = setTimeout(() => sink.onError(new TransportError("unsupported", why)), 0);
      return { abort: () => clearTimeout(timer) };
    },
  };
}

function nothing(): void {}
