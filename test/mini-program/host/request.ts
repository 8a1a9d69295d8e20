/**
 * `wx.request` over real sockets, with WeChat's rules and, by knob, its bugs.
 * Rules: a default content type, objects as JSON or query, ten requests at once, 60 s, `success` for any status,
 * error texts to be matched loosely, every callback in a turn of its own.
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";

import type { Knobs } from "./knobs.ts";
import type { Loop } from "./loop.ts";
import type { Realm } from "./realm.ts";

interface RequestOptions {
  url: string;
  method?: string;
  data?: unknown;
  header?: Record<string, unknown>;
  dataType?: string;
  responseType?: string;
  timeout?: number;
  enableChunked?: boolean;
  success?: (result: object) => void;
  fail?: (result: object) => void;
  complete?: (result: object) => void;
}

type Listener = (result: object) => void;

interface Running {
  options: RequestOptions;
  http: ClientRequest | undefined;
  timer: NodeJS.Timeout | undefined;
  settled: boolean;
  aborted: boolean;
  listeners: { headers: Listener[]; chunk: Listener[] };
  settle: ((result: object, ok: boolean) => void) | undefined;
}

export interface Requests {
  request: (options: RequestOptions) => object | undefined;
  /** Kills what runs, as happens in the background: `fail interrupted`, delivered as the knob says. */
  interrupt(): void;
  /** The network went: what runs breaks, what comes is refused. */
  offline(): void;
  online(): void;
  setBackground(background: boolean): void;
  readonly sockets: Set<Socket>;
  readonly queued: number;
  readonly started: number;
}

