/** A source is stopped with its stream, whatever ends that. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { openStream } from "./open-stream.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

interface Watched {
  readonly source: ReadableStream<{ data: unknown }> | AsyncGenerator<{ data: unknown }>;
  readonly stopped: unknown[];
}

const kinds: Record<string, (first: unknown) => Watched> = {
  "a ReadableStream that waits"(first) {
    const stopped: unknown[] = [];
    const source = new ReadableStream<{ data: unknown }>({
      start: (controller) => controller.enqueue({ data: first }),
      cancel: (reason) => void stopped.push(reason),
    });
    return { source, stopped };
  },
  "a generator that was made before"(first) {
    const stopped: unknown[] = [];
    const source = (async function* () {
      try {
        for (;;) {
          yield { data: first };
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      } finally {
        stopped.push(undefined);
      }
    })();
    return { source, stopped };
  },
};

describe.each(Object.entries(kinds))("%s", (_name, make) => {
  it("is stopped when its peer leaves, on node:http", async () => {
    const { source, stopped } = make("1");
    const server = createServer((request, response) => void openStream(request, response, source));
    await once(server.listen(0, "127.0.0.1"), "listening");
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    let text = "";
    socket.on("data", (bytes) => void (text += String(bytes))).write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => text).toContain("data: 1");
    expect(stopped).toEqual([]);
    socket.destroy();
    await expect.poll(() => stopped).toHaveLength(1);
    expect([undefined, "peer-left"]).toContain((stopped[0] as { code?: string } | undefined)?.code);
  });

  it("is stopped when its peer leaves, with the Fetch API", async () => {
    const { source, stopped } = make("1");
    const { response } = openStream(new Request("http://a/"), source);
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await expect.poll(() => stopped).toHaveLength(1);
  });

  it("is stopped when its stream is ended", async () => {
    const { source, stopped } = make("1");
    const stream = openStream(new Request("http://a/"), source);
    const text = stream.response.text();
    await new Promise((resolve) => setTimeout(resolve, 10));
    stream.end();
    expect(await text).toContain("data: 1");
    await expect.poll(() => stopped).toHaveLength(1);
  });

  it("is stopped when what it gives cannot be sent", async () => {
    const { source, stopped } = make(1n);
    const errors: unknown[] = [];
    const { response } = openStream(new Request("http://a/"), source, {
      onError: (error) => errors.push(error),
    });
    await expect(response.text()).rejects.toMatchObject({ code: "source-failed" });
    expect(errors).toMatchObject([{ message: expect.stringContaining("data is not JSON") }]);
    await expect.poll(() => stopped).toHaveLength(1);
  });
});

it("keeps nothing of a message that was sent, while the source goes on", async () => {
  const messages: WeakRef<object>[] = [];
  let isWaiting = false;
  const source = async function* ({ signal }: { signal: AbortSignal }): AsyncGenerator<{ data: object }> {
    for (let n = 0; n < 500; n += 1) {
      const data = { n };
      messages.push(new WeakRef(data));
      yield { data };
    }
    isWaiting = true;
    await once(signal, "abort");
  };
  // The last read is answered by a heartbeat.
  const { response } = openStream(new Request("http://a/"), source, { heartbeatMs: 20 });
  const reader = response.body!.getReader();
  while (!isWaiting) await reader.read();
  const alive = (): number => {
    gc();
    return messages.filter((message) => message.deref() !== undefined).length;
  };
  await expect.poll(alive).toBeLessThan(10);
  await reader.cancel();
});

describe("a source that never waits, whose peer takes all", () => {
  const endless: Record<string, () => unknown> = {
    *"an iterable"() {
      for (;;) yield { data: "x" };
    },
    async *"a generator"() {
      for (;;) yield { data: "x" };
    },
    "one that yields what cannot be sent"() {
      const wrong = () => Promise.resolve({ done: false, value: { data: 1n } });
      return {
        [Symbol.asyncIterator]: () => ({
          next: wrong,
          throw: wrong,
          return: () => Promise.resolve({ done: true }),
        }),
      };
    },
  };
  it.each(Object.keys(endless))("lets the event loop turn: %s", async (name) => {
    const stream = openStream(new Request("http://127.0.0.1/"), endless[name]!() as never);
    const reader = stream.response.body!.getReader();
    const reading = (async () => {
      while (!(await reader.read()).done);
    })();
    // Without turns of the event loop it would never come to this.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await reader.cancel();
    await reading;
    expect((await stream.ended).code).toBe("peer-left");
  });

  it("so does a loop of the application that waits for ready", async () => {
    const stream = openStream(new Request("http://127.0.0.1/"));
    const reader = stream.response.body!.getReader();
    const reading = (async () => {
      while (!(await reader.read()).done);
    })();
    let stop = false;
    setTimeout(() => (stop = true), 20);
    while (!stop) {
      stream.send({ data: "x" });
      await stream.ready;
    }
    stream.end();
    await reading;
    expect((await stream.ended).code).toBe("ended");
  });
});
