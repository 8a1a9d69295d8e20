/** What is under way on a machine, to its tabs: in one pipe it arrives in its order, of several pipes chance says which is next. */

/** From 0 up to `below`, a whole number. */
export type Chance = (below: number) => number;

/** A tab, as far as it can still take or do anything. */
export interface Owner {
  frozen: boolean;
  dead: boolean;
}

export interface Pipe {
  readonly to: Owner;
  readonly from?: Owner;
  readonly queue: (() => void)[];
}

export class Pipes {
  readonly #chance: Chance;
  /** Those in which something is under way. */
  readonly #busy = new Set<Pipe>();

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  put(pipe: Pipe, run: () => void): void {
    pipe.queue.push(run);
    this.#busy.add(pipe);
  }

  /** Lets some of what is under way arrive. */
  async run(steps: number): Promise<void> {
    await settle();
    for (let step = 0; step < steps; step++) {
      const ready = [...this.#busy].filter(({ to, queue }) => queue.length > 0 && !to.frozen && !to.dead);
      if (ready.length === 0) return;
      const pipe = ready[this.#chance(ready.length)]!;
      pipe.queue.shift()!();
      if (pipe.queue.length === 0) this.#busy.delete(pipe);
      await settle();
    }
  }

  /** Nothing reaches a tab that is dead, and a part of what it has said may never arrive. */
  crash(owner: Owner): void {
    for (const { to, from, queue } of this.#busy) {
      if (to === owner) queue.length = 0;
      if (from === owner) queue.length = this.#chance(queue.length + 1);
    }
  }
}

/** Until nothing is left to do at once. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}
