/** What the server's process holds, from time to time: it may not grow. */

/** What may differ from one third of a life to the next, in bytes, in the heap and beside it: the entries of one page, say. */
const NOISE = 4 * 2 ** 20;
/** Samples with all streams there that are needed for a judgement: three in each third. */
const ENOUGH = 9;

export class HeapSamples {
  #samples = [];
  #server;
  #waiting = [];
  #returned = false;

  /** A server process has begun. */
  attach(server) {
    this.#server = server;
    this.#samples = [];
    this.#returned = false;
  }

  /** All readers have had a stream of this process. What it holds until then grows with those that return. */
  returned() {
    this.#returned = true;
  }

  /** Whether there are enough samples to judge. */
  get isEnough() {
    return this.#judged().length >= ENOUGH;
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
    if (taken.length === 0) this.#samples.push({ deliveries, returned: this.#returned, ...sample });
  }

  /**
   * Its samples, and whether the last third of those that are judged is about what the first was: the heap, and what lies beside it
   * other than the pages that peers have not taken, which are counted.
   */
  ofLastProcess() {
    const judged = this.#judged();
    const heap = thirds(judged.map(({ heapUsed }) => heapUsed));
    const beside = thirds(judged.map(({ external, blockedBytes }) => external - blockedBytes));
    const isFlat = judged.length > 0 && isAbout(heap) && isAbout(beside);
    return { samples: this.#samples, judgedFrom: judged[0]?.deliveries, heap, beside, isFlat };
  }

  /** Those with all streams there, but for the very first of the process: it is still filling. */
  #judged() {
    return this.#samples.slice(1).filter(({ returned }) => returned);
  }
}

function isAbout({ first, last }) {
  return last <= first * 1.15 + NOISE;
}

/** The medians of the first third and of the last. */
function thirds(values) {
  const third = Math.max(1, Math.floor(values.length / 3));
  return { first: median(values.slice(0, third)), last: median(values.slice(-third)) };
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[sorted.length >>> 1] ?? 0;
}
