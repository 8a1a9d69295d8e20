/**
 * What is done when something goes wrong with appends: the oldest that was not acknowledged is sent again, alone, until it is
 * acknowledged. Nothing new is sent meanwhile, and then everything is sent again behind it.
 */
import type { Outgoing } from "./outgoing.ts";

export interface RecoveryOptions {
  /** Sent and not acknowledged, in the order in which they were sent. */
  readonly sent: ReadonlyMap<number, Outgoing>;
  /** Looks where the log is now, after trouble that began then, by the monotonic clock. */
  readonly look: (sinceMs: number) => Promise<unknown>;
  readonly isConnected: () => boolean;
  /** Sends it, unless there is a reason not to. That counts as an answer then. */
  readonly sendAgain: (message: Outgoing) => void;
  /** Why it does not work yet. */
  readonly onTrouble: (error: unknown) => void;
  /** It works again, and everything was sent again. */
  readonly onOver: () => void;
}

/** What is not acknowledged after that is sent again. */
const PROBE_MS = 1_000;
const RETRY_MS = [20, 500] as const;

export class Recovery {
  readonly #options: RecoveryOptions;
  #underWay = false;
  /** The one message that is sent to see whether it works again. */
  #probe: { readonly id: number; readonly answered: (well: boolean) => void } | undefined;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  get underWay(): boolean {
    return this.#underWay;
  }

  /** There is trouble. */
  begin(): void {
    if (this.#underWay) return;
    this.#underWay = true;
    void this.#recover();
  }

  /** @returns Whether somebody waits for an answer. */
  answered(id: number, well: boolean): boolean {
    if (this.#probe?.id === id) this.#probe.answered(well);
    return this.#probe !== undefined;
  }

  async #recover(): Promise<void> {
    const { sent, look, isConnected, sendAgain, onTrouble, onOver } = this.#options;
    const sinceMs = performance.now();
    for (let waitMs: number = RETRY_MS[0]; sent.size > 0; waitMs = Math.min(waitMs * 2, RETRY_MS[1])) {
      if (!isConnected()) break;
      try {
        await look(sinceMs);
        if (await this.#tryOldest()) break;
      } catch (error) {
        // Its caller is rejected when the deadline passes.
        onTrouble(error);
      }
      await new Promise((resolve) => void setTimeout(resolve, waitMs));
    }
    this.#underWay = false;
    if (!isConnected()) return;
    for (const message of sent.values()) sendAgain(message);
    onOver();
  }

  async #tryOldest(): Promise<boolean> {
    const [oldest] = this.#options.sent.values();
    if (oldest === undefined) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = new Promise<boolean>((answered) => {
      this.#probe = { id: oldest.id, answered };
      timer = setTimeout(() => answered(false), PROBE_MS);
      timer.unref();
    });
    this.#options.sendAgain(oldest);
    const well = await answer;
    clearTimeout(timer);
    this.#probe = undefined;
    return well;
  }
}
