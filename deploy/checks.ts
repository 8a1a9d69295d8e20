/**
 * What a path has to do for event streams, each as a question to one proxy with one server behind it.
 */
import type { Origin, OriginStream } from "./origin.ts";
import { openReader, type Reader, type ReaderOptions } from "./reader.ts";

/** A proxy, seen from its client, and the server behind it. */
export interface Route {
  readonly url: string;
  readonly origin: Origin;
  readonly request?: ReaderOptions;
  /**
   * How long to wait for what should happen before the answer is no. Generous where a yes is expected, since a busy machine is
   * slow and a yes comes as soon as it can.
   */
  readonly patienceMs: number;
}

export interface OpenRoute {
  readonly stream: OriginStream;
  readonly reader: Reader;
}

let requests = 0;

/** Opens one stream, at a path of its own, hands it to `use`, and leaves. */
export async function through(
  { url, origin, request, patienceMs }: Route,
  use: (
    open: OpenRoute & { readonly path: string },
    happens: (event: Promise<unknown>) => Promise<boolean>,
  ) => Promise<boolean>,
): Promise<boolean> {
  const path = `/${++requests}`;
  const reader = openReader(url + path, request);
  const happens = (event: Promise<unknown>): Promise<boolean> => happensWithin(patienceMs, event);
  try {
    return await use({ reader, path, stream: await origin.next(path) }, happens);
  } finally {
    reader.leave();
  }
}

/** How long what should happen is waited for. */
const YES_MS = 15_000;
/** What has not happened by now is held back: nothing else happens on its path that it could wait for. */
export const NO_MS = 500;
export const PAGE_BYTES = 4096;
const SIZES = [PAGE_BYTES, 5000, 16_384, 65_536];

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether something happens within `ms`; for showing that something is held back. */
export const happensWithin = (ms: number, event: Promise<unknown>): Promise<boolean> =>
  Promise.race([event.then(() => true), sleep(ms).then(() => false)]);

const isPatient = ({ patienceMs }: Route): boolean => patienceMs > NO_MS;

export const checks = {
  /** The headers arrive before there is anything of the body but what the server begins with. */
  "headers at once": (route) => through(route, ({ reader }, happens) => happens(reader.response)),

  /** Each event is read before the next one is sent. */
  "one by one": (route) =>
    through(route, async ({ stream, reader }, happens) => {
      for (let index = 0; index < 8; index++) {
        stream.send(String(index));
        if (!(await happens(reader.arrival(String(index))))) return false;
      }
      return true;
    }),

  /** Half of the events arrive within 100 ms of being sent, so the path itself adds less than that. */
  "within 100 ms": (route) =>
    through(route, async (open, happens) => {
      // A busy machine may be late for a while; a proxy that delays is late each time.
      for (let round = 1; round <= (isPatient(route) ? 10 : 1); round++) {
        const lags: number[] = [];
        for (let index = 0; index < 9; index++) {
          const id = `${round}.${index}`;
          const sentAt = open.stream.send(id);
          if (!(await happens(open.reader.arrival(id)))) return false;
          lags.push((await open.reader.arrival(id)) - sentAt);
        }
        if ((lags.sort((a, b) => a - b)[4] ?? Number.NaN) < 100) return true;
      }
      return false;
    }),

  /** An event of 4 to 64 KiB arrives whole, with nothing sent after it. */
  "large ones whole": (route) =>
    through(route, async ({ stream, reader }, happens) => {
      for (const bytes of SIZES) {
        stream.send(String(bytes), bytes);
        if (!(await happens(reader.arrival(String(bytes))))) return false;
      }
      return true;
    }),

  /** Two clients that ask for the same are two for the server, so what is meant for one does not reach the other. */
  "a stream each": (route) =>
    through(route, async ({ path }, happens) => {
      const second = openReader(route.url + path, route.request);
      const both = await happens(route.origin.next(path));
      second.leave();
      return both;
    }),

  /** A client that leaves is gone for the server within 100 ms, and nothing is written to find out. */
  "client left": async (route) => {
    const leave = (): Promise<number> => timeToNotice(route);
    // Once is enough: a busy machine may be late, and a proxy that says nothing is never in time.
    return (
      (await leave()) < 100 || (route.patienceMs > NO_MS && ((await leave()) < 100 || (await leave()) < 100))
    );
  },

  /** A server that dies in the middle of a stream looks to the client like one that died. */
  "server crashed": (route) =>
    through(route, async ({ stream, reader }, happens) => {
      stream.send("last");
      await happensWithin(NO_MS, reader.arrival("last"));
      stream.crash();
      return (await happens(reader.ended)) && (await reader.ended) === "cut";
    }),

  /** A server whose client has stopped reading can tell, before the proxy has taken all there is. */
  "slow client": (route) =>
    through(route, async ({ stream, reader }) => {
      stream.send("first");
      await happensWithin(NO_MS, reader.pause());
      // What a busy proxy takes slowly is taken all the same, where that is expected.
      return (await bytesTaken(stream, isPatient(route) ? 1000 : 20_000)) < MORE_THAN_SOCKETS_HOLD_BYTES;
    }),
} satisfies Record<string, (route: Route) => Promise<boolean>>;

/** How long the server takes to learn that its client left, in milliseconds. */
async function timeToNotice(route: Route): Promise<number> {
  let ms = Number.POSITIVE_INFINITY;
  await through(route, async ({ stream, reader }, happens) => {
    stream.send("first");
    // It would tell the proxy that the client left, were it still on its way.
    await happensWithin(NO_MS, reader.arrival("first"));
    const leftAt = performance.now();
    reader.leave();
    const noticed = await happens(stream.closed);
    if (noticed) ms = performance.now() - leftAt;
    return noticed;
  });
  return ms;
}

const isCheck = (name: string): name is keyof typeof checks => Object.hasOwn(checks, name);

/** Asks a proxy what is said of it: a yes is given time, a no is believed soon. @returns The answers, in the same order. */
export async function answersOf(
  route: Omit<Route, "patienceMs">,
  said: Readonly<Record<string, boolean>>,
): Promise<Record<string, boolean>> {
  const answers: Record<string, boolean> = {};
  for (const [name, yes] of Object.entries(said)) {
    if (!isCheck(name)) throw new Error(`Cannot ask a proxy: there is no check called ${name}`);
    answers[name] = await checks[name]({ ...route, patienceMs: yes ? YES_MS : NO_MS });
  }
  return answers;
}

/** How many times the server writes until it learns that its client left. */
export async function writesUntilClosed(stream: OriginStream): Promise<number> {
  for (let writes = 1; ; writes++) {
    stream.send(`anyone there? ${writes}`);
    if (await happensWithin(200, stream.closed)) return writes;
  }
}

const MORE_THAN_SOCKETS_HOLD_BYTES = 48_000_000;

/** Writes until nobody takes more for `stallMs`, or until more was taken than sockets can hold. */
async function bytesTaken({ response }: OriginStream, stallMs: number): Promise<number> {
  const chunk = 1_000_000;
  let taken = 0;
  while (taken < MORE_THAN_SOCKETS_HOLD_BYTES) {
    const drained = new Promise((resolve) => response.write("x".repeat(chunk), resolve));
    if (!(await happensWithin(stallMs, drained))) break;
    taken += chunk;
  }
  return taken;
}
