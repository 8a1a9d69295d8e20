/**
 * Paths into JSON, as `choices[0].delta.content` or `["a b"].c`.
 */
import { UsageError } from "../arguments/usage-error.ts";

export type JsonPath = readonly (string | number)[];

/** @throws {UsageError} If it is no path. */
export function parseJsonPath(option: string, text: string): JsonPath {
  const path: (string | number)[] = [];
  const step = /\.?([^.[\]"]+)|\[(\d+)\]|\["([^"]*)"\]|^\.$/gy;
  let end = 0;
  for (let match = step.exec(text); match !== null; match = step.exec(text)) {
    end = step.lastIndex;
    const [, name, index, quoted] = match;
    if (index !== undefined) path.push(Number(index));
    else if (name !== undefined || quoted !== undefined) path.push((name ?? quoted)!);
  }
  if (end !== text.length || text === "") {
    throw new UsageError(
      `--${option} is ${JSON.stringify(text)}, expected a path such as price.bid or choices[0].delta.content.`,
    );
  }
  return path;
}

/** What stands at the path; undefined where there is nothing. */
export function valueAt(json: unknown, path: JsonPath): unknown {
  let value = json;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** The JSON that a text is; undefined where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
