/** What is said of every failover: what the processes acknowledged, what the server lost of it, and who was not told. */

const READERS = 10;

/** @param log - One that is not open yet. @param retention - What it keeps. */
export async function openWithTail(log, retention) {
  const tail = { through: 0, jumps: 0 };
  await log.open({
    retention,
    onTail: ({ after, through }) => {
      if (after > tail.through) tail.jumps += 1;
      tail.through = through;
    },
    onError() {},
  });
  await log.follow("all");
  return tail;
}

export class Ledger {
  #acknowledged = new Map();
  #messages = 0;
  #twice = 0;
  #lost = 0;
  #untold = 0;
  /** Undefined where no tail is asked. */
  #silentTails;

  /** @returns The offsets. */
  async append({ log }, count) {
    const offsets = [];
    for (let n = 0; n < count; n += 1) {
      const text = `${(this.#messages += 1)}`;
      const { first } = await log.append([{ topic: "a", body: Buffer.from(text) }]);
      if (this.#acknowledged.has(first)) this.#twice += 1;
      this.#acknowledged.set(first, text);
      offsets.push(first);
    }
    return offsets;
  }

  /** Appends what the server that takes over never hears of. @returns The offsets. */
  async appendLost(opened, count) {
    const gone = await this.append(opened, count);
    this.#lost += gone.length;
    return gone;
  }

  /**
   * Reads as those who stand at each of what was lost, and before.
   * @param isTold - Whether the reader learns of its loss by a page that it read after an offset.
   */
  async readAfter(gone, opened, isTold) {
    for (let reader = 0; reader < READERS; reader += 1) {
      const { log } = opened[reader % opened.length];
      const after = gone[reader % gone.length] - (reader % 2);
      const topics = { exact: ["a"], matches: () => true };
      const page = await log.read({ topics, after, maxMessages: 9, maxBytes: 999 });
      if (!isTold(page, after)) this.#untold += 1;
    }
  }

  /**
   * Those whose streams are open hear of a failover by the tail, which jumps.
   * @param jumps - Of each tail before the failover.
   * @param through - The offset that each comes to.
   */
  async hear(tails, jumps, through) {
    await until(() => tails.every((tail) => tail.through >= through));
    this.#silentTails ??= 0;
    this.#silentTails += tails.filter((tail, i) => tail.jumps === jumps[i]).length;
  }

  /** @param server - Its name. */
  figures(failovers, server) {
    return {
      failovers,
      acknowledged: this.#acknowledged.size,
      [`of these lost by ${server}`]: this.#lost,
      "offsets acknowledged twice": this.#twice,
      "readers that were not told": this.#untold,
      ...(this.#silentTails !== undefined && { "tails that were not told": this.#silentTails }),
    };
  }
}

export async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
