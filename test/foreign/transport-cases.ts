/** What stands under a connection: parsers and readers of streams, sinks of transports, and the standard's EventSource. */
import { expect } from "vitest";
import { EventSource } from "../../packages/tidings/src/client/event-source.ts";
import { fetchTransport } from "../../packages/tidings/src/client/transports/fetch.ts";
import { createParser, readMessages } from "../../packages/tidings/src/index.ts";
import { fails, isForeign, shown } from "./bad-code.ts";
import { type Case, closers, events, expectNothingUncaught, listen, settle, uncaught } from "./harness.ts";

/** Nobody can be told more than what whoever calls is thrown. */
const ofParser: Case = async (bad) => {
  let reentered = 0;
  const parser = createParser({
    onMessage: bad.make(() => void (reentered += 1)),
  });
  for (let n = 0; n < 3; n += 1) {
    try {
      parser.push("data: 1\n\ndata: 2\n\n");
      expect(bad.kind).not.toBe("throws");
    } catch (error) {
      if (!isForeign(error)) expect(String(error)).toContain("expected reset() first");
    }
  }
  await settle();
  if (bad.kind !== "rejects") expectNothingUncaught();
};

const ofReadMessages: Case = async (bad) => {
  const given = bad.make(() => undefined);
  const sources: unknown[] = [{ [Symbol.asyncIterator]: given }, { getReader: given }, given];
  for (const source of sources) {
    const read = (async () => {
      for await (const _ of readMessages(source as never)) return "message";
      return "end";
    })().catch(() => "thrown");
    await Promise.race([read, settle()]);
  }
  expectNothingUncaught();
};

/** As the platform does it: a listener that fails is uncaught, and the others hear. */
const ofEventSource =
  (how: "listener" | "handleEvent" | "onmessage"): Case =>
  async (bad) => {
    const url = await listen(events);
    const source = new EventSource(url);
    closers.push(() => source.close());
    let calls = 0;
    const made = bad.make(() => source.close());
    const code = (): unknown => {
      calls += 1;
      return made();
    };
    let heard = 0;
    if (how === "onmessage") source.onmessage = code;
    else source.addEventListener("message", how === "listener" ? code : { handleEvent: code });
    source.addEventListener("message", () => void (heard += 1));
    source.addEventListener("error", () => source.close());
    await expect.poll(() => heard).toBeGreaterThan(0);
    await expect.poll(() => source.readyState).toBe(2);
    await settle();
    const due = bad.kind === "throws" || bad.kind === "rejects" ? calls : 0;
    expect(uncaught.filter(isForeign).length).toBe(bad.kind === "unreadable" ? uncaught.length : due);
    expect(uncaught.filter((error) => !isForeign(error)).map(shown)).toEqual([]);
  };

const ofEventSourceInit =
  (name: "fetch" | "headers"): Case =>
  async (bad) => {
    const url = await listen(events);
    const causes: unknown[] = [];
    const source = new EventSource(url, { [name]: bad.make(() => source.close()) as never });
    closers.push(() => source.close());
    source.addEventListener("error", ({ error }) => {
      causes.push(error?.cause);
      source.close();
    });
    for (let turn = 0; turn < 20 && source.readyState !== 2; turn += 1) await settle();
    source.close();
    await settle();
    if (fails(bad)) expect(causes.map(shown)).toEqual([shown(bad.thrown)]);
    expectNothingUncaught();
  };

/** A sink that fails is told so itself, where it still can be. */
const ofSink =
  (name: "onResponse" | "onBytes" | "onEnd" | "onError"): Case =>
  async (bad) => {
    const url = name === "onError" ? "http://127.0.0.1:1/" : await listen(events);
    const errors: unknown[] = [];
    let abort = (): void => undefined;
    let calls = 0;
    const made = bad.make(() => abort());
    const code = (): unknown => {
      calls += 1;
      return made();
    };
    const sink = {
      onResponse: () => undefined,
      onBytes: () => undefined,
      onEnd: () => undefined,
      onError: (error: unknown) => void errors.push(error),
      [name]: code,
    };
    const request: { abort(): void } = fetchTransport().open({ url, method: "GET", headers: {} }, sink);
    abort = () => request.abort();
    await expect.poll(() => calls).toBeGreaterThan(0);
    await settle();
    abort();
    const isTold = name === "onResponse" || name === "onBytes";
    const isHeard = bad.kind === "throws" || (bad.kind !== "nonsense" && fails(bad) && name !== "onResponse");
    if (isTold && isHeard) expect(errors.map(shown)).toEqual([shown(bad.thrown)]);
    expect(uncaught.filter((error) => !isForeign(error)).map(shown)).toEqual([]);
    expect(uncaught.length).toBeLessThanOrEqual(Number(fails(bad)));
  };

export const transportCases: Readonly<Record<string, Case>> = {
  "EventSource.addEventListener(listener)": ofEventSource("listener"),
  "EventSource.addEventListener(listener).handleEvent": ofEventSource("handleEvent"),
  "EventSourceInit.fetch": ofEventSourceInit("fetch"),
  "EventSourceInit.headers": ofEventSourceInit("headers"),
  "TransportSink.onResponse": ofSink("onResponse"),
  "TransportSink.onBytes": ofSink("onBytes"),
  "TransportSink.onEnd": ofSink("onEnd"),
  "TransportSink.onError": ofSink("onError"),
  "ParserHandlers.onMessage": ofParser,
  "readMessages(source)": ofReadMessages,
};
