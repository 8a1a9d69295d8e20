/**
 * What a scripted server says to one request, as data: a list of these is a script, and may stand in JSON.
 * This module is browser compatible.
 */
import { LONGEST_TIMER_MS } from "../guard/timer.ts";
import type { Clock } from "../client/index.ts";
import { encode, encodeComment } from "../wire/encode.ts";

/** A message as it is sent: `data` that is not text goes as JSON. */
export interface TestMessage {
  readonly event?: string;
  readonly data?: unknown;
  readonly id?: string;
  /** Milliseconds. */
  readonly retry?: number;
}

/** One thing that is sent: text and bytes go as they are, whatever they say. */
export type Sent = string | Uint8Array | TestMessage | { readonly comment: string };

/** One thing that is sent; a wait before the next; or a wait until so many milliseconds after the answer began. */
export type Step = Sent | { readonly waitMs: number } | { readonly atMs: number };

export interface Answer {
  /** Default: 200. */
  readonly status?: number;
  /** Default: a `content-type` of `text/event-stream` with status 200, of `text/plain` with others. */
  readonly headers?: { readonly [name: string]: string };
  /** What is sent, each step by itself. Text alone is one step. */
  readonly body?: string | readonly Step[];
  /** Cuts each step into chunks of as many bytes, wherever that falls. Default: a chunk for each step. */
  readonly chunkBytes?: number;
  /**
   * How many bytes of the body are sent, those of all steps together; below 0, how many of its end are not. It may fall inside a
   * message or a character. What follows is then a `"cut"`, unless `then` says otherwise.
   */
  readonly cutAt?: number;
  /**
   * What happens to the response after the body. `"end"`: it ends as HTTP ends one. `"cut"`: the connection breaks.
   * `"stay"`: it stays open, and nothing more comes. Default: `"end"`.
   */
  readonly then?: "end" | "cut" | "stay";
}

/** `"refuse"`: the connection breaks, and there is no response. */
export type AnswerOrRefusal = Answer | "refuse";

/** Where an answer goes: the response of node:http, or of a fetch that is none. */
export interface Outlet {
  /** @param ends - Whether it is known that the response will end well. */
  head(status: number, headers: Record<string, string>, ends: boolean): void;
  /** @returns A promise that settles when the other side has room for more, or has left. */
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
  /** Breaks the connection, after what was written. */
  cut(): void;
  /** How it stands: `"left"` when the other side was the first to go. */
  readonly state: "open" | "ended" | "cut" | "left";
  /** Settles when it is not open any more. */
  readonly closed: Promise<void>;
}

/** Says it. @returns When all is said, or the other side has left. */
export async function give(answer: AnswerOrRefusal, outlet: Outlet, clock: Clock): Promise<void> {
  if (answer === "refuse") return outlet.cut();
  if (typeof answer !== "object" || answer === null) {
    throw new TypeError(
      `Cannot answer: the answer is ${JSON.stringify(answer)}, expected an object such as { body: [{ data: "1" }] }, or "refuse"`,
    );
  }
  const parts = partsOf(answer);
  const startMs = clock.nowMs();
  const { status = 200, then = answer.cutAt === undefined ? "end" : "cut" } = answer;
  if (!["end", "cut", "stay"].includes(then)) {
    throw new TypeError(`Cannot answer: then is ${JSON.stringify(then)}, expected "end", "cut" or "stay"`);
  }
  if (!(Number.isInteger(status) && status >= 200 && status < 600)) {
    throw new RangeError(`Cannot answer: status is ${status}, expected a whole number from 200 to 599`);
  }
  outlet.head(status, headOf(answer), then === "end");
  for (const part of parts) {
    if (outlet.state !== "open") return;
    if (part instanceof Uint8Array) await outlet.write(part);
    else if ("waitMs" in part) await wait(part.waitMs, outlet.closed, clock);
    else {
      const leftMs = startMs + part.atMs - clock.nowMs();
      if (leftMs > 0) await wait(leftMs, outlet.closed, clock);
    }
  }
  if (then === "end") outlet.end();
  else if (then === "cut") outlet.cut();
}

/** The bytes of a step. @throws {TypeError} If it is none, or a message that cannot be expressed. */
export function bytesOf(step: Sent): Uint8Array {
  if (step instanceof Uint8Array) return step;
  if (typeof step === "string") return encoder.encode(step);
  if (typeof step !== "object" || step === null) {
    throw new TypeError(
      `Cannot send ${String(step)}: expected text, bytes or a message such as { data: "1" }`,
    );
  }
  if ("comment" in step) return encoder.encode(encodeComment(step.comment));
  const { data, ...rest } = step;
  if (data === undefined) return encoder.encode(encode(rest));
  return encoder.encode(encode({ ...rest, data: typeof data === "string" ? data : JSON.stringify(data) }));
}

type Part = Uint8Array | { readonly waitMs: number } | { readonly atMs: number };

/** The chunks and the waits between them. */
function partsOf({ body = [], chunkBytes, cutAt }: Answer): Part[] {
  if (chunkBytes !== undefined && !(Number.isInteger(chunkBytes) && chunkBytes > 0)) {
    throw new RangeError(`Cannot answer: chunkBytes is ${chunkBytes}, expected a whole number from 1 on`);
  }
  const steps: Part[] = (typeof body === "string" ? [body] : body).map((step) => {
    if (typeof step !== "object" || step === null || !("waitMs" in step || "atMs" in step))
      return bytesOf(step);
    const [name = "", ms] = Object.entries(step).find(([key]) => key.endsWith("Ms")) ?? [];
    if (!(typeof ms === "number" && ms >= 0 && ms < 2 ** 31)) {
      throw new RangeError(`Cannot answer: ${name} is ${String(ms)}, expected milliseconds from 0 to 2^31-1`);
    }
    return step;
  });
  const total = steps.reduce((sum, step) => sum + (step instanceof Uint8Array ? step.length : 0), 0);
  if (cutAt !== undefined && !(Number.isInteger(cutAt) && Math.abs(cutAt) <= total)) {
    throw new RangeError(
      `Cannot answer: cutAt is ${cutAt}, expected a whole number from ${-total} to ${total}, as many bytes as the body has`,
    );
  }
  let left = cutAt === undefined ? total : cutAt < 0 ? total + cutAt : cutAt;
  const parts: Part[] = [];
  for (const step of steps) {
    if (cutAt !== undefined && left === 0) break;
    if (!(step instanceof Uint8Array)) {
      parts.push(step);
      continue;
    }
    const bytes = step.subarray(0, left);
    left -= bytes.length;
    const size = chunkBytes ?? bytes.length;
    for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
  }
  return parts;
}

function headOf({ status = 200, headers = {} }: Answer): Record<string, string> {
  const head: Record<string, string> = {
    "content-type": status === 200 ? "text/event-stream" : "text/plain; charset=utf-8",
  };
  for (const [name, value] of Object.entries(headers)) head[name.toLowerCase()] = value;
  if (status === 204 || status === 205 || status === 304) delete head["content-type"];
  return head;
}

function wait(ms: number, closed: Promise<void>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(resolve, ms);
    void closed.then(() => {
      clock.clearTimeout(timer);
      resolve();
    });
  });
}

const encoder = new TextEncoder();

/** The platform's own time, looked up at each call. */
export const platformClock: Clock = {
  nowMs: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (run, ms) => setTimeout(run, Math.min(ms, LONGEST_TIMER_MS)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
