/** A server that numbers its messages, and sends those after the one that a client names. */
import type { Transport, TransportSink } from "../../../packages/tidings/src/client/transports/transport.ts";
import type { Chance, Owner, Pipe, Pipes } from "./pipes.ts";

/** As a hub's, which tell their order, or of no meaning to anybody but the server. */
export type Ids = "cursors" | "opaque" | "none";

export class NumberedServer {
  /** The last number. */
  head = 0;
  /** As many connections as were open at once. */
  mostConnections = 0;
  /** Answers each further request with this status instead of a stream, unless it is 0. */
  refusal = 0;
  readonly #pipes: Pipes;
  readonly #chance: Chance;
  readonly #ids: Ids;
  readonly #connections = new Set<{ owner: Owner; pipe: Pipe; sink: TransportSink }>();

  constructor(pipes: Pipes, chance: Chance, ids: Ids) {
    this.#pipes = pipes;
    this.#chance = chance;
    this.#ids = ids;
  }

  get connections(): number {
    return this.#connections.size;
  }

  cursorOf(number: number): string {
    return this.#ids === "cursors" ? `Ep0ch-epoch.${number}` : `m${((number * 7919) % 100_003).toString(36)}`;
  }

  transportOf(owner: Owner): Transport {
    return { name: "numbered", open: (request, sink) => this.#open(owner, request.headers, sink) };
  }

  publish(count: number): void {
    for (let at = 0; at < count; at++) this.say(this.#blockOf(++this.head));
  }

  /** Says this on each of its connections. */
  say(text: string): void {
    const bytes = encoder.encode(text);
    for (const { pipe, sink } of this.#connections) this.#pipes.put(pipe, () => void sink.onBytes(bytes));
  }

  /** Cuts a connection. */
  cut(): void {
    const all = [...this.#connections];
    const one = all[this.#chance(all.length)];
    if (!one) return;
    this.#connections.delete(one);
    this.#pipes.put(one.pipe, () => one.sink.onError(new TypeError("cut")));
  }

  crash(owner: Owner): void {
    for (const one of this.#connections) if (one.owner === owner) this.#connections.delete(one);
  }

  #open(owner: Owner, headers: Readonly<Record<string, string>>, sink: TransportSink): { abort(): void } {
    if (owner.dead) return { abort() {} };
    const from = headers["last-event-id"];
    const pipe: Pipe = { to: owner, queue: [] };
    const connection = { owner, pipe, sink };
    const text = (of: string): void => this.#pipes.put(pipe, () => void sink.onBytes(encoder.encode(of)));
    this.#connections.add(connection);
    this.mostConnections = Math.max(this.mostConnections, this.#connections.size);
    const status = this.refusal || 200;
    const response = {
      status,
      url: "https://a.example/",
      header: (name: string) => (name === "content-type" ? "text/event-stream" : null),
    };
    this.#pipes.put(pipe, () => void sink.onResponse(response));
    if (status === 200 && this.#ids === "cursors") text(":epoch Ep0ch-epoch\n");
    if (status !== 200) this.#pipes.put(pipe, () => sink.onEnd());
    else if (from === undefined && this.#ids !== "none") text(`id: ${this.cursorOf(this.head)}\n\n`);
    else if (from !== undefined)
      for (let number = this.#numberOf(from) + 1; number <= this.head; number++) text(this.#blockOf(number));
    return {
      abort: () => {
        pipe.queue.length = 0;
        this.#connections.delete(connection);
      },
    };
  }

  #blockOf(number: number): string {
    return `id: ${this.cursorOf(number)}\ndata: ${number}\n\n`;
  }

  #numberOf(cursor: string): number {
    for (let number = 0; number < this.head; number++) if (this.cursorOf(number) === cursor) return number;
    return this.head;
  }
}

const encoder = new TextEncoder();
