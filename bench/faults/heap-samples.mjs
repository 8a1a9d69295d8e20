/** What the server's process holds, from time to time: it may not grow. */

/** What the heap may differ by from one third of a life to the next, in bytes: the entries of one page, say. */
const NOISE = 4 * 2 ** 20;

export class HeapSamples {
  #samples = [];
  #server;
  #waiting = [];

  /** A server process has begun. */
  attach(server) {
    this.#server = server;
    this.#samples = [];
  }

  /** Has the server take a sample, which comes to {@link add}. */
  ask() {
    if (this.#server.connected) this.#server.send({ sample: true }, () => undefined);
  }

  /** Takes a sample, and resolves with it. */
  next() {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.ask();
    });
  }

  add(deliveries, sample) {
    const taken = this.#waiting.splice(0);
    for (const resolve of taken) resolve(sample);
    // Those that somebody waits for come behind the run.
    if (taken.length === 0) this.#samples.push({ deliveries, ...sample });
  }

  /** Its samples, and whether the last third of them is about what the first was. The very first is left out: it is still filling. */
  ofLastProcess() {
    const heaps = this.#samples.slice(1).map(({ heapUsed, external }) => heapUsed + external);
    const third = Math.max(1, Math.floor(heaps.length / 3));
    const first = median(heaps.slice(0, third));
    const last = median(heaps.slice(-third));
    return { samples: this.#samples, first, last, isFlat: !(last > first * 1.15 + NOISE) };
  }
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[sorted.length >>> 1] ?? 0;
}
