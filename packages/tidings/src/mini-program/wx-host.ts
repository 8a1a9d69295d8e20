/**
 * What is used of `wx`, and of the hosts that have its shape. Whatever may be missing on some device is optional here.
 * This module is browser compatible.
 */

/** The mini program's `wx`, as its typings have it. */
export interface WxLike {
  // A method, so that typings whose options are stricter fit.
  request(options: never): unknown;
}

export interface WxHost {
  request(options: object): WxTask | undefined;
  getDeviceInfo?(): { platform?: string };
  onAppShow?(listener: () => void): void;
  offAppShow?(listener: () => void): void;
  onAppHide?(listener: () => void): void;
  offAppHide?(listener: () => void): void;
  onNetworkStatusChange?(listener: (result: WxNetwork) => void): void;
  offNetworkStatusChange?(listener: (result: WxNetwork) => void): void;
}

export interface WxTask {
  abort?(): void;
  onHeadersReceived?(listener: (result: WxResult) => void): void;
  onChunkReceived?(listener: (result: WxResult) => void): void;
  /** Present where an interceptor or the framework made a promise of the task. */
  then?(onFulfilled: () => void, onRejected: () => void): unknown;
}

/** What the callbacks of a request are given. */
export interface WxResult {
  data?: unknown;
  /** The devtools leave it out until the end. */
  statusCode?: number;
  header?: Record<string, unknown>;
  errMsg?: string;
}

export interface WxNetwork {
  isConnected?: boolean;
  networkType?: string;
}
