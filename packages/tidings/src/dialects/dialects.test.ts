import { describe, expect, it } from "vitest";
import { a2a, agUi, aiSdk, anthropic, type AnswerVerdict, type Dialect, openai, tidings } from "./index.ts";

const COMPLETE: AnswerVerdict = { complete: true };
const FAILED: AnswerVerdict = { complete: false, reason: "failed", message: "no money" };

interface Case {
  readonly dialect: Dialect<never>;
  /** What a generator yields, the last of which may say how it ended. */
  readonly items: readonly object[];
  /** What must be sent behind them. */
  readonly end: readonly [event: string, data: unknown][];
  readonly verdict?: AnswerVerdict;
}

const run = [{ type: "RUN_STARTED", threadId: "t", runId: "r" }];
const chunk = { id: "c", object: "chat.completion.chunk", choices: [] };
const created = { type: "response.created", sequence_number: 0 };
const task = { jsonrpc: "2.0", id: 7, result: { task: { id: "a", contextId: "b" } } };
const oldTask = { jsonrpc: "2.0", id: 7, result: { kind: "task", id: "a", contextId: "b" } };

const complete: Record<string, Case> = {
  tidings: { dialect: tidings(), items: [{ data: 1 }], end: [["end", { complete: true }]] },
  "the AI SDK": { dialect: aiSdk(), items: [{ type: "start" }], end: [["message", "[DONE]"]] },
  "OpenAI's chat": { dialect: openai(), items: [chunk], end: [["message", "[DONE]"]] },
  "OpenAI's responses, completed": {
    dialect: openai(),
    items: [created, { type: "response.completed", response: {} }],
    end: [],
  },
  Anthropic: {
    dialect: anthropic(),
    items: [{ type: "message_start" }],
    end: [["message_stop", { type: "message_stop" }]],
  },
  "Anthropic, with its own stop": { dialect: anthropic(), items: [{ type: "message_stop" }], end: [] },
  "AG-UI": {
    dialect: agUi(),
    items: run,
    end: [["message", { type: "RUN_FINISHED", threadId: "t", runId: "r" }]],
  },
  "AG-UI, with its own end": { dialect: agUi(), items: [...run, { type: "RUN_FINISHED" }], end: [] },
  "A2A 1.0": {
    dialect: a2a(),
    items: [task],
    end: [
      [
        "message",
        {
          jsonrpc: "2.0",
          id: 7,
          result: {
            statusUpdate: { taskId: "a", contextId: "b", status: { state: "TASK_STATE_COMPLETED" } },
          },
        },
      ],
    ],
  },
  "A2A 0.3": {
    dialect: a2a(),
    items: [oldTask],
    end: [
      [
        "message",
        {
          jsonrpc: "2.0",
          id: 7,
          result: {
            kind: "status-update",
            taskId: "a",
            contextId: "b",
            status: { state: "completed" },
            final: true,
          },
        },
      ],
    ],
  },
  "A2A over REST": {
    dialect: a2a(),
    items: [{ task: { id: "a", contextId: "b" } }],
    end: [
      [
        "message",
        { statusUpdate: { taskId: "a", contextId: "b", status: { state: "TASK_STATE_COMPLETED" } } },
      ],
    ],
  },
  "A2A, with a message": {
    dialect: a2a(),
    items: [{ jsonrpc: "2.0", id: 7, result: { message: { parts: [] } } }],
    end: [],
  },
};

const failed: Record<string, Case> = {
  tidings: {
    dialect: tidings(),
    items: [{ data: 1 }],
    end: [["failed", { reason: "failed", message: "no money" }]],
  },
  "the AI SDK": {
    dialect: aiSdk(),
    items: [{ type: "start" }],
    end: [
      ["message", { type: "error", errorText: "no money" }],
      ["message", "[DONE]"],
    ],
  },
  "the AI SDK, that said it itself": {
    dialect: aiSdk(),
    items: [{ type: "error", errorText: "mine" }],
    end: [["message", "[DONE]"]],
  },
  "OpenAI's chat": {
    dialect: openai(),
    items: [chunk],
    end: [["message", { error: { message: "no money", type: "server_error", param: null, code: "failed" } }]],
  },
  "OpenAI's responses": {
    dialect: openai(),
    items: [created],
    end: [["error", { type: "error", code: "failed", message: "no money", param: null, sequence_number: 1 }]],
  },
  Anthropic: {
    dialect: anthropic(),
    items: [{ type: "message_start" }],
    end: [["error", { type: "error", error: { type: "api_error", message: "no money" } }]],
  },
  "AG-UI": {
    dialect: agUi(),
    items: run,
    end: [["message", { type: "RUN_ERROR", message: "no money", code: "failed" }]],
  },
  "A2A 1.0": {
    dialect: a2a(),
    items: [task],
    end: [["message", { jsonrpc: "2.0", id: 7, error: { code: -32603, message: "no money" } }]],
  },
  "A2A before its first response": {
    dialect: a2a({ id: "q" }),
    items: [],
    end: [["message", { jsonrpc: "2.0", id: "q", error: { code: -32603, message: "no money" } }]],
  },
  "A2A over REST": {
    dialect: a2a(),
    items: [{ task: { id: "a" } }],
    end: [["error", { error: { code: -32603, message: "no money" } }]],
  },
};

