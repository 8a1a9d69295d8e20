/** The clients that people have, by their own packages, read our answers: each to its end, and each learns of a failure. */
import { JsonRpcTransportFactory } from "@a2a-js/sdk/client";
import { HttpAgent } from "@ag-ui/client";
import Anthropic from "@anthropic-ai/sdk";
import * as ai7 from "ai";
import * as ai6 from "ai-6";
import OpenAI from "openai";
import { a2a, agUi, aiSdk, anthropic, openai, type AiSdkPart } from "tidings/dialects";
import { afterEach, describe, expect, it } from "vitest";
import { script, serve, type Served } from "./server.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (let one = open.pop(); one !== undefined; one = open.pop()) await one.close();
});

async function started<Item>(...args: Parameters<typeof serve<Item>>): Promise<Served<Item>> {
  const served = await serve(...args);
  open.push(served);
  return served;
}

describe.each([
  ["6", ai6 as unknown as typeof ai7],
  ["7", ai7],
])("the AI SDK %s, DefaultChatTransport", (_version, ai) => {
  const message = { id: "u1", role: "user" as const, parts: [{ type: "text" as const, text: "hi" }] };

  function parts(...deltas: string[]): AiSdkPart[] {
    return [
      { type: "start", messageId: "m1" },
      { type: "text-start", id: "t" },
      ...deltas.map((delta) => ({ type: "text-delta", id: "t", delta })),
    ];
  }
  const END: AiSdkPart[] = [{ type: "text-end", id: "t" }, { type: "finish" }];

  function send(url: string, chatId = "c1"): Promise<ReadableStream<ai7.UIMessageChunk>> {
    const transport = new ai.DefaultChatTransport({ api: `${url}/chat` });
    return transport.sendMessages({
      chatId,
      messages: [message],
      trigger: "submit-message",
      messageId: undefined,
      abortSignal: undefined,
    });
  }

  function resume(url: string, chatId = "c1"): Promise<ReadableStream<ai7.UIMessageChunk> | null> {
    return new ai.DefaultChatTransport({ api: `${url}/chat` }).reconnectToStream({ chatId });
  }

  /** The text of the assistant's message, assembled by the package. */
  async function textOf(stream: ReadableStream<ai7.UIMessageChunk>): Promise<string> {
    let last: ai7.UIMessage | undefined;
    for await (const one of ai.readUIMessageStream({ stream, terminateOnError: true })) last = one;
    return (last?.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("");
  }

  it("sends, and reads the whole answer", async () => {
    const { url } = await started(aiSdk(), async function* () {
      yield* parts("你", "好", "!");
      yield* END;
    });
    expect(await textOf(await send(url))).toBe("你好!");
  });

  it("resumes what runs, from its beginning, and gets null for what does not", async () => {
    const steps = script<AiSdkPart>();
    const { url, calls } = await started(aiSdk(), (signal) => steps.source(signal));
    expect(await resume(url)).toBeNull();
    for (const part of parts("你")) steps.yield(part);
    const first = await send(url);
    const second = await resume(url);
    steps.yield({ type: "text-delta", id: "t", delta: "好" });
    for (const part of END) steps.yield(part);
    steps.end();
    expect(await Promise.all([textOf(first), textOf(second!)])).toEqual(["你好", "你好"]);
    expect(await resume(url)).toBeNull();
    expect(calls()).toBe(1);
  });

  it("sends what the package's own stream makes", async () => {
    const { url } = await started(
      aiSdk(),
      () =>
        ai.createUIMessageStream({
          execute({ writer }) {
            for (const part of [...parts("a", "b"), ...END]) writer.write(part as ai7.UIMessageChunk);
          },
        }) as ReadableStream<AiSdkPart>,
    );
    expect(await textOf(await send(url))).toBe("ab");
  });

  it("learns of a failure, with the words that the application chose", async () => {
    const { url } = await started(aiSdk(), async function* () {
      yield* parts("half");
      throw new Error("the model is gone");
    });
    await expect(textOf(await send(url))).rejects.toThrow("the model is gone");
  });

  it("learns of a stop, which is no error, and a stale stop is harmless", async () => {
    const steps = script<AiSdkPart>();
    const { url } = await started(aiSdk(), (signal) => steps.source(signal));
    for (const part of parts("half")) steps.yield(part);
    const stream = await send(url);
    const stop = async (): Promise<number> => (await fetch(`${url}/chat/c1`, { method: "DELETE" })).status;
    const chunks: string[] = [];
    const reading = (async () => {
      for await (const { type } of stream) chunks.push(type);
    })();
    await expect.poll(() => chunks).toContain("text-delta");
    expect([await stop(), await stop()]).toEqual([200, 404]);
    await reading;
    expect(chunks.at(-1)).toBe("abort");
  });
});

describe("the openai package", () => {
  const client = (url: string): OpenAI => new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 });
  const chunk = (content: string): object => ({
    id: "c",
    object: "chat.completion.chunk",
    created: 1,
    model: "m",
    choices: [{ index: 0, delta: { content }, finish_reason: null }],
  });

  async function chat(url: string): Promise<string> {
    const stream = await client(url).chat.completions.create({
      model: "m",
      messages: [{ role: "user", content: "hi" }],
      stream: true,
    });
    let text = "";
    for await (const part of stream) text += part.choices[0]!.delta.content ?? "";
    return text;
  }

  it("reads chat completions", async () => {
    const { url } = await started(openai(), async function* () {
      yield* ["你", "好"].map(chunk);
    });
    expect(await chat(url)).toBe("你好");
  });

  it("learns that a completion failed", async () => {
    const { url } = await started(openai(), async function* () {
      yield chunk("half");
      throw new Error("the model is gone");
    });
    await expect(chat(url)).rejects.toThrow("the model is gone");
  });

  it("reads events of the Responses API to the final response", async () => {
    const response = { id: "r", object: "response", output: [], status: "in_progress" };
    const place = { output_index: 0, content_index: 0, item_id: "i" };
    const item = { type: "message", id: "i", role: "assistant", content: [], status: "in_progress" };
    const part = { type: "output_text", text: "你好", annotations: [] };
    const finished = { ...item, content: [part], status: "completed" };
    const events = [
      { type: "response.created", response },
      { type: "response.output_item.added", output_index: 0, item },
      { type: "response.content_part.added", ...place, part: { ...part, text: "" } },
      { type: "response.output_text.delta", ...place, delta: "你好" },
      { type: "response.output_text.done", ...place, text: "你好" },
      { type: "response.content_part.done", ...place, part },
      { type: "response.output_item.done", output_index: 0, item: finished },
      { type: "response.completed", response: { ...response, output: [finished], status: "completed" } },
    ];
    const { url } = await started(openai(), async function* () {
      for (const [sequence_number, event] of events.entries()) yield { sequence_number, ...event };
    });
    const stream = client(url).responses.stream({ model: "m", input: "hi" });
    let text = "";
    stream.on("response.output_text.delta", ({ delta }) => (text += delta));
    expect((await stream.finalResponse()).status).toBe("completed");
    expect(text).toBe("你好");
  });

  it("learns that a response failed", async () => {
    const { url } = await started(openai(), async function* () {
      yield { type: "response.created", sequence_number: 0, response: { id: "r", output: [] } };
      throw new Error("the model is gone");
    });
    const stream = await client(url).responses.create({ model: "m", input: "hi", stream: true });
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow("the model is gone");
  });
});

