/**
 * Event streams in a uni-app program, each on the host that it was built for.
 * This module is browser compatible.
 */
import type { Transport } from "../client/transports/transport.ts";
import { unsupported, withoutChunks } from "./taro.ts";
import { tell } from "../guard/foreign.ts";
import { fromTt, type TtLike } from "./tt.ts";
import type { WxLike } from "./wx-host.ts";
import type { WxOptions } from "./wx-options.ts";
import { fromWx } from "./wx.ts";

/**
 * A transport over uni-app's `uni`. It streams on WeChat, Baidu and Douyin, and in apps where `uni.request` has chunks. On other
 * hosts an answer is read whole, at its end, and a GET ends with `"unsupported"` (see {@link WxOptions.wholeBody}).
 * `uni.addInterceptor("request", …)` takes the chunks from `uni.request`; with one, pass WeChat's own `wx` to `fromWx` instead.
 * @throws {TypeError} If `uni` is not uni-app's.
 */
export function fromUni(uni: WxLike, options: WxOptions = {}): Transport {
  const host = uni as { getSystemInfoSync?(): { uniPlatform?: string } | undefined } | undefined;
  let platform: string | undefined;
  if (host && typeof host.getSystemInfoSync === "function") {
    // It fails where the user has not agreed to be known.
    tell(nothing, () => {
      const info = host.getSystemInfoSync!();
      platform = info && info.uniPlatform;
    });
  }
  if (platform === "web" || platform === "h5") {
    return unsupported('uni-app\'s H5 build runs in a browser; import connect from "tidings/client" there');
  }
  if (platform === "mp-toutiao" && (uni as TtLike).createEventSource) return fromTt(uni, options);
  // A host that is not known is tried.
  return WITHOUT_CHUNKS.test(platform!)
    ? withoutChunks(`uni-app's ${platform}`, uni, options)
    : fromWx(uni, options);
}

/** Hosts whose request has no chunks, as of November 2026. */
const WITHOUT_CHUNKS = /^(mp-(alipay|toutiao|lark|qq|jd|kuaishou|xhs)|quickapp.*)$/;

function nothing(): void {}
