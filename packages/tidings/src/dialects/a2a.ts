/**
 * The streams of A2A, versions 0.3 and 1.0: one JSON-RPC response a message, or the bare result of the REST binding. A stream
 * ends with a message of the agent, or with a task that needs nothing more from it.
 * Specification: https://a2a-protocol.org/latest/specification/
 * This module is browser compatible.
 */
import {
  type AnswerVerdict,
  type Dialect,
  failedFor,
  failureText,
  objectOf,
  part,
  textAt,
} from "./dialect.ts";

export interface A2aOptions {
  /** The `id` of the JSON-RPC request, for a failure before the first response. Default: null. */
  id?: string | number | null | undefined;
}

export function a2a(options: A2aOptions = {}): Dialect<object> {
  const dialect: Dialect<object> = {
    name: "a2a",
    message(item) {
      if (typeof item === "object" && item !== null) return { data: item };
      throw new TypeError(
        `Cannot answer: the generator yielded a ${typeof item}, expected a JSON-RPC response, or a result of the REST binding`,
      );
    },
    end(verdict, { first, last }) {
      if (last !== undefined && verdictOf(last) !== undefined) return [];
      const begun = objectOf(first);
      const isRest = begun !== undefined && !("jsonrpc" in begun);
      const id = begun?.["id"] ?? options.id ?? null;
      if (!verdict.complete) {
        const error = { code: -32603, message: failureText(verdict) };
        return isRest ? [{ event: "error", data: { error } }] : [{ data: { jsonrpc: "2.0", id, error } }];
      }
      const result = completed(isRest ? begun : part(begun, "result"));
      if (result === undefined) return [];
      return [{ data: isRest ? result : { jsonrpc: "2.0", id, result } }];
    },
    verdictOf,
  };
  return dialect;
}

function verdictOf(message: { readonly event: string; readonly data: string }): AnswerVerdict | undefined {
  const data = objectOf(message);
  if (data === undefined) return undefined;
  if (message.event === "error" || "error" in data) {
    const error = "error" in data ? data["error"] : data;
    const code = part({ error }, "error")["code"];
    return failedFor(typeof code === "number" ? `${code}` : undefined, textAt(error, "message"));
  }
  const result = "jsonrpc" in data ? part(data, "result") : data;
  if ("message" in result || result["kind"] === "message") return { complete: true };
  const update =
    "statusUpdate" in result ||
    "task" in result ||
    result["kind"] === "status-update" ||
    result["kind"] === "task";
  if (!update) return undefined;
  const holder =
    "statusUpdate" in result
      ? part(result, "statusUpdate")
      : "task" in result
        ? part(result, "task")
        : result;
  const state = textAt(part(holder, "status"), "state") ?? "";
  const word = state.replace("TASK_STATE_", "").toLowerCase().replaceAll("_", "-");
  if (FAILED.has(word)) return failedFor(word, undefined);
  // A stream also ends where the agent waits for its user.
  return DONE.has(word) ? { complete: true } : undefined;
}

const FAILED = new Set(["failed", "canceled", "rejected"]);
const DONE = new Set(["completed", "input-required", "auth-required"]);

/** The task of a first result, as completed. */
function completed(result: Readonly<Record<string, unknown>>): object | undefined {
  const isNew = "task" in result || "statusUpdate" in result || "artifactUpdate" in result;
  if (isNew) {
    const task = part(result, "task");
    const update = { ...part(result, "statusUpdate"), ...part(result, "artifactUpdate") };
    const taskId = textAt(task, "id") ?? textAt(update, "taskId");
    const contextId = textAt(task, "contextId") ?? textAt(update, "contextId");
    return { statusUpdate: { taskId, contextId, status: { state: "TASK_STATE_COMPLETED" } } };
  }
  const taskId = result["kind"] === "task" ? textAt(result, "id") : textAt(result, "taskId");
  if (taskId === undefined) return undefined;
  const contextId = textAt(result, "contextId");
  return { kind: "status-update", taskId, contextId, status: { state: "completed" }, final: true };
}