describe("the Anthropic package", () => {
  const events = [
    {
      type: "message_start",
      message: {
        id: "m",
        type: "message",
        role: "assistant",
        model: "x",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "ping" },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "你好" } },
  ];
  const rest = [
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } },
  ];

  function ask(url: string): ReturnType<Anthropic["messages"]["stream"]> {
    return new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0 }).messages.stream({
      model: "x",
      max_tokens: 10,
      messages: [{ role: "user", content: "hi" }],
    });
  }

  it.each([
    ["without", []],
    ["with", [{ type: "message_stop" }]],
  ])("reads a message %s a stop of its own", async (_name, stop) => {
    const { url } = await started(anthropic(), async function* () {
      yield* [...events, ...rest, ...stop];
    });
    const message = await ask(url).finalMessage();
    expect([message.content[0], message.stop_reason]).toMatchObject([{ text: "你好" }, "end_turn"]);
  });

  it("learns of a failure", async () => {
    const { url } = await started(anthropic(), async function* () {
      yield* events;
      throw new Error("the model is gone");
    });
    await expect(ask(url).finalMessage()).rejects.toThrow("the model is gone");
  });
});

describe("AG-UI, HttpAgent", () => {
  const text = [
    { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "你" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "好" },
  ];
  const end = [{ type: "TEXT_MESSAGE_END", messageId: "m" }];
  const began = ({ threadId, runId }: Record<string, unknown>): { type: string } =>
    ({ type: "RUN_STARTED", threadId, runId }) as { type: string };

  it.each([
    ["without", false],
    ["with", true],
  ])("runs an agent %s an end of its own", async (_name, own) => {
    const { url } = await started(agUi(), async function* (_signal, body) {
      yield* [began(body), ...text, ...end];
      if (own) yield { ...began(body), type: "RUN_FINISHED" };
    });
    const agent = new HttpAgent({ url: `${url}/run` });
    const { newMessages } = await agent.runAgent();
    expect(newMessages.map(({ content }) => content)).toEqual(["你好"]);
  });

  it("learns of a failure", async () => {
    const { url } = await started(agUi(), async function* (_signal, body) {
      yield* [began(body), ...text];
      throw new Error("the model is gone");
    });
    const errors: string[] = [];
    const agent = new HttpAgent({ url: `${url}/run` });
    await agent
      .runAgent(undefined, { onRunErrorEvent: ({ event }) => void errors.push(event.message) })
      .catch(() => undefined);
    expect(errors).toEqual(["the model is gone"]);
  });
});

