/**
 * Has the database delete what is not retained any more. Any process may do it;
 * they keep out of each other's way in the database.
 */
export interface SweeperOptions {
  /** @returns Whether there is more to delete, and whether the log's bounds are to be moved on. */
  readonly sweep: () => Promise<{ readonly more?: boolean; readonly due?: boolean } | null>;
  readonly expire: () => Promise<unknown>;
}

const EVERY_MS = 2_000;

export class Sweeper {
  readonly #options: SweeperOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sweeping: Promise<void> | undefined;
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
    } catch {
      // The database is away, which its tail reports. What is not deleted now is deleted later.
    }
  }
}
