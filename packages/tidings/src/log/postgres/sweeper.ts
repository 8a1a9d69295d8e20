/**
 * Has the database delete what is not retained any more. Any process may do it;
 * they keep out of each other's way in the database.
 */
export interface SweeperOptions {
  /** @returns Whether there is more to delete, and whether the log's bounds are to be moved on. */
  readonly sweep: () => Promise<{ readonly more?: boolean; readonly due?: boolean } | null>;
  readonly expire: () => Promise<unknown>;
  /** Called when that fails, once until it has not. */
  readonly onFailure: (error: unknown) => void;
}

const EVERY_MS = 2_000;

export class Sweeper {
  readonly #options: SweeperOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sweeping: Promise<void> | undefined;
  #failed = false;
  #closed = false;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#sleep();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#sweeping;
  }

  #sleep(): void {
    if (this.#closed) return;
    // At a time of its own in each process.
    this.#timer = setTimeout(
      () => {
        this.#sweeping = this.#sweep().then(() => this.#sleep());
      },
      EVERY_MS * (0.5 + Math.random()),
    );
    this.#timer.unref();
  }

  async #sweep(): Promise<void> {
    try {
      for (let more = true; more && !this.#closed;) {
        const swept = await this.#options.sweep();
        if (swept?.due === true) await this.#options.expire();
        more = swept?.more === true;
      }
      this.#failed = false;
    } catch (error) {
      // What is not deleted now is deleted later.
      if (this.#closed || this.#failed) return;
      this.#failed = true;
      this.#options.onFailure(error);
    }
  }
}
