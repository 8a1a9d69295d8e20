/**
 * `tidings serve`: an event stream from lines, for trying things and for demos. Those who return get what they missed.
 */
import { createHub } from "../../server/index.ts";
import type { Command, Input } from "../arguments/command.ts";
import { parseCount, parseDuration, plural } from "../arguments/units.ts";
import { UsageError } from "../arguments/usage-error.ts";
import type { Io } from "../terminal/io.ts";
import { harmless, stylesFor } from "../terminal/style.ts";
import { SERVER_OPTIONS, startServer } from "./http-server.ts";
import { commandSource, fileSource, type Source, stdinSource } from "./sources.ts";

export const serve: Command = {
  name: "serve",
  summary: "Serve a command's output, a growing file or standard input as a stream",
  usage: "[-- COMMAND…]",
  words: [0, 0],
  takesCommand: true,
  options: {
    follow: { short: "f", value: "FILE", about: "The lines of a file, and those appended later" },
    stdin: { about: "The lines of the standard input (so in pipes)" },
    event: { short: "e", value: "TYPE", about: "The event type of the messages" },
    keep: { value: "N", about: "How many messages are kept. Default: 1000" },
    heartbeat: { value: "TIME", about: "Time between comments in silence. Default: 15s" },
    restart: { about: "Run the command again when it exits" },
    exit: { about: "Stop when the source ends, rather than go on serving" },
    quiet: { short: "q", about: "Say nothing of who comes and goes" },
    ...SERVER_OPTIONS,
  },
  examples: ["tidings serve -- ping -i 1 localhost", "tidings serve --follow /var/log/syslog --event line"],
  run: runServe,
};

const TOPIC = "lines";

async function runServe(input: Input, io: Io): Promise<number> {
  const source = sourceOf(input, io);
  const { dim, strong, bad } = stylesFor(io.color.err);
  const event = input.get("event");
  if (event !== undefined && /[\r\n\0]|^$/.test(event)) {
    throw new UsageError(`--event is ${JSON.stringify(event)}, expected a name without line breaks.`);
  }
  const hub = createHub({
    retention: { messages: parseCount("keep", input.get("keep") ?? "1000", 1, 1_000_000) },
    heartbeatMs: parseDuration("heartbeat", input.get("heartbeat") ?? "15s", 1),
  });
  const stop = new AbortController();
  const say = (text: string): void => void (input.has("quiet") || io.err(text));
  let readers = 0;
  const server = await startServer(input, io.env, (request, response, headers) => {
    readers++;
    const came = request.headers["last-event-id"];
    say(dim(`+ reader ${readers}${came === undefined ? "" : `, from ${harmless(String(came))}`}\n`));
    const number = readers;
    response.on("close", () => say(dim(`- reader ${number}\n`)));
    void hub.subscribe(request, response, { topics: [TOPIC], from: "earliest", headers });
  });
  const end = (): void => stop.abort();
  io.signal.addEventListener("abort", end);
  if (io.signal.aborted) end();
  io.err(`${strong(server.url)} ${dim(`serves ${harmless(source.name)}`)}\n`);

  let lines = 0;
  let failed = false;
  try {
    for (;;) {
      const result = await source.run(async (data) => {
        if (stop.signal.aborted) return;
        lines++;
        await hub.publish(TOPIC, event === undefined ? { data } : { event, data });
      }, stop.signal);
      failed = result.failed;
      if (!stop.signal.aborted)
        say(`${failed ? bad(result.said) : result.said} ${dim(`(${plural(lines, "message")})`)}\n`);
      if (!input.has("restart") || stop.signal.aborted) break;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 1000);
        stop.signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
      });
    }
    if (!input.has("exit") && !stop.signal.aborted) {
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve, { once: true }));
    }
  } finally {
    stop.abort();
    await hub.drain({ overMs: 0 });
    await server.stop();
  }
  return failed && input.has("exit") ? 1 : 0;
}

function sourceOf(input: Input, io: Io): Source {
  const { command } = input;
  const file = input.get("follow");
  const ways = [command.length > 0, file !== undefined, input.has("stdin")].filter(Boolean).length;
  if (ways > 1) throw new UsageError("Serve takes one source: a command, --follow FILE, or --stdin.");
  if (command.length > 0) return commandSource(command, io);
  if (file !== undefined) return fileSource(file);
  if (!input.has("stdin") && io.stdin.isTTY === true) {
    throw new UsageError("Nothing to serve: expected -- COMMAND, --follow FILE, or lines on standard input.");
  }
  return stdinSource(io);
}
