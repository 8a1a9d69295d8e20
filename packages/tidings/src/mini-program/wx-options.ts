/**
 * What can be set of a request and of the host.
 * This module is browser compatible.
 */
import type { TransportRequest } from "../client/transports/transport.ts";

export interface WxOptions {
  /**
   * Milliseconds after which the host may end a request, however healthy; the connection then resumes from its last event ID.
   * Default: 600,000. Hosts differ: without it WeChat ends at 60,000, and some iPhones do with it.
   */
  timeoutMs?: number;
  /**
   * Milliseconds in the background after which the host may have killed a request without saying so. On return, a request that
   * was not heard of late has `aliveWithinMs` to show a byte. Default: 5000, as in WeChat.
   */
  interruptedAfterMs?: number;
  /**
   * Milliseconds that a request has to show a byte after the background or a change of the network, before it counts as dead.
   * Default: 3000 for a GET, which resumes, and 20,000 for others, which is longer than the heartbeat of most servers.
   */
  aliveWithinMs?: number;
  /**
   * Whether a stream is read whole, at its end, where the host has no chunks. Default: `true`, but `false` for a GET, whose
   * stream may never end; that connection ends with `"unsupported"`.
   */
  wholeBody?: boolean;
  /** More options for `wx.request`, such as `{ forceCellularNetwork: true }`. What an event stream needs cannot be changed. */
  request?: object;
}

/** Whether a body that comes whole, at its end, is of use: an answer's is; a feed's has no end. */
export function readsWhole({ wholeBody }: WxOptions, { method }: TransportRequest): boolean {
  return wholeBody === undefined ? method !== "GET" : wholeBody;
}