export function createRequests(realm: Realm, loop: Loop, knobs: Knobs): Requests {
  const running = new Set<Running>();
  const queue: Running[] = [];
  const sockets = new Set<Socket>();
  let connected = true;
  let background = false;
  let started = 0;
  let latestChunked: Running | undefined;

  return {
    request,
    interrupt() {
      for (const one of [...running, ...queue]) {
        if (knobs.interrupted === "never") drop(one);
        else fail(one, { errno: 600_003, errMsg: "request:fail interrupted" });
      }
    },
    offline() {
      connected = false;
      for (const one of running) {
        if (knobs.silentDrop) drop(one);
        else fail(one, { errno: 5, errMsg: "request:fail 似乎已断开与互联网的连接。" });
      }
    },
    online() {
      connected = true;
    },
    setBackground(value) {
      background = value;
    },
    sockets,
    get queued() {
      return queue.length;
    },
    get started() {
      return started;
    },
  };

  function request(options: RequestOptions): object | undefined {
    const one: Running = {
      options,
      http: undefined,
      timer: undefined,
      settled: false,
      aborted: false,
      listeners: { headers: [], chunk: [] },
      settle: undefined,
    };
    started++;
    if (!/^https?:\/\//.test(options.url)) {
      fail(one, { errno: 600_009, errMsg: `request:fail invalid url "${options.url}"` });
    } else if (background || !connected) {
      fail(one, background ? { errMsg: "request:fail interrupted" } : { errno: 5, errMsg: "request:fail " });
    } else {
      queue.push(one);
      next();
    }
    return task(one);
  }

  function next(): void {
    while (running.size < knobs.slots) {
      const one = queue.shift();
      if (!one) return;
      running.add(one);
      start(one);
    }
  }

  function start(one: Running): void {
    const { options } = one;
    const method = options.method ?? "GET";
    const header: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.header ?? {})) {
      if (name.toLowerCase() !== "referer") header[name] = String(value);
    }
    const typeName = Object.keys(header).find((name) => name.toLowerCase() === "content-type");
    const type = (typeName && header[typeName]) ?? "application/json";
    if (!typeName) header["content-type"] = type;
    header.Referer = "https://servicewechat.com/touristappid/0/page-frame.html";
    const { url, body } = payload(options.url, method, type, options.data);
    if (options.enableChunked) latestChunked = one;

    const wanted = Math.min(options.timeout ?? knobs.timeoutMs, knobs.longestTimeoutMs);
    one.timer = setTimeout(() => fail(one, { errno: 5, errMsg: "request:fail timeout" }), wanted);
    try {
      one.http = httpRequest(url, { method, headers: header, agent: false });
    } catch (error) {
      // Android's HTTP client refuses characters past Latin-1 in a header, as Node's does.
      return fail(one, { errno: 600_001, errMsg: `request:fail ${(error as Error).message}` });
    }
    one.http.on("socket", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    one.http.on("error", (error: NodeJS.ErrnoException) =>
      fail(one, { errno: 600_001, errMsg: `request:fail errcode:-102 cronet_error_code:-102 ${error.code}` }),
    );
    one.http.on("response", (response) => receive(one, response));
    one.http.end(body);
  }

  function receive(one: Running, response: IncomingMessage): void {
    const { options } = one;
    const header: Record<string, string> = {};
    for (let at = 0; at < response.rawHeaders.length; at += 2) {
      const name = response.rawHeaders[at]!;
      header[name] =
        header[name] === undefined
          ? response.rawHeaders[at + 1]!
          : `${header[name]},${response.rawHeaders[at + 1]}`;
    }
    const status = response.statusCode!;
    const refused = status >= 400;
    const asChunks =
      options.enableChunked === true &&
      !knobs.noChunk &&
      !(knobs.noChunkForContentLength && response.headers["content-length"] !== undefined) &&
      !(knobs.errorBodyLost && refused);
    const all: Buffer[] = [];
    let held: (() => void) | undefined;
    deliver(one, () => {
      if (knobs.headersNever) return;
      const head = realm.copy({ header, cookies: [], ...(knobs.devtools ? {} : { statusCode: status }) });
      for (const listener of one.listeners.headers) loop.call(() => listener(head));
    });
    response.on("data", (bytes: Buffer) => {
      if (!asChunks) return void all.push(bytes);
      for (const part of knobs.rechunk(bytes)) {
        const give = () => {
          if (knobs.lastListenerOnly && latestChunked !== one) return;
          const result = realm.copy({}) as { data?: unknown };
          result.data = chunk(part);
          for (const listener of one.listeners.chunk) loop.call(() => listener(result));
        };
        if (held) deliver(one, held);
        held = undefined;
        if (knobs.chunkAfterEnd) held = give;
        else deliver(one, give);
      }
    });
    response.on("end", () => {
      if (knobs.statusErrorAsFail && refused)
        return fail(one, { errMsg: `request:fail statusCode ${status}` });
      const result = realm.copy({ errMsg: "request:ok", statusCode: status, header, cookies: [] }) as {
        data?: unknown;
      };
      const lost = asChunks || (knobs.errorBodyLost && refused && options.enableChunked);
      result.data = body(lost ? Buffer.alloc(0) : Buffer.concat(all), options);
      settle(one, result, true);
      if (held) deliver(one, held);
    });
    response.on("error", () => {
      if (knobs.silentDrop) drop(one);
      else
        fail(one, {
          errno: 600_001,
          errMsg: "request:fail errcode:-355 net::ERR_INCOMPLETE_CHUNKED_ENCODING",
        });
    });
  }

  /** Calls back in its turn. What comes after `abort()` was under way before it, and only comes by knob. */
  function deliver(one: Running, callback: () => void): void {
    loop.post(() => {
      if (!one.aborted || knobs.lateChunks) callback();
    });
  }

  function fail(one: Running, result: { errMsg: string; errno?: number }): void {
    settle(one, realm.copy(result), false);
  }

  function settle(one: Running, result: object, ok: boolean): void {
    if (one.settled) return;
    // What came before the end is told before the end: all of it is in the loop's queue by now.
    one.settled = true;
    release(one);
    loop.post(() => {
      one.settle?.(result, ok);
      loop.call(() => (ok ? one.options.success : one.options.fail)?.(result));
      loop.call(() => one.options.complete?.(result));
    });
  }

  /** The request is gone, and nobody hears of it. */
  function drop(one: Running): void {
    one.settled = true;
    release(one);
  }

  function release(one: Running): void {
    clearTimeout(one.timer);
    one.http?.on("error", () => {});
    one.http?.destroy();
    if (!running.delete(one)) queue.splice(queue.indexOf(one) >>> 0, 1);
    next();
  }

  function task(one: Running): object {
    const methods: Record<string, unknown> = {
      abort: () => {
        one.aborted = true;
        fail(one, { errno: 600_004, errMsg: "request:fail abort" });
      },
      onHeadersReceived: (listener: Listener) => void one.listeners.headers.push(listener),
      offHeadersReceived: (listener?: Listener) => remove(one.listeners.headers, listener),
      onChunkReceived: (listener: Listener) => void one.listeners.chunk.push(listener),
      offChunkReceived: (listener?: Listener) => remove(one.listeners.chunk, listener),
    };
    const made = knobs.promiseTask ? promise(one) : realm.copy<object>({});
    for (const [name, method] of Object.entries(methods)) {
      if (!knobs.missing.includes(name)) Object.assign(made, { [name]: method });
    }
    return made;
  }

  function promise(one: Running): object {
    const make = realm.evaluate(`((take) => new Promise((resolve, reject) => take(resolve, reject)))`) as (
      take: (resolve: (value: object) => void, reject: (error: object) => void) => void,
    ) => object;
    return make((resolve, reject) => {
      one.settle = (result, ok) => (ok ? resolve : reject)(result);
    });
  }

  function chunk(bytes: Buffer): unknown {
    if (knobs.chunkType === "text") return bytes.toString("utf8");
    if (knobs.chunkType === "view") return realm.view(bytes);
    if (knobs.chunkType === "foreign") return new Uint8Array(bytes).buffer;
    return realm.arrayBuffer(bytes);
  }

  function body(bytes: Buffer, options: RequestOptions): unknown {
    if (options.responseType === "arraybuffer") return realm.arrayBuffer(bytes);
    const text = bytes.toString("utf8");
    if ((options.dataType ?? "json") !== "json") return text;
    try {
      return realm.copy(JSON.parse(text) as unknown);
    } catch {
      return text;
    }
  }
}

function remove(listeners: Listener[], listener: Listener | undefined): void {
  if (listener === undefined) listeners.length = 0;
  else if (listeners.includes(listener)) listeners.splice(listeners.indexOf(listener), 1);
}

/** "对于 GET 方法的数据，会将数据转换成 query string"; for others an object becomes JSON or a form, by its content type. */
function payload(
  url: string,
  method: string,
  type: string,
  data: unknown,
): { url: string; body: Buffer | string | undefined } {
  if (data === undefined || data === null) return { url, body: undefined };
  if (typeof data === "string") return { url, body: data };
  if (Object.prototype.toString.call(data) === "[object ArrayBuffer]")
    return { url, body: Buffer.from(new Uint8Array(data as ArrayBuffer)) };
  const form = Object.entries(data)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join("&");
  if (method === "GET") return { url: `${url}${url.includes("?") ? "&" : "?"}${form}`, body: undefined };
  return { url, body: type.includes("x-www-form-urlencoded") ? form : JSON.stringify(data) };
}