function sent({ dialect, items }: Case): { event: string; data: string }[] {
  return items.map((item) => onWire(dialect.message(item as never)));
}

function onWire({ event = "message", data }: { event?: string; data: unknown }): {
  event: string;
  data: string;
} {
  return { event, data: typeof data === "string" ? data : JSON.stringify(data) };
}

describe.each([
  ["complete", COMPLETE, complete],
  ["failed", FAILED, failed],
] as const)("an answer that is %s", (_state, verdict, cases) => {
  it.each(Object.entries(cases))("ends for %s, and reads as it is", (_name, given) => {
    const messages = sent(given);
    const frames = given.dialect.end(verdict, { first: messages[0], last: messages.at(-1) }).map(onWire);
    expect(frames.map(({ event, data }) => [event, data.startsWith("{") ? JSON.parse(data) : data])).toEqual(
      given.end,
    );
    const said = [...messages, ...frames].map((message) => given.dialect.verdictOf(message));
    const first = said.find((one) => one !== undefined);
    expect(first?.complete).toBe(verdict.complete);
  });
});

describe("what another server sends", () => {
  it.each<[string, Dialect<never>, string, string, AnswerVerdict | undefined]>([
    ["a delta", aiSdk(), "message", '{"type":"text-delta","delta":"\\"error\\""}', undefined],
    ["an abort", aiSdk(), "message", '{"type":"abort","reason":"x"}', failure("stopped", "x")],
    ["text that is no JSON", aiSdk(), "message", '{"error"', undefined],
    ["an error as a string", openai(), "message", '{"error":"full"}', failure("failed", "full")],
    ["no error", openai(), "message", '{"error":null,"id":1}', undefined],
    [
      "a failed response",
      openai(),
      "response.failed",
      '{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"slow"}}}',
      failure("rate_limit_exceeded", "slow"),
    ],
    [
      "an incomplete response",
      openai(),
      "response.incomplete",
      '{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}',
      failure("max_output_tokens"),
    ],
    [
      "an overload",
      anthropic(),
      "error",
      '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      failure("overloaded_error", "Overloaded"),
    ],
    ["a ping", anthropic(), "ping", '{"type":"ping"}', undefined],
    ["an error without a reason", tidings(), "failed", "oops", failure("failed")],
    [
      "a failed task",
      a2a(),
      "message",
      '{"jsonrpc":"2.0","id":1,"result":{"statusUpdate":{"status":{"state":"TASK_STATE_FAILED"}}}}',
      failure("failed"),
    ],
    [
      "a task that waits",
      a2a(),
      "message",
      '{"jsonrpc":"2.0","id":1,"result":{"kind":"status-update","status":{"state":"input-required"}}}',
      COMPLETE,
    ],
    [
      "a task that works",
      a2a(),
      "message",
      '{"jsonrpc":"2.0","id":1,"result":{"task":{"status":{"state":"TASK_STATE_WORKING"}}}}',
      undefined,
    ],
    ["a list", agUi(), "message", "[1]", undefined],
  ])("%s", (_name, dialect, event, data, verdict) => {
    expect(dialect.verdictOf({ event, data })).toEqual(verdict);
  });
});

it.each<[Dialect<never>, unknown, RegExp]>([
  [aiSdk(), "text", /yielded a string, expected what the AI SDK sends/],
  [aiSdk(), { delta: "x" }, /an object without type/],
  [anthropic(), null, /yielded null/],
  [openai(), "[DONE]", /"\[DONE\]" is sent by the dialect/],
  [a2a(), 7, /yielded a number/],
])("an item that the clients cannot read is refused, row %#", (dialect, item, message) => {
  expect(() => dialect.message(item as never)).toThrow(message);
});

function failure(reason: string, message?: string): AnswerVerdict {
  return message === undefined ? { complete: false, reason } : { complete: false, reason, message };
}
