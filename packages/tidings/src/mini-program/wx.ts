/**
 * Event streams over `wx.request`. Also for hosts of the same shape: HarmonyOS atomic services (`has`), Baidu (`swan`, whose
 * chunks are text).
 * This module is browser compatible.
 */
import type { Transport } from "../client/transports/transport.ts";
import { createDoubt } from "./doubt.ts";
import type { WxHost, WxLike } from "./wx-host.ts";
import { checkTimes, type WxOptions } from "./wx-options.ts";
import { openRequest } from "./wx-request.ts";
import { watchHost } from "./wx-watch.ts";

/**
 * A transport over `wx`, or whatever has its shape.
 * @throws {TypeError} If `wx.request` is not a function. @throws {RangeError} If a number in the options is none.
 */
export function fromWx(wx: WxLike, options: WxOptions = {}): Transport {
  const host = wx as unknown as WxHost;
  if (!host || typeof host.request !== "function") {
    throw new TypeError(
      "Cannot make a transport from wx: wx.request is not a function, expected the mini program's global wx",
    );
  }
  checkTimes(options);
  const doubt = createDoubt(options.aliveWithinMs);
  return {
    name: "wx",
    open: (request, sink) => openRequest(host, options, doubt, request, sink),
    watch: (signals) => watchHost(host, options.interruptedAfterMs || 5000, doubt, signals),
  };
}
