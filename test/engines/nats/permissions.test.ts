/** Users of NATS with few rights: those that the documentation names are enough, and one that is missing is said. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { afterEach, expect, it } from "vitest";
import { natsLog } from "../../../packages/tidings/src/log/nats/index.ts";
import { onEachNats, startNats } from "./server.ts";
import { Cleanups, draft, openForTest, readAll, retention, type Opened } from "../support/opened-log.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** What the documentation gives to copy. */
function documented(file: string): string {
  const text = readFileSync(new URL(`../../../docs/${file}`, import.meta.url), "utf8");
  return /```text\n(permissions: \{.*?)\n```/s.exec(text)![1]!;
}

const PERMISSIONS = documented("logs/nats.md");
const FLOW = "$JS.FC.tidings.>";
const PUBLISH = Array.from(
  PERMISSIONS.matchAll(/"((?:\$JS|tidings).*?)"/g),
  ([, subject]) => subject!,
).filter((subject) => subject !== FLOW);

/** More than a server sends before it asks whether it may go on. */
const MESSAGES = 2_000;
const LARGE = "x".repeat(2_000);

function openWith(publish: readonly string[], deadlineMs?: number): Promise<Opened> {
  return openUnder(`permissions: { publish: ${JSON.stringify(publish)}, subscribe: "_INBOX.>" }`, deadlineMs);
}

async function openUnder(permissions: string, deadlineMs = 20_000): Promise<Opened> {
  const users = `{ user: all, password: p }, { user: some, password: p, ${permissions} }`;
  const lines = [`accounts { A { jetstream: enabled, users: [${users}] } }`, "no_auth_user: all"];
  const server = cleanups.add(await startNats({ lines }), (one) => one.stop());
  const own = { servers: `127.0.0.1:${server.port}`, user: "some", pass: "p" };
  const connection = cleanups.add(await connect(own), (one) => one.close());
  return openForTest(cleanups, natsLog(connection, { deadlineMs }));
}

async function fill(opened: Opened): Promise<Opened> {
  await opened.log.follow!(["a"]);
  await Promise.all(Array.from({ length: MESSAGES }, () => opened.log.append([draft(LARGE)])));
  return opened;
}

