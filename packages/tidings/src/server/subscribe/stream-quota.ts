/**
 * Counts the streams and refuses new ones beyond the limits. Those that are open are never closed to let others in: the
 * evicted would come straight back, and evict in their turn.
 * This module is browser compatible.
 */
import type { StreamPlace } from "../streams/hub-stream.ts";
import type { Refusal } from "../request/refusal.ts";

export interface QuotaLimits {
  readonly streams: number;
  readonly perAddress: number;
  readonly perSubscriber: number;
}

export class StreamQuota {
  readonly #limits: QuotaLimits;
  readonly #byAddress = new Map<string, number>();
  readonly #bySubscriber = new Map<string, number>();
  #streams = 0;

  /** Whether streams are counted by address at all. */
  get countsAddresses(): boolean {
    return this.#limits.perAddress < Infinity;
  }

  constructor(limits: QuotaLimits) {
    this.#limits = limits;
  }

  /** @returns Why there is no place; undefined when one was given, to be given back to {@link leave}. */
  enter({ address: given, subscriber }: StreamPlace): Refusal | undefined {
    const address = given === undefined ? undefined : networkOf(given);
    const { streams, perAddress, perSubscriber } = this.#limits;
    if (this.#streams >= streams) {
      return tooMany(503, `${streams} streams are open (limits.streams)`);
    }
    if (address !== undefined && (this.#byAddress.get(address) ?? 0) >= perAddress) {
      return tooMany(429, `${perAddress} streams are open from ${address} (limits.streamsPerAddress)`);
    }
    if (subscriber !== undefined && (this.#bySubscriber.get(subscriber) ?? 0) >= perSubscriber) {
      return tooMany(
        429,
        `${perSubscriber} streams are open for ${subscriber} (limits.streamsPerSubscriber)`,
      );
    }
    this.#streams += 1;
    count(this.#byAddress, address, 1);
    count(this.#bySubscriber, subscriber, 1);
    return undefined;
  }

  /** How many places a subscriber has. */
  streamsOf(subscriber: string): number {
    return this.#bySubscriber.get(subscriber) ?? 0;
  }

  leave({ address, subscriber }: StreamPlace): void {
    this.#streams -= 1;
    count(this.#byAddress, address === undefined ? undefined : networkOf(address), -1);
    count(this.#bySubscriber, subscriber, -1);
  }
}

/**
 * The address of a peer, undefined when it is loopback or private: that is a proxy's, whose peers are many.
 * An application that serves a private network, or knows what its proxy forwards, gives the address itself.
 */
export function publicAddress(address: string | undefined): string | undefined {
  const bare = address?.replace(/^::ffff:/i, "");
  return bare === undefined || PRIVATE.test(bare) ? undefined : bare;
}

/**
 * What an address is counted by: all of IPv4, and the first 64 bits of IPv6, of which each line of a household has a whole
 * block (RFC 6177). Any other text is counted as it is.
 */
export function networkOf(address: string): string {
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!bare.includes(":")) return bare;
  const [head = "", tail] = bare.toLowerCase().replace(/%.*$/, "").split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    while (groups.length + rest.length < 8) groups.push("0");
    groups.push(...rest);
  }
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return network.length < 4 ? bare : `${network.join(":")}::/64`;
}

const PRIVATE =
  /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd]|fe[89ab])/i;

function count(counts: Map<string, number>, key: string | undefined, by: number): void {
  if (key === undefined) return;
  const now = (counts.get(key) ?? 0) + by;
  if (now === 0) counts.delete(key);
  else counts.set(key, now);
}

function tooMany(status: 429 | 503, detail: string): Refusal {
  // Spread, so that those who are refused together do not return together.
  return { code: "too-many-streams", status, detail, retryAfter: 2 + Math.floor(Math.random() * 8) };
}
