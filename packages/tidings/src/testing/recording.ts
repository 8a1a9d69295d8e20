/**
 * Recordings: an event stream and when each chunk of it came, as text that still is that event stream. docs/testing.md has the format.
 * This module is browser compatible.
 */

export interface RecordedChunk {
  /** Milliseconds after the response. */
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

export interface Recording {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string };
  /** In the order of their times. */
  readonly chunks: readonly RecordedChunk[];
  /** How it ended, and when; absent if it was still open when the recording was stopped. */
  readonly ending?: { readonly how: "end" | "cut"; readonly atMs: number };
}

const FIRST_LINE = ":tidings recording 1";
const BOM = "\uFEFF";
const CR = 13;
const LF = 10;

/**
 * The text of a recording. Bytes that are not UTF-8 become U+FFFD, which is how every client reads them.
 * @throws {RangeError} If a time is not a whole number from 0 on, or less than the one before; or the status is none.
 */
export function formatRecording({ status, headers, chunks, ending }: Recording): string {
  if (!/^[2-5]\d\d$/.test(String(status)) || typeof status !== "number") {
    throw new RangeError(
      `Cannot format recording: status is ${status}, expected a whole number from 200 to 599`,
    );
  }
  checkTimes([...chunks, ...(ending ? [ending] : [])]);
  const runs = runsOf(chunks);
  // A byte order mark must be the first character of a stream to be what it is.
  const mark = runs[0]?.text.startsWith(BOM) ? BOM : "";
  const lines = [mark + FIRST_LINE, `:status ${status}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`:header ${name}: ${value}`);
  let text = `${lines.join("\n")}\n`;
  const last = ending ? `@${ending.atMs} ${ending.how}` : "";
  let unfinished = false;
  runs.forEach((run, index) => {
    unfinished = !/[\r\n]$/.test(run.text);
    // Lines of the stream that look like ours are told from them by the number of bytes before the next of ours.
    const counted = unfinished || /(^|[\r\n]):@/.test(run.text);
    const pieces = run.pieces.map(({ atMs, length, tail }, at) =>
      at < run.pieces.length - 1 || counted ? `@${atMs} ${length}${tail && `+${tail}`}` : `@${atMs}`,
    );
    // A line that no line end followed is the last, so how it ended stands before it.
    if (unfinished && last) pieces.push(last);
    text += `:${pieces.join(" ")}\n${index === 0 ? run.text.slice(mark.length) : run.text}`;
  });
  return last && !unfinished ? `${text}:${last}\n` : text;
}

/**
 * Reads a recording.
 * @throws {SyntaxError} If it is none, or of another version; the message names the line.
 */
export function parseRecording(text: string | Uint8Array): Recording {
  let file = typeof text === "string" ? encoder.encode(text) : text;
  let mark = file.subarray(0, file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf ? 3 : 0);
  let at = mark.length;
  let line = "";
  let status = 200;
  const headers: Record<string, string> = {};
  const chunks: RecordedChunk[] = [];
  let ending: Recording["ending"];
  let lastMs = 0;

  line = readLine();
  if (line !== FIRST_LINE) fail(`expected ${FIRST_LINE}`);
  while (at < file.length) {
    line = readLine();
    const [, name, value] = /^:header ([^:]+): ?(.*)$/.exec(line) ?? [];
    if (line.startsWith(":@")) readRun();
    else if (/^:status [2-5]\d\d$/.test(line)) status = Number(line.slice(8));
    else if (name) headers[name.toLowerCase()] = value!;
    // Editors end the last line of a file, whatever it is.
    else if (line !== "" || at < file.length) fail("expected a line that starts with :status, :header or :@");
  }
  return { status, headers, chunks, ...(ending && { ending }) };

  function readLine(): string {
    const end = file.indexOf(LF, at);
    const next = end < 0 ? file.length : end + 1;
    const text = new TextDecoder().decode(file.subarray(at, next)).replace(/\r?\n$/, "");
    at = next;
    return text;
  }

  function readRun(): void {
    if (!/^:(@\d+ \d+(\+[\da-f]{2,6})? ?)*(@\d+ ?)?(@\d+ (end|cut))?$/.test(line)) {
      fail("expected times, and how many bytes came at each but the last: :@0 12 @150");
    }
    if (ending) fail("expected nothing after the end");
    // A byte order mark is the stream's, and stands before our first line.
    if (mark.length > 0) file = joined([file.subarray(0, at), mark, file.subarray(at)]);
    mark = file.subarray(0, 0);
    for (const [, time, what, tail = ""] of line.matchAll(/@(\d+) ?(\d+|end|cut)?(?:\+(\w+))?/g)) {
      const atMs = Number(time);
      if (atMs < lastMs) fail(`expected a time from ${lastMs} on`);
      lastMs = atMs;
      if (what === "end" || what === "cut") {
        ending = { how: what, atMs };
        continue;
      }
      const end = what === undefined ? endOfRun() : at + Number(what);
      if (end > file.length) fail(`expected ${what} bytes after it`);
      chunks.push({ atMs, bytes: joined([file.subarray(at, end), fromHex(tail)]) });
      at = end;
    }
  }

  /** Where our next line starts. */
  function endOfRun(): number {
    for (let end = at; ; end++) {
      end = file.indexOf(58, end);
      if (end < 0) return file.length;
      const before = file[end - 1];
      if (file[end + 1] === 64 && (end === at || before === LF || before === CR)) return end;
    }
  }

  function fail(expected: string): never {
    const number = new TextDecoder().decode(file.subarray(0, at)).replace(/\n$/, "").split("\n").length;
    throw new SyntaxError(
      `Cannot read recording: line ${number} is ${JSON.stringify(line.slice(0, 60))}, ${expected}`,
    );
  }
}

interface Run {
  readonly text: string;
  readonly pieces: readonly {
    readonly atMs: number;
    /** In bytes of the text's UTF-8. */
    readonly length: number;
    /** What came besides of a character that never came whole, as hexadecimal digits. */
    readonly tail: string;
  }[];
}

/** Chunks up to the next end of a line: between two of these, a line of ours can stand. */
function runsOf(chunks: readonly RecordedChunk[]): Run[] {
  const filled = chunks.filter(({ bytes }) => bytes.length > 0);
  const runs: Run[] = [];
  let run: RecordedChunk[] = [];
  filled.forEach((chunk, index) => {
    run.push(chunk);
    const last = chunk.bytes.at(-1);
    const next = filled[index + 1]?.bytes[0];
    // An LF that comes later belongs to its CR.
    if (next !== undefined && last !== LF && (last !== CR || next === LF)) return;
    runs.push(toRun(run));
    run = [];
  });
  return runs;
}

function toRun(chunks: readonly RecordedChunk[]): Run {
  const bytes = joined(chunks.map((chunk) => chunk.bytes));
  const whole = decode(bytes, textDecoder(), true);
  const encoded = encoder.encode(whole);
  if (encoded.every((byte, at) => byte === bytes[at])) {
    let left = encoded.length;
    const pieces = chunks.map(({ atMs, bytes: chunk }) => {
      const length = Math.min(chunk.length, left);
      left -= length;
      return { atMs, length, tail: toHex(chunk.subarray(length)) };
    });
    return { text: whole, pieces };
  }
  // What is no character has another length when it is U+FFFD: chunks are cut between characters then.
  const decoder = textDecoder();
  const texts = chunks.map((chunk, at) => decode(chunk.bytes, decoder, at < chunks.length - 1));
  const pieces = chunks.map(({ atMs }, at) => ({ atMs, length: encoder.encode(texts[at]).length, tail: "" }));
  return { text: texts.join(""), pieces };
}

function textDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

/** @param more - Whether the start of a character is held back, rather than made U+FFFD. */
function decode(bytes: Uint8Array, decoder: TextDecoder, more: boolean): string {
  return decoder.decode(bytes, { stream: more });
}

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function checkTimes(times: readonly { readonly atMs: number }[]): void {
  let lastMs = 0;
  for (const { atMs } of times) {
    if (!Number.isInteger(atMs) || atMs < lastMs) {
      throw new RangeError(
        `Cannot format recording: atMs is ${atMs}, expected a whole number from ${lastMs} on`,
      );
    }
    lastMs = atMs;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const encoder = new TextEncoder();
