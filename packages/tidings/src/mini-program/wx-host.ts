/**
 * The part of `wx` that is used, and of hosts with its shape. Everything that some device lacks is optional here.
 * This module is browser compatible.
 */

/** The mini program's `wx`, as its typings have it. */
export interface WxLike {
  // A method, so that typings whose options are stricter fit.
  request(options: never): unknown;
}

export interface WxHost extends WxEvents {
  request(options: object): WxTask | undefined;
}

/** What a host says of itself and its surroundings. */
export interface WxEvents {
  getDeviceInfo?(): { platform?: string } | undefined;
  /** Deprecated, and all there is before base library 2.20.1. */
  getSystemInfoSync?(): { platform?: string } | undefined;
  getNetworkType?(options: { success: (result: WxNetwork) => void }): unknown;
  onAppShow?(listener: () => void): void;
  offAppShow?(listener: () => void): void;
  onAppHide?(listener: () => void): void;
  offAppHide?(listener: () => void): void;
  /** Mini games have these instead of `onAppShow` and `onAppHide`. */
  onShow?(listener: () => void): void;
  offShow?(listener: () => void): void;
  onHide?(listener: () => void): void;
  offHide?(listener: () => void): void;
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

/** What the callbacks of a request receive. */
export interface WxResult {
  data?: unknown;
  /** The devtools leave it out until the end. */
  statusCode?: number | string;
  /** Alipay's name for `statusCode`. */
  status?: number | string;
  header?: Record<string, unknown>;
  /** Alipay's name for `header`. */
  headers?: Record<string, unknown>;
  errMsg?: string;
}

export interface WxNetwork {
  isConnected?: boolean;
  networkType?: string;
}
