/**
 * Who reads an answer: an event stream that takes its bytes as they are, or a loop in this process.
 * Each is a place in the answer's bytes, and nothing is kept for a slow one.
 */
import type { ParsedMessage } from "../../wire/message.ts";
import { createReader } from "../../wire/reader.ts";
import type { AnswerVerdict } from "../../dialects/dialect.ts";
import { inNextTurn } from "../../guard/in-next-turn.ts";
import type { EventStream } from "../one-stream/event-stream.ts";
import type { Answer, AnswerListener } from "./answer.ts";

/** Bytes in one write at most, but for a message that alone is larger. */
const WRITE_BYTES = 65_536;
/** After so many, a loop gives way to the rest of the process. */
const MESSAGES_IN_A_TURN = 128;

/** Sends an answer behind its first `after` messages, then ends the stream. */
export function sendAnswer(answer: Answer, stream: EventStream, after: number): void {
  const reader = new StreamReader(answer, stream, after);
  answer.listen(reader);
  void stream.ended.then(() => answer.leave(reader));
  reader.wake();
}

class StreamReader implements AnswerListener {
  readonly #answer: Answer;
  readonly #stream: EventStream;
  #after: number;
  #waiting = false;

  constructor(answer: Answer, stream: EventStream, after: number) {
    this.#answer = answer;
    this.#stream = stream;
    this.#after = after;
  }

  wake(): void {
    const stream = this.#stream;
    while (!this.#waiting && !stream.closed) {
      const { bytes, through } = this.#answer.buffer.read(this.#after, WRITE_BYTES);
      if (bytes.length === 0) return this.#finish();
      this.#after = through;
      if (stream.sendEncoded(bytes) === "queued") this.#wait();
    }
  }

  #wait(): void {
    this.#waiting = true;
    void this.#stream.ready.then(() => {
      this.#waiting = false;
      this.wake();
    });
  }

  #finish(): void {
    if (this.#answer.verdict !== undefined) this.#stream.end();
    // Cut, so that nobody takes what came for the whole.
    else if (this.#answer.dropped) this.#stream.cutAfterSent("source-failed");
  }
}

/** An answer cannot be read in this process. */
export class AnswerError extends Error {
  /** `gone`: there is no such answer, or it is no longer kept. Others: why it is not complete, see `AnswerEnd`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "AnswerError";
    this.code = code;
  }
}

/**
 * The messages behind the first `after`, the last included. Ends when the answer is complete.
 * @throws {AnswerError} If the answer ends and is not complete.
 */
export async function* readAnswer(
  answer: Answer,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<ParsedMessage, undefined, undefined> {
  let wake: (() => void) | undefined;
  const listener = { wake: () => wake?.() };
  const aborted = (): void => wake?.();
  answer.listen(listener);
  signal.addEventListener("abort", aborted);
  try {
    const reader = createReader();
    let handedOn = 0;
    for (let at = after; ;) {
      signal.throwIfAborted();
      const { bytes, through } = answer.buffer.read(at, WRITE_BYTES);
      at = through;
      for (const message of reader.read(bytes)) {
        yield message;
        signal.throwIfAborted();
        // An answer that is there never waits, and its reader may not either: others have their turn.
        if ((handedOn += 1) % MESSAGES_IN_A_TURN === 0) await new Promise<void>(inNextTurn);
      }
      if (bytes.length > 0) continue;
      if (answer.verdict !== undefined) return assertComplete(answer.id, answer.verdict);
      if (answer.dropped)
        throw new AnswerError("gone", `Cannot read answer ${answer.id}: this process no longer keeps it`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    answer.leave(listener);
    signal.removeEventListener("abort", aborted);
  }
}

function assertComplete(id: string, verdict: AnswerVerdict): undefined {
  if (verdict.complete) return undefined;
  const words = verdict.message === undefined ? "" : `: ${verdict.message}`;
  throw new AnswerError(verdict.reason, `Answer ${id} is not complete (${verdict.reason})${words}`);
}
