/**
 * What the server under test does for each path. Runs inside that server's process, whatever runtime it is, so it knows
 * nothing but the function that opens a stream; what happened there is asked for over HTTP, at `/seen?key=`.
 */
import type { EventStream, Source, StreamOptions } from "../../packages/tidings/src/server/index.ts";

export type Open = (source?: Source, options?: StreamOptions) => EventStream;

/** Answers a request for `target` (a path or a URL, with `?key=` to keep tests apart). */
export function runScenario(target: string, open: Open): EventStream {
  const { pathname, searchParams } = new URL(target, "http://scenario");
  const scenario = scenarios[pathname];
  if (scenario === undefined) throw new TypeError(`No scenario ${pathname}`);
  const key = `${searchParams.get("key")}`;
  if (!seen.has(key)) seen.set(key, []);
  return scenario(open, seen.get(key)!);
}

const seen = new Map<string, string[]>();
const BLOCK = "x".repeat(65_536);

const scenarios: Record<string, (open: Open, seen: string[]) => EventStream> = {
  "/seen": (open, seen) => open([{ data: seen }]),

  "/three": (open, seen) => {
    const stream = open();
    seen.push(stream.send({ data: { time: "10:00:00" } }) === "closed" ? "closed" : "open");
    stream.send({ event: "note", id: "2", data: "你好\nworld 🎉" });
    stream.comment("soon over");
    stream.end();
    seen.push(stream.send({ data: "too late" }));
    void stream.ended.then(({ code }) => seen.push(code));
    return stream;
  },

  "/idle": (open, seen) => {
    const stream = open(undefined, { heartbeatMs: 250 });
    stream.signal.addEventListener("abort", () => seen.push("aborted"));
    void stream.ended.then(({ code }) => seen.push(code, stream.send({ data: 1 })));
    return stream;
  },

  "/counted": (open, seen) => {
    const stream = open();
    const count = (change: number): void => void (seen[0] = String(Number(seen[0] ?? 0) + change));
    if (!stream.closed) {
      seen[1] = "opened";
      count(1);
      void stream.ended.then(() => count(-1));
    }
    return stream;
  },

  "/paced": (open) => {
    const stream = open();
    stream.send({ data: 1 });
    setTimeout(() => stream.send({ data: 2 }), 250);
    setTimeout(() => stream.end(), 500);
    return stream;
  },

  "/flood": (open, seen) => {
    const stream = open(undefined, { maxBufferedBytes: 262_144 });
    let most = 0;
    const more = () => {
      for (let i = 0; i < 16 && stream.send({ data: BLOCK }) !== "closed"; i++)
        most = Math.max(most, stream.bufferedBytes);
      if (!stream.closed) setTimeout(more, 1);
    };
    setTimeout(more, 1);
    void stream.ended.then(({ code }) => seen.push(code, String(most)));
    return stream;
  },

  "/pulled": (open, seen) =>
    open(function* () {
      for (let count = 1; ; count++) {
        seen[0] = String(count);
        yield { data: BLOCK };
      }
    }),

  "/generator": (open, seen) =>
    open(async function* () {
      try {
        for (let i = 1; i <= 5; i++) {
          await Promise.resolve();
          yield { id: String(i), data: i };
        }
      } finally {
        seen.push("returned");
      }
    }),

  "/endless": (open, seen) =>
    open(
      async function* ({ signal }) {
        try {
          for (let i = 1; ; i++) {
            yield { data: i };
            await new Promise((resolve) => {
              setTimeout(resolve, 20);
              // In Workers no timer of a request fires once its peer has left.
              signal.addEventListener("abort", resolve);
            });
          }
        } finally {
          seen.push("returned");
        }
      },
      { heartbeatMs: 250 },
    ),

  "/failing": (open, seen) => {
    const stream = open(
      async function* () {
        yield { data: "before" };
        // The usual way to say why: it arrives, though the response is cut right behind it.
        yield { event: "error", data: "out of tokens" };
        throw new Error("out of tokens");
      },
      { onError: (error) => seen.push(String(error)) },
    );
    void stream.ended.then(({ code }) => seen.push(code));
    return stream;
  },

  "/refused": (open) =>
    open(async function* () {
      try {
        yield { event: "a\nevent: admin", data: 1 };
      } catch (error) {
        yield { event: "refused", data: String(error) };
      }
      yield { data: "goes on" };
    }),

  "/options": (open) => {
    const stream = open(undefined, {
      status: 201,
      retryMs: 1234,
      headers: { "x-one": "1", "set-cookie": ["a=1", "b=2"] },
    });
    stream.send({ event: "last-event-id", data: stream.lastEventId });
    stream.end();
    return stream;
  },

  "/large": (open, seen) => {
    const stream = open();
    stream.send({ data: Array<string>(64).fill(BLOCK).join("\n") });
    stream.end();
    void stream.ended.then(({ code }) => seen.push(code));
    return stream;
  },
};
