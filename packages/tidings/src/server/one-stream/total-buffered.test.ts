/** `maxTotalBufferedBytes`, over a real server and with peers that read as the test says. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { openStream } from "./open-stream.ts";
import type { EventStream } from "./event-stream.ts";
import { type Holder, sharedTotal, TotalBuffered } from "./total-buffered.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

class Peer implements Holder {
  heldBytes: number;
  cut = false;
  constructor(heldBytes: number) {
    this.heldBytes = heldBytes;
  }
  makeWay(): void {
    this.cut = true;
  }
}

describe("what waits for all peers together", () => {
  test.each<[name: string, sizes: number[], cut: number[], bytes: number]>([
    ["may be as much as the bound", [400, 600], [], 1_000],
    ["or the stream that has waited longest is cut", [400, 400, 400], [0], 800],
    ["or as many as are needed", [200, 300, 200, 900], [0, 1, 2], 900],
    ["one that alone is larger than all of it stays", [2_000], [], 2_000],
    ["until another comes", [2_000, 10], [0], 10],
  ])("%s", (_, sizes, cut, bytes) => {
    const total = new TotalBuffered();
    const peers = sizes.map((size) => new Peer(size));
    for (const peer of peers) total.add(peer, 1_000);
    expect(peers.flatMap((peer, index) => (peer.cut ? [index] : []))).toEqual(cut);
    expect(total.bytes()).toBe(bytes);
  });

  test("counts what one holds now, and forgets who has taken everything", () => {
    const total = new TotalBuffered();
    const [one, other] = [new Peer(600), new Peer(300)];
    total.add(one, 1_000);
    one.heldBytes = 700;
    total.add(one, 1_000);
    total.add(other, 1_000);
    expect([total.bytes(), one.cut]).toEqual([1_000, false]);
    total.remove(one);
    total.remove(one);
    expect(total.bytes()).toBe(300);
    total.remove(other);
    expect(total.bytes()).toBe(0);
  });

  test("spares those that have read meanwhile, where that is enough", () => {
    const total = new TotalBuffered();
    const [one, other] = [new Peer(600), new Peer(600)];
    total.add(one, 1_000);
    one.heldBytes = 100;
    total.add(other, 1_000);
    expect([total.bytes(), one.cut, other.cut]).toEqual([700, false, false]);
  });

  test("takes no longer at the limit, however many wait", () => {
    const total = new TotalBuffered();
    let looks = 0;
    const peers = Array.from({ length: 10_000 }, () => {
      const peer = new Peer(1);
      Object.defineProperty(peer, "heldBytes", { get: () => ((looks += 1), 1) });
      return peer;
    });
    for (const peer of peers) total.add(peer, 100);
    expect([peers.filter(({ cut }) => cut).length, total.bytes()]).toEqual([9_900, 100]);
    expect(looks).toBeLessThan(20_001);
  });
});

const MIB = 2 ** 20;

/** A server whose streams share 3 MiB, and connections to it that read nothing. */
async function openMany(peers: number) {
  const streams: EventStream[] = [];
  const server = createServer((request, response) => {
    streams.push(openStream(request, response, { maxTotalBufferedBytes: 3 * MIB }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const sockets: Socket[] = [];
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  for (let n = 1; n <= peers; n += 1) {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
    socket.on("error", () => undefined).write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    sockets.push(socket);
    await expect.poll(() => streams.length).toBe(n);
  }
  return { streams, sockets };
}

/** Sends until about so much waits, which is more than the kernel takes at once. */
async function fill(stream: EventStream, bytes: number): Promise<void> {
  const data = "x".repeat(65_000);
  for (let turns = 0; turns < 400 && stream.bufferedBytes < bytes && !stream.closed; turns += 1) {
    stream.send({ data });
    if (stream.bufferedBytes < 200_000) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("streams of one process", () => {
  test("whose peers read nothing hold no more than maxTotalBufferedBytes: the first of them are cut", async () => {
    const { streams } = await openMany(6);
    for (const stream of streams) await fill(stream, 900_000);
    const waiting = streams.reduce((sum, stream) => sum + (stream.closed ? 0 : stream.bufferedBytes), 0);
    expect(waiting).toBeLessThanOrEqual(3 * MIB);
    expect(streams.map(({ closed }) => closed)).toEqual([true, true, true, false, false, false]);
    const ends = await Promise.all(streams.slice(0, 3).map((stream) => stream.ended));
    expect(ends.map(({ code }) => code)).toEqual(["slow", "slow", "slow"]);
  });

  test("count what small messages cost beside their bytes", async () => {
    const { streams } = await openMany(2);
    for (const stream of streams) await fill(stream, 200_000);
    while (!streams[0]!.closed) streams[1]!.send({ data: 1 });
    // 14 bytes each on the wire: 3 MiB would hold 200,000 of them, for 60 MiB of memory.
    expect(streams[1]!.bufferedBytes).toBeLessThan(MIB / 2);
    expect((await streams[0]!.ended).code).toBe("slow");
  });

  test("count nothing of what was taken, or has ended with its response", async () => {
    const { streams, sockets } = await openMany(3);
    const [one, other, last] = streams as [EventStream, EventStream, EventStream];
    const waiting = (): number => sharedTotal().bytes();
    await expect.poll(waiting).toBe(0);
    await fill(one, 900_000);
    expect(waiting()).toBeGreaterThan(800_000);
    sockets[0]!.resume();
    await one.ready;
    expect(waiting()).toBe(0);
    await fill(other, 900_000);
    sockets[1]!.destroy();
    await other.ended;
    expect(waiting()).toBe(0);
    await fill(last, 900_000);
    last.end();
    // It still holds what it was sent.
    expect(waiting()).toBeGreaterThan(800_000);
    sockets[2]!.resume();
    expect((await last.ended).code).toBe("ended");
    expect(waiting()).toBe(0);
  });
});