onEachNats(() => {
  it("says at once that its user may not publish to a topic, and appends to others", async () => {
    const publish = [...PUBLISH.filter((subject) => subject !== "tidings.>"), "tidings.*.b", FLOW];
    const { log, seen, errors } = await openWith(publish);
    await log.follow!(["b"]);
    const [refused, appended] = await Promise.allSettled([
      log.append([draft("1", "a")]),
      log.append([draft("2", "b")]),
    ]);
    expect(refused).toMatchObject({
      reason: {
        name: "LogError",
        code: "failed",
        message: expect.stringMatching(/does not let its user publish to tidings\..*\.a, .* to tidings\.>/),
      },
    });
    expect(appended).toMatchObject({ status: "fulfilled" });
    await expect.poll(seen).toEqual(["2"]);
    expect(errors).toEqual([]);
  });

  it("appends again when its user may subscribe again, and says meanwhile why it does not", async () => {
    const allowed = '{ publish: ">", subscribe: ">" }';
    const users = `{ user: all, password: p }, { user: some, password: p, permissions: ${allowed} }`;
    const lines = [`accounts { A { jetstream: enabled, users: [${users}] } }`, "no_auth_user: all"];
    const server = cleanups.add(await startNats({ lines }), (one) => one.stop());
    const own = { servers: `127.0.0.1:${server.port}`, user: "some", pass: "p" };
    const connection = cleanups.add(await connect(own), (one) => one.close());
    const { log, seen } = await openForTest(cleanups, natsLog(connection, { deadlineMs: 1_000 }));
    await log.follow!(["a"]);
    await log.append([draft("1")]);
    const file = join(server.folder, "nats.conf");
    const before = readFileSync(file, "utf8");
    const change = async (permissions: string): Promise<void> => {
      writeFileSync(file, before.replace(allowed, permissions));
      await server.kill("SIGHUP");
    };
    await change('{ publish: ">", subscribe: "other" }');
    const append = async (): Promise<string> => log.append([draft("2")]).then(() => "appended", String);
    const long = { timeout: 20_000 };
    await expect.poll(append, long).toMatch(/Permissions Violation for Subscription to "_INBOX/);
    await change(allowed);
    await expect.poll(append, long).toBe("appended");
    await expect.poll(() => seen().at(-1), long).toBe("2");
  });

  it("says that its user may not listen to what it follows, and goes on when it may", async () => {
    const denied = '{ publish: ">", subscribe: "mine.>" }';
    const users = `{ user: all, password: p }, { user: some, password: p, permissions: ${denied} }`;
    const lines = [`accounts { A { jetstream: enabled, users: [${users}] } }`, "no_auth_user: all"];
    const server = cleanups.add(await startNats({ lines }), (one) => one.stop());
    const servers = `127.0.0.1:${server.port}`;
    // It may ask, since the connection has another prefix than the log.
    const own = { servers, user: "some", pass: "p", inboxPrefix: "mine" };
    const connection = cleanups.add(await connect(own), (one) => one.close());
    const { log, seen, states, errors } = await openForTest(cleanups, natsLog(connection));
    await log.follow!(["a"]);
    const long = { timeout: 20_000 };
    await expect.poll(() => states, long).toEqual(["interrupted"]);
    expect(String(errors[0])).toMatch(/interrupted: Permissions Violation for Subscription to "_INBOX/);
    const writer = cleanups.add(await connect({ servers }), (one) => one.close());
    const other = await openForTest(cleanups, natsLog(writer));
    await other.log.append([draft("1")]);
    const file = join(server.folder, "nats.conf");
    writeFileSync(file, readFileSync(file, "utf8").replace(denied, '{ publish: ">", subscribe: ">" }'));
    await server.kill("SIGHUP");
    await expect.poll(() => states, long).toEqual(["interrupted", "following"]);
    expect(seen()).toEqual(["1"]);
    expect(errors).toHaveLength(1);
  });

  it("names what its user would need to read many messages", async () => {
    const next = "$JS.API.CONSUMER.MSG.NEXT.tidings.*";
    const { log } = await openWith([...PUBLISH.filter((subject) => subject !== next), FLOW], 3_000);
    for (const text of ["1", "2", "3", "4"]) await log.append([draft(text)]);
    await expect(readAll(log)).rejects.toThrow(
      /Permissions Violation for Publish to "\$JS.API.CONSUMER.MSG.NEXT/,
    );
  });

  it("is full where the account has no room for one more stream", async () => {
    const lines = [
      "accounts { A { jetstream: { max_streams: 1 }, users: [{ user: all, password: p }] } }",
      "no_auth_user: all",
    ];
    const server = cleanups.add(await startNats({ lines }), (one) => one.stop());
    const own = { servers: `127.0.0.1:${server.port}` };
    const connection = cleanups.add(await connect(own), (one) => one.close());
    await openForTest(cleanups, natsLog(connection));
    const second = natsLog(connection, { name: "second" });
    await expect(second.open({ retention, onTail: () => undefined })).rejects.toMatchObject({
      code: "full",
      message: expect.stringContaining("maximum number of streams"),
    });
  });

  it("needs no more than what is documented", async () => {
    expect(documented("zh-CN/logs/nats.md")).toBe(PERMISSIONS);
    expect(PUBLISH).toHaveLength(6);
    const { log, seen, errors } = await fill(await openUnder(PERMISSIONS));
    await expect.poll(() => seen().length).toBe(MESSAGES);
    expect((await readAll(log)).entries.length).toBe(MESSAGES);
    expect(errors).toEqual([]);
  });

  it("says that the server does not hear its flow control, and goes on all the same", async () => {
    const { parts, states, errors } = await fill(await openWith(PUBLISH));
    await expect.poll(() => parts.at(-1)?.through, { timeout: 40_000 }).toBe(MESSAGES);
    expect(states[0]).toBe("interrupted");
    expect(String(errors[0])).toContain("expected a user that may publish to $JS.FC.tidings.>");
  });
});
