/**
 * Reads the vectors beside this file; README.md says what each key means.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { ParsedMessage } from "../packages/tidings/src/wire/message.ts";

export interface Vector {
  readonly file: string;
  readonly name: string;
  /** The address of the section of the standard that decides the case. */
  readonly section: string;
  readonly bytes: Uint8Array;
  /** Absent where the bytes are not valid UTF-8. */
  readonly text: string | undefined;
  readonly expected: Expected;
}

export interface Expected {
  readonly messages: readonly ParsedMessage[];
  readonly retries: readonly number[];
  readonly comments: readonly string[];
  readonly ids: readonly string[];
  readonly lastEventId: string;
  readonly truncated: boolean;
}

type Case = Expected & { name: string; section: string; input?: string; inputBase64?: string };

/** All vectors, in the order of the files' names. */
export function loadVectors(): Vector[] {
  return readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((file) => {
      const { version, cases } = JSON.parse(readFileSync(`${import.meta.dirname}/${file}`, "utf8")) as {
        version: number;
        cases: Case[];
      };
      if (version !== 1)
        throw new RangeError(`Cannot read vectors/${file}: version is ${version}, expected 1`);
      return cases.map((entry) => toVector(file, entry));
    });
}

function toVector(file: string, entry: Case): Vector {
  const { name, section, input, inputBase64, messages, retries, comments, ids, lastEventId, truncated } =
    entry;
  if ((input === undefined) === (inputBase64 === undefined)) {
    throw new TypeError(`Cannot read vectors/${file}: case "${name}" has not one of input and inputBase64`);
  }
  return {
    file,
    name,
    section,
    bytes: input === undefined ? Buffer.from(inputBase64!, "base64") : Buffer.from(input),
    text: input,
    expected: { messages, retries, comments, ids, lastEventId, truncated },
  };
}
