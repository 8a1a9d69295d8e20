/** A subscriber on a real connection, which comes back whenever it is over, and reports to the model what it got. */
import { request } from "node:http";
import { constants, createGunzip } from "node:zlib";
import { createParser } from "../../packages/tidings/dist/index.js";

export class Reader {
  #subscriber;
  #world;
  #options;
  #parser;
  #request;
  #response;
  #timer;
  #epoch;
  /** The life of the server in which it last had a stream. */
  #life;
  /** Connections that it no longer reads and has not closed. */
  #abandoned = [];
  /** Requests that it has left itself: what Node still says of their end is not the server's doing. */
  #left = new WeakSet();
  #stopped = false;

  /**
   * @param world - `{ port, life, random, problem(text) }`
   * @param options - `{ path, name, gzip, keepAlive }`
   */
  constructor(world, subscriber, options) {
    this.#world = world;
    this.#subscriber = subscriber;
    this.#options = options;
    this.#parser = createParser({
      onMessage: (message) => this.#take(message),
      onId: (id) => this.#begin(id),
    });
    this.#connect();
  }

  get subscriber() {
    return this.#subscriber;
  }

  /** As the server knows it. */
  get name() {
    return this.#options.name;
  }

  get opened() {
    return this.#epoch !== undefined;
  }

  /** Whether it has had a stream of the process that runs now. */
  get hasReturned() {
    return this.#life === this.#world.life;
  }

  /** Drops the connection, and comes back at once or after `ms`. */
  cut(ms = 0) {
    this.#leave();
    this.#later(ms);
  }

  /** Cuts the connection with a reset: the server gets ECONNRESET, not an end. */
  reset() {
    const socket = this.#request?.socket;
    // A socket that is reset while its end is on the way is never closed: Node would wait for it when it exits.
    if (socket?.writableEnded === false) socket.resetAndDestroy();
    this.cut();
  }

  /** Says that it sends nothing more, and goes on reading. The server ends such a stream; then this reader returns. */
  halfClose() {
    const asked = this.#request;
    if (this.#response === undefined) return;
    asked.socket.end();
    this.#response.resume();
    setTimeout(() => {
      if (this.#request === asked) this.#world.problem("a stream stayed open 30 s after its peer's end");
    }, 30_000).unref();
  }

  /** Reads nothing for a while. */
  stall(ms) {
    const response = this.#response;
    response?.pause();
    setTimeout(() => response?.resume(), ms).unref();
  }

  /** Comes back on another connection, while the server still sees the first one, whose peer takes nothing any more. */
  halfOpen() {
    if (this.#response === undefined) return;
    this.#response.removeAllListeners("data");
    this.#response.unpipe();
    this.#response.pause();
    this.#abandoned.push(this.#request);
    if (this.#abandoned.length > 3) this.#abandoned.shift().destroy();
    this.#request = undefined;
    this.#response = undefined;
    this.#later(0);
  }

  stop() {
    this.#stopped = true;
    this.#leave();
    for (const one of this.#abandoned) one.destroy();
  }

  #leave() {
    clearTimeout(this.#timer);
    const dropped = this.#request;
    this.#request = undefined;
    this.#response = undefined;
    if (dropped === undefined) return;
    this.#left.add(dropped);
    dropped.destroy();
  }

  #later(ms) {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => this.#connect(), ms + this.#world.random() * 50);
  }

  #connect() {
    this.#parser.reset();
    const { lastEventId } = this.#parser;
    const { path, gzip, keepAlive } = this.#options;
    const headers = {
      ...(lastEventId !== "" && { "last-event-id": lastEventId }),
      ...(gzip && { "accept-encoding": "gzip" }),
      ...(keepAlive && { connection: "keep-alive" }),
    };
    const asked = request({
      port: this.#world.port,
      host: "127.0.0.1",
      path,
      headers,
      agent: false,
    });
    this.#request = asked;
    const { life } = this.#world;
    const over = () => {
      if (this.#request !== asked) return;
      this.#request = undefined;
      this.#response = undefined;
      this.#later(20);
    };
    asked.on("error", over);
    asked.on("response", (response) => {
      if (this.#request !== asked) return response.destroy();
      this.#response = response;
      response.on("error", over);
      response.on("close", over);
      if (response.statusCode !== 200) {
        // 503: it drains, and the next one is on its way. 403: it was revoked before its stream was open.
        if (response.statusCode !== 503 && response.statusCode !== 403)
          this.#world.problem(`status ${response.statusCode}`);
        return response.resume();
      }
      this.#life = life;
      const push = (bytes) => {
        if (this.#request === asked) this.#parser.push(bytes);
      };
      if (!gzip) return response.on("data", push);
      if (response.headers["content-encoding"] !== "gzip") this.#world.problem("a stream is not compressed");
      const decoder = createGunzip({ flush: constants.Z_SYNC_FLUSH });
      decoder.on("data", push);
      // A connection that was cut ends in the midst; one that was ended must not.
      decoder.on("error", (error) => {
        if (response.complete && !this.#left.has(asked)) this.#world.problem(`gzip: ${error.message}`);
      });
      response.pipe(decoder);
    });
    asked.end();
  }

  #begin(id) {
    const [epoch, offset] = id.split(".");
    if (this.#epoch === undefined) {
      this.#epoch = epoch;
      this.#subscriber.began = Number(offset);
    } else if (this.#epoch !== epoch)
      this.#world.problem(`the log began anew: ${this.#epoch}, then ${epoch}`);
  }

  #take({ event, data, lastEventId, id }) {
    if (event === "gap") {
      const { from, to } = JSON.parse(data);
      return this.#subscriber.gap(Number(from.split(".")[1]), Number(to.split(".")[1]));
    }
    const [topic, number] = data.split(" ");
    this.#subscriber.message(topic, Number((lastEventId ?? id).split(".")[1]), Number(number));
  }
}
