/** Two processes, each with its hub, on one log in NATS: a subscriber loses and doubles nothing when its process is killed. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect } from "tidings/client";
import { afterEach, expect, it } from "vitest";
import { Cleanups } from "../support/opened-log.ts";
import { onEachNats, startNats } from "./server.ts";

const PROGRAM = fileURLToPath(new URL("hub.mjs", import.meta.url));

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface Hub {
  readonly url: string;
  readonly child: ChildProcess;
}

async function startHub(natsPort: number): Promise<Hub> {
  const child = fork(PROGRAM, [`${natsPort}`], { execArgv: [] });
  cleanups.add(child, (one) => one.kill("SIGKILL"));
  const [port] = (await once(child, "message")) as [number];
  return { url: `http://127.0.0.1:${port}/`, child };
}

onEachNats(() => {
  it("hubs over natsLog() in two processes hand a subscriber from one to the other", async () => {
    const server = await startNats();
    cleanups.add(server, (one) => one.stop());
    const first = await startHub(server.port);
    const second = await startHub(server.port);
    let current = first;
    const seen: { id: string; data: string }[] = [];
    const connection = connect(() => current.url);
    cleanups.add(connection, (one) => one.close());
    connection.on("message", ({ id, data }) => void seen.push({ id, data }));
    await expect.poll(() => connection.state).toBe("open");
    const published: { id: string; data: string }[] = [];
    let n = 0;
    const publish = async (hub: Hub): Promise<void> => {
      const messages = ["a", "b/1", "c"].map((topic) => ({ topic, data: `${topic} ${(n += 1)}` }));
      const response = await fetch(hub.url, { method: "POST", body: JSON.stringify(messages) });
      const ids = (await response.json()) as string[];
      for (const [i, { topic, data }] of messages.entries()) {
        if (topic !== "c") published.push({ id: ids[i]!, data });
      }
    };
    const offsetOf = ({ id }: { id: string }): number => Number(id.slice(id.indexOf(".") + 1));
    const expected = (): typeof published =>
      [...published].sort((one, other) => offsetOf(one) - offsetOf(other));
    for (let round = 0; round < 20; round += 1) await Promise.all([publish(first), publish(second)]);
    await expect.poll(() => seen.length).toBe(published.length);
    current = second;
    first.child.kill("SIGKILL");
    for (let round = 0; round < 20; round += 1) await publish(second);
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(published.length);
    expect(seen).toEqual(expected());
  });
});
