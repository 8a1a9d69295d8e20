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

const PUBLISH = [
  "tidings.>",
  "$JS.API.STREAM.*.tidings",
  "$JS.API.STREAM.MSG.GET.tidings",
  "$JS.API.CONSUMER.CREATE.tidings",
  "$JS.API.CONSUMER.DELETE.tidings.*",
  "$JS.API.CONSUMER.MSG.NEXT.tidings.*",
];
const FLOW = "$JS.FC.tidings.>";

/** More than a server sends before it asks whether it may go on. */
const MESSAGES = 2_000;
const LARGE = "x".repeat(2_000);

async function openWith(publish: readonly string[]): Promise<Opened> {
  const permissions = `{ publish: ${JSON.stringify(publish)}, subscribe: "_INBOX.>" }`;
  const users = `{ user: all, password: p }, { user: some, password: p, permissions: ${permissions} }`;
  const lines = [`accounts { A { jetstream: enabled, users: [${users}] } }`, "no_auth_user: all"];
  const server = cleanups.add(await startNats({ lines }), (one) => one.stop());
  const own = { servers: `127.0.0.1:${server.port}`, user: "some", pass: "p" };
  const connection = cleanups.add(await connect(own), (one) => one.close());
  return openForTest(cleanups, natsLog(connection, { deadlineMs: 20_000 }));
}

async function openAs(publish: readonly string[]): Promise<Opened> {
  const opened = await openWith(publish);
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
    const { log, seen, errors } = await openAs([...PUBLISH, FLOW]);
    await expect.poll(() => seen().length).toBe(MESSAGES);
    expect((await readAll(log)).entries.length).toBe(MESSAGES);
    expect(errors).toEqual([]);
  });

  it("says that the server does not hear its flow control, and goes on all the same", async () => {
    const { parts, states, errors } = await openAs(PUBLISH);
    await expect.poll(() => parts.at(-1)?.through, { timeout: 40_000 }).toBe(MESSAGES);
    expect(states[0]).toBe("interrupted");
    expect(String(errors[0])).toContain("expected a user that may publish to $JS.FC.tidings.>");
  });
});
