/**
 * A server that answers as its script says, request by request, and remembers the requests; how requests reach it and answers
 * leave it is for others (fetch.ts, server.ts).
 * This module is browser compatible.
 */
import { atLeast } from "../guard/least.ts";
import { LONGEST_TIMER_MS } from "../guard/timer.ts";
import type { Clock } from "../client/index.ts";
import {
  type AnswerOrRefusal,
  bytesOf,
  give,
  type Outlet,
  platformClock,
  type Sent,
  type TestMessage,
} from "./answer.ts";

/** An answer, or a function that returns one, called when the request has arrived. */
export type Scripted =
  | AnswerOrRefusal
  | ((request: TestRequest) => AnswerOrRefusal | PromiseLike<AnswerOrRefusal>);

export interface ScriptOptions {
  /** Said to the first request, the second, and so on. */
  script?: readonly Scripted[] | undefined;
  /** Said to whatever comes after the script's end. Default: it waits, until `script` or `answer` says more. */
  otherwise?: Scripted | undefined;
  /** By which the waits of answers are counted. Default: the platform's. */
  clock?: Clock | undefined;
}

/** What came with a request. */
export interface RequestFacts {
  /** In capitals. */
  readonly method: string;
  /** As requested: absolute in a fetch, path and query at a server. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string };
  /** As text, `""` for none. */
  readonly body: string;
}

/** A request, and the response to it. */
export interface TestRequest extends RequestFacts {
  /** `Last-Event-ID`, decoded; `undefined` if it was not sent. */
  readonly lastEventId: string | undefined;
  /** When it came, by the clock of the options. */
  readonly atMs: number;
  /**
   * `"waiting"`: nothing was said yet. `"open"`: the response is under way. It `"ended"`, was `"cut"`, or the client `"left"` first.
   */
  readonly state: "waiting" | Outlet["state"];
  /** Settles when the response is over, one way or another. */
  readonly closed: Promise<void>;
  /** Whether what was written last still waits for the client to take what came before. */
  readonly isStalled: boolean;
  /**
   * Answers, in place of the script. Settles when all is said, or the response is over.
   * @throws {Error} If something was said already, and {TypeError} or {RangeError} if the answer makes no sense.
   */
  answer(answer: AnswerOrRefusal): Promise<void>;
  /** Sends a message. Opens an event stream first, if nothing was said yet. Settles when the client has room for more. */
  send(message: TestMessage): Promise<void>;
  comment(text: string): Promise<void>;
  /** Sends text or bytes as they are: half a message, half a character. */
  write(sent: string | Uint8Array): Promise<void>;
  /** Ends the response as HTTP ends one. */
  end(): void;
  /** Breaks the connection, after what was written. */
  cut(): void;
}

export interface ScriptedServer {
  /** All requests until now, the oldest first; the last 10 000 of them. */
  readonly requests: readonly TestRequest[];
  /** How many responses are under way. */
  readonly connections: number;
  /** Goes on with the script: what waits already is answered first. */
  script(...answers: readonly Scripted[]): void;
  /**
   * The next request that was not returned yet, whether the script answers it or not.
   * @throws {Error} If none came within `withinMs`, by the platform's time. Default: 5000.
   */
  nextRequest(options?: { withinMs?: number }): Promise<TestRequest>;
}

/** What reaches the server by its adapter. */
export interface Acceptor extends ScriptedServer {
  accept(facts: RequestFacts, outlet: Outlet): void;
  /** Cuts the open responses, and rejects those that wait for a request. */
  stop(): void;
}

