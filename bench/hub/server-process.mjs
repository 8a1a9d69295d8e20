/** One server under test in a process of its own, pinned to the server's core, spoken to over the process channel. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LOAD_CORE, SERVER_CORE } from "./machine.mjs";
import { pin, pinned, prefer } from "./priority.mjs";

/** How long a server may take to answer an order; a peer that drains a backlog takes its time. */
const ANSWER_MS = 180_000;
/** How much of what a server writes to standard error is kept, in characters, to be told should it end. */
const COMPLAINT_LENGTH = 4000;

/** @param {{ core?: number, env?: Record<string, string>, nodeOptions?: string[] }} [options] */
export async function startServer(name, { core = SERVER_CORE, env = {}, nodeOptions = [] } = {}) {
  const file = fileURLToPath(new URL(`./servers/${name}.mjs`, import.meta.url));
  const [command, ...rest] = pinned(core, [
    process.execPath,
    "--expose-gc",
    "--no-warnings",
    ...nodeOptions,
    file,
  ]);
  const child = spawn(command, rest, {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    detached: true,
    env: { ...process.env, NODE_ENV: "production", ...env },
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    complaint = (complaint + text).slice(-COMPLAINT_LENGTH);
  });
  let waiting;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const ended = (reason) => waiting?.reject(new Error(`The server ${name} ended: ${reason}\n${complaint}`));
  child.on("error", (error) => ended(error.message));
  child.on("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
  child.on("message", ({ answer, error }) => {
    if (error === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(`The server ${name} failed: ${error}`));
  });
  const answered = () =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The server ${name} did not answer`)), ANSWER_MS);
      const settle = (how) => (value) => {
        clearTimeout(timer);
        waiting = undefined;
        how(value);
      };
      waiting = { resolve: settle(resolve), reject: settle(reject) };
    });

  const ready = await answered();
  // A server that runs beside the process that speaks for it (nginx) names its own process.
  const { pid } = ready;
  if (pid !== child.pid) {
    pin(SERVER_CORE, pid);
    pin(LOAD_CORE, child.pid);
  }
  prefer(pid);
  return {
    ...ready,
    /** Sends one order; see servers/driver.mjs for them. */
    ask(order, options = {}) {
      const answer = answered();
      child.send({ order, ...options });
      return answer;
    },
    /** Memory of the process in bytes, shared pages counted by their share. */
    pssBytes() {
      const line = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+) kB/m);
      return Number(line[1]) * 1024;
    },
    async stop() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
      await exited;
      clearTimeout(timer);
    },
  };
}