describe("A2A, JSON-RPC", () => {
  const update = (state: string): object => ({
    statusUpdate: { taskId: "t", contextId: "c", status: { state } },
  });

  async function statesOf(url: string): Promise<string[]> {
    const card = { supportedInterfaces: [], capabilities: { streaming: true } };
    const transport = await new JsonRpcTransportFactory().create(`${url}/rpc`, card as never);
    const states: string[] = [];
    const request = { message: { messageId: "m", role: 1, parts: [] } };
    for await (const { payload } of transport.sendMessageStream(request as never)) {
      if (payload?.$case === "statusUpdate") states.push(String(payload.value.status?.state));
      else states.push(payload!.$case);
    }
    return states;
  }

  it.each([
    ["without", []],
    ["with", ["TASK_STATE_COMPLETED"]],
  ])("reads a task %s an end of its own", async (_name, more) => {
    const { url } = await started(
      ({ id }) => a2a({ id: id as number }),
      async function* (_signal, { id }) {
        yield { jsonrpc: "2.0", id, result: { task: { id: "t", contextId: "c" } } };
        for (const state of ["TASK_STATE_WORKING", ...more]) {
          yield { jsonrpc: "2.0", id, result: update(state) };
        }
      },
    );
    expect(await statesOf(url)).toEqual(["task", "2", "3"]);
  });

  it("learns of a failure, before the first response too", async () => {
    const { url } = await started(
      ({ id }) => a2a({ id: id as number }),
      () => {
        throw new Error("the agent is gone");
      },
    );
    await expect(statesOf(url)).rejects.toThrow("the agent is gone");
  });
});
