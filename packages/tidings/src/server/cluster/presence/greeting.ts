/**
 * A process that begins, has missed something, or was declared gone greets the others, who answer with what they have. Until it knows
 * their members it says nothing of its own: who joins there already does not join here.
 *
 * Time alone does not show that it knows them: one that is cut off, or stands still, hears nothing while it waits. So the others have
 * their time once the greeting has come back from the log, and then the process gives a sign of life. When that has come back too,
 * so has everything that they answered before it.
 * This module is browser compatible.
 */
export interface GreetingOptions {
  /** How long the others have. */
  readonly answerMs: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** It is time to give a sign of life. */
  readonly onDue: () => void;
}

export class Greeting {
  readonly #options: GreetingOptions;
  #isUnderWay = true;
  /** A sign given from then on comes after the answers. */
  #dueMs = Infinity;
  #isAnswered = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: GreetingOptions) {
    this.#options = options;
  }

  /** It has not come back from the log. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** What the others have answered is known here. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** The process greets, perhaps again. */
  given(): void {
    clearTimeout(this.#timer);
    this.#isUnderWay = true;
    this.#dueMs = Infinity;
    this.#isAnswered = false;
  }

  /** It came back from the log, or one of before did, which the others answer as well. */
  cameBack(): void {
    if (!this.#isUnderWay) return;
    this.#isUnderWay = false;
    const { answerMs, now, onDue } = this.#options;
    // It holds the process: who is there is told before that ends by itself.
    this.#timer = setTimeout(() => {
      this.#dueMs = now();
      onDue();
    }, answerMs);
  }

  /** A sign of life came back from the log. @returns Whether the greeting is answered by that. */
  signCameBack(givenMs: number): boolean {
    if (this.#isAnswered || givenMs < this.#dueMs) return false;
    return (this.#isAnswered = true);
  }

  /** Nothing is waited for any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#isUnderWay = false;
  }
}