export function scriptedServer(options: ScriptOptions = {}): Acceptor {
  const { otherwise, clock = platformClock } = options;
  const script: Scripted[] = [...(options.script ?? [])];
  const requests: TestRequest[] = [];
  // Those that nextRequest has not returned yet, and those that nothing was said to.
  const unseen: TestRequest[] = [];
  const unanswered: ((scripted: Scripted) => void)[] = [];
  const waiters: ((request: TestRequest | undefined) => void)[] = [];
  const open = new Set<TestRequest>();
  let count = 0;

  return {
    requests,
    get connections() {
      return open.size;
    },
    script(...answers) {
      script.push(...answers);
      while (script.length > 0 && unanswered.length > 0) unanswered.shift()!(script.shift()!);
    },
    nextRequest({ withinMs = 5000 } = {}) {
      const request = unseen.shift();
      if (request) return Promise.resolve(request);
      atLeast("see the next request", "withinMs", withinMs, 0);
      return new Promise((resolve, reject) => {
        const missed = (why: string) =>
          reject(new Error(`Cannot see the next request: ${why}; ${count} came before`));
        const timer = setTimeout(
          () => {
            waiters.splice(waiters.indexOf(waiter), 1);
            missed(`none came within ${withinMs} ms`);
          },
          Math.min(withinMs, LONGEST_TIMER_MS),
        );
        const waiter = (request: TestRequest | undefined) => {
          clearTimeout(timer);
          if (request) resolve(request);
          else missed("the server was closed");
        };
        waiters.push(waiter);
      });
    },
    accept,
    stop() {
      for (const request of open) request.cut();
      for (const waiter of waiters.splice(0)) waiter(undefined);
    },
  };

  function accept(facts: RequestFacts, outlet: Outlet): void {
    const request = testRequest(facts, outlet, clock, () => {
      const at = unanswered.indexOf(answer);
      if (at >= 0) unanswered.splice(at, 1);
    });
    const answer = (scripted: Scripted): void => {
      void (async () => {
        try {
          const told = await (typeof scripted === "function" ? scripted(request) : scripted);
          await request.answer(told);
        } catch (thrown) {
          // The mistake is the script's, and its author is told by the response too: a client would wait for it.
          let body = "";
          try {
            body = String(thrown);
          } catch {}
          void request.answer({ status: 500, body }).catch(() => {});
          throw thrown;
        }
      })();
    };
    count++;
    open.add(request);
    void outlet.closed.then(() => open.delete(request));
    for (const list of [requests, unseen]) if (list.push(request) > MOST_REQUESTS) list.shift();
    const waiter = waiters.shift();
    if (waiter) waiter(unseen.pop());
    const scripted = script.shift() ?? otherwise;
    if (scripted === undefined) unanswered.push(answer);
    else answer(scripted);
  }
}

function testRequest(facts: RequestFacts, outlet: Outlet, clock: Clock, onAnswered: () => void): TestRequest {
  const header = facts.headers["last-event-id"];
  let answered = false;
  let writing = 0;

  const begin = () => {
    if (answered) throw new Error("Cannot answer request: it was answered already, expected it to wait");
    answered = true;
    onAnswered();
  };
  const write = async (sent: Sent): Promise<void> => {
    const bytes = bytesOf(sent);
    if (!answered) {
      begin();
      outlet.head(200, { "content-type": "text/event-stream" }, false);
    }
    await tracked.write(bytes);
  };
  const tracked: Outlet = {
    head: (status, headers, ends) => outlet.head(status, headers, ends),
    async write(bytes) {
      writing++;
      await outlet.write(bytes);
      writing--;
    },
    end: () => outlet.end(),
    cut: () => outlet.cut(),
    get state() {
      return outlet.state;
    },
    closed: outlet.closed,
  };

  return {
    ...facts,
    lastEventId: header === undefined ? undefined : asText(header),
    atMs: clock.nowMs(),
    closed: outlet.closed,
    get state() {
      return outlet.state === "open" && !answered ? "waiting" : outlet.state;
    },
    get isStalled() {
      return writing > 0 && outlet.state === "open";
    },
    async answer(answer) {
      begin();
      try {
        await give(answer, tracked, clock);
      } catch (thrown) {
        // Nothing was said: it could not even be begun.
        answered = false;
        throw thrown;
      }
    },
    send: write,
    comment: (text) => write({ comment: text }),
    write,
    end() {
      if (!answered) void write("");
      outlet.end();
    },
    cut() {
      answered = true;
      onAnswered();
      outlet.cut();
    },
  };
}

/** A header's characters are its bytes, which are UTF-8. */
function asText(header: string): string {
  if (/[^\0-\u00ff]/.test(header)) return header;
  return new TextDecoder().decode(Uint8Array.from(header, (character) => character.charCodeAt(0)));
}

const MOST_REQUESTS = 10_000;
