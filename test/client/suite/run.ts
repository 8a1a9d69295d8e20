/**
 * Runs the suite where it is: in any of the runtimes, bundled with the client as built.
 */
import { connect, type ConnectOptions, EventSource } from "tidings/client";
import { xhrTransport } from "tidings/client/xhr";
import { cases } from "./cases.ts";
import {
  type Case,
  type Outcome,
  type ScriptedAnswer,
  type Seen,
  type Setting,
  type Site,
  sleep,
  soon,
  type World,
} from "./world.ts";

/** @param skipped - Names of cases that do not apply here; a test holds them against the list of reasons. */
export async function runSuite(setting: Setting, skipped: readonly string[]): Promise<Outcome[]> {
  const wanted = cases.filter(({ name }) => !skipped.includes(name));
  const waiting = wanted.filter(({ alone }) => !alone);
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      outcomes.push(await runCase(next, setting));
  };
  await Promise.all(Array.from({ length: setting.concurrency }, worker));
  for (const last of wanted.filter(({ alone }) => alone)) outcomes.push(await runCase(last, setting));
  return outcomes;
}

async function runCase({ name, run }: Case, setting: Setting): Promise<Outcome> {
  const startMs = Date.now();
  const closers: (() => unknown)[] = [];
  try {
    await soon("the case", run(worldOf(setting, closers)), 45_000);
    return { name, ok: true, ms: Date.now() - startMs };
  } catch (thrown) {
    const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return { name, ok: false, error: `${String(thrown)}\n${error}`, ms: Date.now() - startMs };
  } finally {
    for (const close of closers) close();
  }
}

let streams = 0;

function worldOf(setting: Setting, closers: (() => unknown)[]): World {
  const isXhr = setting.transport === "xhr";
  const options: ConnectOptions = {
    retry: { baseMs: 100, capMs: 100 },
    ...(isXhr && { transport: xhrTransport() }),
  };
  return {
    ...setting,
    options,
    connect: ((url: string, given?: ConnectOptions) => {
      const retry =
        given?.retry === false ? (false as const) : { ...(options.retry as object), ...given?.retry };
      const connection = connect(url, { ...options, ...given, retry });
      closers.push(() => connection.close());
      return connection;
    }) as typeof connect,
    EventSource,
    // Chromium tells of an XMLHttpRequest's text ten times a second.
    chunkPauseMs: isXhr ? 120 : 8,
    async script(...answers) {
      const site = siteOf(setting.origin, `${Date.now().toString(36)}-${streams++}`);
      await site.script(answers);
      return site;
    },
  };
}

function siteOf(
  origin: string,
  key: string,
): Site & { script(answers: readonly ScriptedAnswer[]): Promise<void> } {
  const path = `/streams/${key}`;
  const control = `${origin}/control/${key}`;
  const requests = async (): Promise<Seen[]> => (await fetch(control)).json() as Promise<Seen[]>;
  return {
    path,
    url: origin + path,
    requests,
    cut: async () => void (await fetch(control, { method: "DELETE" })),
    async until(what, is, withinMs = 20_000) {
      let seen: readonly Seen[] = [];
      for (const endMs = Date.now() + withinMs; Date.now() < endMs; await sleep(20)) {
        seen = await requests();
        if (await is(seen)) return seen;
      }
      throw new Error(`The server did not see ${what}: ${JSON.stringify(seen)}`);
    },
    async script(answers) {
      const response = await fetch(control, { method: "POST", body: JSON.stringify(answers) });
      if (!response.ok) throw new Error(`Cannot script: ${await response.text()}`);
    },
  };
}
