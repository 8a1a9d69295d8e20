import { EventEmitter } from "node:events";
import { Observable } from "rxjs";
import { describe, expect, test } from "vitest";
import { openStream, type StreamOptions } from "./open-stream.ts";

test.each<[options: object, reason: string]>([
  [{ heartbeatMS: 1 }, "Cannot open event stream: there is no option heartbeatMS, expected heartbeatMs"],
  [{ compresion: true }, "there is no option compresion, expected compression"],
  [{ data: "x" }, "there is no option data, expected one of status, headers, retryMs"],
  [{ topics: ["a"] }, "there is no option topics, expected one of status"],
])("openStream(request, %j) is refused before anything is sent", (options, reason) => {
  const request = new Request("http://localhost/");
  expect(() => openStream(request, options as StreamOptions)).toThrow(reason);
  expect(() => openStream(request, [], options as StreamOptions)).toThrow(reason);
});

test("every option may be there, and undefined", async () => {
  const { response } = openStream(new Request("http://localhost/"), [{ data: "x" }], {
    status: 201,
    methods: ["GET"],
    headers: { "x-a": "b" },
    retryMs: 5,
    heartbeatMs: false,
    maxBufferedBytes: 1_000,
    maxTotalBufferedBytes: 1_000,
    maxMessageBytes: 1_000,
    stallMs: false,
    compression: false,
    checkEvents: true,
    onError: () => undefined,
    events: undefined as never,
  });
  expect([response.status, await response.text()]).toEqual([201, expect.stringContaining("data: x\n\n")]);
});

describe("a source that is none", () => {
  const request = (): Request => new Request("http://localhost/");

  test.each<[what: string, source: unknown, reason: string]>([
    [
      "a promise",
      Promise.resolve([]),
      "source is a Promise, expected a function, an iterable, an async iterable, a ReadableStream, or options (await it)",
    ],
    ["a thenable", { then: () => undefined }, "source is an object, expected a function"],
    [
      "a Response",
      new Response("x"),
      "source is a Response, expected a function, an iterable, an async iterable, a ReadableStream, or options (give readMessages(response))",
    ],
    [
      "an Observable",
      new Observable(),
      "source is a Observable, expected a function, an iterable, an async iterable, a ReadableStream, or options (subscribe to it, and send() what it emits)",
    ],
    ["an emitter", new EventEmitter(), "source is a EventEmitter, expected"],
    [
      "a Map",
      new Map([["a", 1]]),
      "source is a Map, expected a function, an iterable, an async iterable, a ReadableStream, or options (give its values())",
    ],
    [
      "bytes",
      new Uint8Array(3),
      "source is a Uint8Array, expected a function, an iterable, an async iterable, a ReadableStream, or options (decode it)",
    ],
    ["a Date", new Date(0), "source is a Date, expected"],
    ["a number", 1, "source is 1, expected"],
    ["text", "data", 'source is "data", expected'],
    ["null", null, "source is null, expected"],
  ])("%s is refused by the call", (_what, source, reason) => {
    expect(() => openStream(request(), source as never)).toThrow(`Cannot open event stream: ${reason}`);
    expect(() => openStream(request(), source as never, {})).toThrow(`Cannot open event stream: ${reason}`);
  });

  test.each<[options: unknown, reason: string]>([
    [null, "options is null, expected an object"],
    [Promise.resolve({}), "options is a Promise, expected an object"],
    [[{ data: 1 }], "options is an array of 1, expected an object"],
  ])("options that are %o are refused", (options, reason) => {
    expect(() => openStream(request(), [], options as never)).toThrow(reason);
    expect(() => openStream(request(), undefined, options as never)).toThrow(reason);
  });

  test("a source behind the options is refused, and options behind no source are heard", async () => {
    expect(() => openStream(request(), { retryMs: 1 }, [{ data: 1 }] as never)).toThrow(
      "Cannot open event stream: an array of 1 follows the options, expected a source before them",
    );
    const options = { status: 201 };
    for (const source of [undefined, options]) {
      const { response } = openStream(request(), source, options);
      expect(response.status).toBe(201);
      await response.body!.cancel();
    }
  });

  test("options may be of a class", async () => {
    class Ours {
      status = 201;
    }
    const { response } = openStream(request(), new Ours());
    expect(response.status).toBe(201);
    await response.body!.cancel();
  });

  const bytes = (): ReadableStream<Uint8Array> => new Response("data: 1\n\n").body!;

  test.each<[what: string, source: () => unknown, reason: string]>([
    [
      "bytes",
      bytes,
      "message is a Uint8Array, expected an object such as { data }: decode it, or read a response with readMessages",
    ],
    ["bytes that a function gives", () => bytes, "message is a Uint8Array"],
    [
      "a token alone",
      () => [{ token: "x" }],
      'message has "token" and no data, expected an object such as { data: { token: … } }',
    ],
    ["a token with an id", () => [{ id: "1", token: "x" }], 'message has "token" and no data'],
    ["a list", () => [["a", 1]], "message is an array of 2, expected an object such as { data }"],
    ["nothing", () => [{}], 'data is undefined, expected a value that JSON can carry, or text ("" too)'],
    ["undefined data", () => [{ data: undefined }], "data is undefined, expected"],
    [
      "a promise that a function gives",
      () => async () => Promise.resolve(new Map()),
      "the source is a Map, expected an iterable, an async iterable or a ReadableStream (give its values())",
    ],
  ])("what it yields is refused: %s", async (_what, source, reason) => {
    const errors: unknown[] = [];
    const stream = openStream(request(), source() as never, { onError: (error) => errors.push(error) });
    await expect(stream.response.text()).rejects.toThrow(/was cut|source/);
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining(reason) })]);
    expect((await stream.ended).code).toBe("source-failed");
  });
});
