/**
 * What can be set of a request and of the host.
 * This module is browser compatible.
 */
import { atLeast } from "../guard/least.ts";
import type { TransportRequest } from "../client/transports/transport.ts";

export interface WxOptions {
  /**
   * Milliseconds after which the host may end a request, even a healthy one. The connection then resumes from its last event ID.
   * Default: 600,000. Hosts differ: without this option WeChat ends requests after 60,000, and some iPhones do so even with it.
   */
  timeoutMs?: number | undefined;
  /**
   * Milliseconds in the background after which the host may have killed a request without reporting it. On return, a request without
   * recent data must receive a byte within `aliveWithinMs`. Default: 5000, as in WeChat.
   */
  interruptedAfterMs?: number | undefined;
  /**
   * Milliseconds within which a request must receive a byte, after the background or a change of the network, or it counts as dead.
   * Default: 3000 for a GET, which resumes, and 20,000 for others, which is longer than the heartbeat of most servers.
   */
  aliveWithinMs?: number | undefined;
  /**
   * Whether a stream is read as a whole, at its end, if the host does not deliver chunks. Default: `true`, or `false` for a GET, whose
   * stream may never end; that connection ends with `"unsupported"`.
   */
  wholeBody?: boolean | undefined;
  /** More options for `wx.request`, such as `{ forceCellularNetwork: true }`. What an event stream needs cannot be changed. */
  request?: object | undefined;
}

/** Whether a body that comes whole, at its end, is of use: an answer's is; a feed's has no end. */
export function readsWhole({ wholeBody }: WxOptions, { method }: TransportRequest): boolean {
  return wholeBody === undefined ? method !== "GET" : wholeBody;
}

/** @throws {RangeError} If a number is none, or is below 1. */
export function checkTimes(options: WxOptions): void {
  for (const name of ["timeoutMs", "interruptedAfterMs", "aliveWithinMs"] as const)
    atLeast("make a transport", name, options[name], 1);
}
