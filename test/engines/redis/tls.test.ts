/** Over TLS: connections that are cut in the middle of what they carry, and a server whose certificate is not trusted. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "redis";
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { generate } from "selfsigned";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { redisLog, type RedisClient } from "../../../packages/tidings/src/log/redis/index.ts";
import { freePort } from "../../support/free-port.mjs";
import { Cleanups, draft, expectHandedOn, openForTest, readAll, retention } from "../support/opened-log.ts";
import { textOf } from "../support/opened-log.ts";
import { startRedis } from "./server.ts";

const cleanups = new Cleanups();
let folder: string;
let trusted: Tls;
const [key, cert] = ["key.pem", "cert.pem"];

/** What a client trusts. */
interface Tls {
  readonly ca?: string;
  readonly checkServerIdentity?: () => undefined;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tidings-redis-tls-"));
  const made = await generate([{ name: "commonName", value: "127.0.0.1" }]);
  writeFileSync(join(folder, key), made.private);
  writeFileSync(join(folder, cert), made.cert);
  trusted = { ca: made.cert, checkServerIdentity: () => undefined };
});
afterEach(() => cleanups.run());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function redis(): Promise<number> {
  const tlsPort = await freePort();
  const files = ["--tls-cert-file", join(folder, cert), "--tls-key-file", join(folder, key)];
  const all = ["--tls-port", `${tlsPort}`, ...files, "--tls-auth-clients", "no"];
  cleanups.add(await startRedis(...all), (one) => one.stop());
  return tlsPort;
}

const CLIENTS: Record<string, (port: number, tls: Tls) => RedisClient> = {
  "node-redis": (port, tls) => {
    const client = createClient({ socket: { host: "127.0.0.1", port, tls: true, ...tls } });
    client.on("error", () => undefined);
    // It tries for ever where the certificate is not trusted.
    client.connect().catch(() => undefined);
    return cleanups.add(client, (one) => one.destroy());
  },
  ioredis: (port, tls) => {
    const client = new Redis({ host: "127.0.0.1", port, tls });
    client.on("error", () => undefined);
    return cleanups.add(client, (one) => one.disconnect());
  },
  iovalkey: (port, tls) => {
    const client = new Valkey({ host: "127.0.0.1", port, tls });
    client.on("error", () => undefined);
    return cleanups.add(client, (one) => one.disconnect());
  },
};

describe.each(Object.keys(CLIENTS))("redisLog() with %s over TLS", (name) => {
  it("stores once what it appends while connections are cut, and hands it on without a seam", async () => {
    const tlsPort = await redis();
    const board = await cleanups.switchboard(tlsPort);
    const client = CLIENTS[name]!(board.port, trusted);
    const opened = await openForTest(cleanups, redisLog(client, { deadlineMs: 60_000 }));
    const from = await opened.log.follow!(["a"]);
    const texts: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const group = Array.from({ length: 40 }, (_, n) => `${round}/${n} ${"x".repeat(n * 100)}`);
      texts.push(...group);
      // Nothing of it is answered, or it is cut off where it is.
      if (round % 2 === 0) board.deafen();
      const appending = Promise.all(group.map((text) => opened.log.append([draft(text)])));
      await new Promise((resolve) => void setTimeout(resolve, round * 3));
      board.cut();
      await appending;
    }
    const { entries, lostThrough } = await readAll(opened.log);
    expect({ texts: entries.map(textOf), lostThrough }).toEqual({ texts, lostThrough: 0 });
    await expect.poll(() => opened.parts.at(-1)?.through, { timeout: 20_000 }).toBe(texts.length);
    expectHandedOn(opened, entries, from);
  });

  it("is refused within its deadline where the certificate is not trusted", async () => {
    const tlsPort = await redis();
    const log = redisLog(CLIENTS[name]!(tlsPort, {}), { deadlineMs: 1_000 });
    await expect(log.open({ retention, onTail: () => undefined })).rejects.toMatchObject({
      name: "LogError",
      code: "failed",
      message: expect.stringMatching(/^Cannot open log: no Redis answered within 1000 ms/) as string,
    });
  });
});
