/**
 * Knows what was accepted, and judges what each subscriber got of it. Nothing here knows of a network: a delivery is a
 * subscriber, an offset and a number.
 */

export class Model {
  /** Number of the message at each offset: what its publisher was told, or whoever got it first. */
  #numberAt = new Map();
  /** Offsets that a publisher was told, by topic. */
  #accepted = new Map();
  #subscribers = [];
  #head = 0;
  accepted = 0;
  deliveries = 0;
  examples = [];

  get head() {
    return this.#head;
  }

  /** The publisher was told that message `number` of `topic` has this offset. */
  accept(topic, offset, number) {
    this.accepted += 1;
    this.#head = Math.max(this.#head, offset);
    let offsets = this.#accepted.get(topic);
    if (offsets === undefined) this.#accepted.set(topic, (offsets = []));
    offsets.push(offset);
    this.#place(offset, number, "accepted");
  }

  subscriber(name, wants) {
    const subscriber = new Subscriber(this, name, wants);
    this.#subscribers.push(subscriber);
    return subscriber;
  }

  /** The newest accepted offset that a subscriber wants. */
  newestFor(subscriber) {
    let newest = 0;
    for (const [topic, offsets] of this.#accepted) {
      if (subscriber.wants(topic))
        newest = Math.max(
          newest,
          offsets.reduce((a, b) => Math.max(a, b), 0),
        );
    }
    return newest;
  }

  #place(offset, number, how) {
    const before = this.#numberAt.get(offset);
    if (before === undefined) this.#numberAt.set(offset, number);
    else if (before !== number)
      this.problem("doubled", `offset ${offset} is message ${before}, and ${number} as ${how}`);
  }

  /** @internal */
  deliver(offset, number, name) {
    this.deliveries += 1;
    this.#place(offset, number, `delivered to ${name}`);
  }

  counts = { lost: 0, doubled: 0, "out of order": 0, unhandled: 0, other: 0 };

  problem(kind, text) {
    this.counts[kind] += 1;
    if (this.examples.length < 20) this.examples.push(`${kind}: ${text}`);
  }

  /** What went wrong, once everybody has had the time to get everything. */
  judge() {
    for (const subscriber of this.#subscribers) {
      for (const [topic, offsets] of this.#accepted) {
        if (!subscriber.wants(topic)) continue;
        for (const offset of offsets) {
          if (offset > subscriber.began && !subscriber.has(offset) && !subscriber.wasTold(offset)) {
            this.problem(
              "lost",
              `${subscriber.name} never got offset ${offset} of ${topic}, and was told of no gap`,
            );
          }
        }
      }
    }
    return { ...this.counts, examples: this.examples };
  }
}

class Subscriber {
  /** It subscribed behind this offset. */
  began = Infinity;
  last = 0;
  gaps = 0;
  #model;
  #got = new Uint8Array(1_024);
  #ranges = [];

  constructor(model, name, wants) {
    this.#model = model;
    this.name = name;
    this.wants = wants;
  }

  message(topic, offset, number) {
    if (!this.wants(topic))
      this.#model.problem("other", `${this.name} got ${topic}, which it did not ask for`);
    this.#model.deliver(offset, number, this.name);
    if (this.has(offset)) this.#model.problem("doubled", `${this.name} got offset ${offset} twice`);
    else if (offset <= this.last)
      this.#model.problem("out of order", `${this.name} got ${offset} after ${this.last}`);
    this.last = Math.max(this.last, offset);
    const byte = offset >>> 3;
    if (byte >= this.#got.length) {
      const more = new Uint8Array(byte * 2);
      more.set(this.#got);
      this.#got = more;
    }
    this.#got[byte] |= 1 << (offset & 7);
  }

  /** It was told that offsets after `from`, up to `to`, may be missing. */
  gap(from, to) {
    this.gaps += 1;
    this.#ranges.push([from, to]);
    this.last = Math.max(this.last, to);
  }

  has(offset) {
    return ((this.#got[offset >>> 3] ?? 0) & (1 << (offset & 7))) !== 0;
  }

  wasTold(offset) {
    return this.#ranges.some(([from, to]) => offset > from && offset <= to);
  }
}
