/**
 * The realm's event loop: timers and callbacks that stand still while the program is frozen in the background.
 * An exception in a callback ends that callback alone, as in a mini program, and is kept for the test to see.
 */
export interface Loop {
  setTimeout: (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => number;
  clearTimeout: (id: number) => void;
  setInterval: (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => number;
  /** Calls back in a turn of its own, in order, and not while frozen. */
  post(callback: () => void): void;
  /** Calls now. @returns What it returned; `undefined` if it threw. */
  call<T>(callback: () => T): T | undefined;
  freeze(): void;
  thaw(): void;
  readonly frozen: boolean;
  /** Timers that wait. */
  readonly timers: number;
  readonly errors: unknown[];
  stop(): void;
}

interface Timer {
  callback: () => void;
  due: number;
  everyMs: number | undefined;
  handle: NodeJS.Timeout | undefined;
}

export function createLoop(): Loop {
  const timers = new Map<number, Timer>();
  const posted: (() => void)[] = [];
  const errors: unknown[] = [];
  let nextId = 1;
  let frozen = false;
  let stopped = false;
  let pumping = false;

  return {
    setTimeout: (callback, ms = 0, ...args) => add(() => callback(...args), ms, undefined),
    setInterval: (callback, ms = 0, ...args) => add(() => callback(...args), ms, ms),
    clearTimeout(id) {
      clearTimeout(timers.get(id)?.handle);
      timers.delete(id);
    },
    post(callback) {
      if (stopped) return;
      posted.push(callback);
      pump();
    },
    call,
    freeze() {
      frozen = true;
      for (const timer of timers.values()) clearTimeout(timer.handle);
    },
    thaw() {
      if (!frozen) return;
      frozen = false;
      for (const [id, timer] of timers) arm(id, timer);
      pump();
    },
    get frozen() {
      return frozen;
    },
    get timers() {
      return timers.size;
    },
    errors,
    stop() {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer.handle);
      timers.clear();
      posted.length = 0;
    },
  };

  function add(callback: () => void, ms: number, everyMs: number | undefined): number {
    const id = nextId++;
    if (stopped) return id;
    const timer: Timer = { callback, due: Date.now() + (ms || 0), everyMs, handle: undefined };
    timers.set(id, timer);
    if (!frozen) arm(id, timer);
    return id;
  }

  function arm(id: number, timer: Timer): void {
    timer.handle = setTimeout(
      () => {
        if (timer.everyMs === undefined) timers.delete(id);
        else {
          timer.due = Date.now() + timer.everyMs;
          arm(id, timer);
        }
        call(timer.callback);
      },
      Math.max(0, timer.due - Date.now()),
    );
  }

  function pump(): void {
    if (pumping || frozen || stopped || posted.length === 0) return;
    pumping = true;
    setImmediate(() => {
      pumping = false;
      if (frozen || stopped) return;
      const callback = posted.shift();
      if (callback) call(callback);
      pump();
    });
  }

  function call<T>(callback: () => T): T | undefined {
    try {
      return callback();
    } catch (error) {
      errors.push(error);
      return undefined;
    }
  }
}
