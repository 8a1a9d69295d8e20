/**
 * Publishes through whichever server process runs, until each message is accepted: what a process did not answer before it
 * died is sent to the next one with the same idempotency key. So every message ends up accepted once, and is known to the
 * model from then on.
 */

const TOPICS = ["t/0", "t/1", "t/2", "t/3"];
const MOST_UNDER_WAY = 32;

export class Publisher {
  #model;
  #random;
  #send;
  #underWay = new Map();
  #batches = 0;
  #number = 0;
  /** Batches that were accepted only when they were sent again, or had been before. */
  resent = 0;
  repeated = 0;
  refused = 0;

  constructor(model, random) {
    this.#model = model;
    this.#random = random;
  }

  get published() {
    return this.#number;
  }

  get underWay() {
    return this.#underWay.size;
  }

  /** A server is there: what the last one did not answer comes first. */
  attach(send) {
    this.#send = send;
    for (const batch of this.#underWay.values()) {
      this.resent += 1;
      send(batch);
    }
  }

  detach() {
    this.#send = undefined;
  }

  /** Sends another batch, if not too many wait for an answer. @returns Whether it did. */
  publish() {
    if (this.#send === undefined || this.#underWay.size >= MOST_UNDER_WAY) return false;
    const size = this.#random() < 0.2 ? 100 : 1 + Math.floor(this.#random() * 40);
    const messages = Array.from({ length: size }, () => {
      this.#number += 1;
      const topic = TOPICS[Math.floor(this.#random() * TOPICS.length)];
      const padding = this.#random() < 0.1 ? "x".repeat(Math.floor(this.#random() * 1_500)) : "";
      return { topic, data: `${topic} ${this.#number} ${padding}` };
    });
    this.#batches += 1;
    const batch = { key: `batch-${this.#batches}`, messages };
    this.#underWay.set(batch.key, batch);
    this.#send(batch);
    return true;
  }

  answer({ key, ids, repeated, error }) {
    const batch = this.#underWay.get(key);
    if (batch === undefined) return;
    if (error !== undefined) {
      // It drains, or too much waits for its disk.
      this.refused += 1;
      setTimeout(() => this.#send?.(batch), 20).unref();
      return;
    }
    this.#underWay.delete(key);
    if (repeated) this.repeated += 1;
    batch.messages.forEach(({ topic, data }, i) => {
      this.#model.accept(topic, Number(ids[i].split(".")[1]), Number(data.split(" ")[1]));
    });
  }
}
