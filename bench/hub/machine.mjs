/** The machine a run is made on: what it is, for the reader of the figures, and the one setting that must not be left alone. */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

const BACKLOG_FILE = "/proc/sys/net/core/netdev_max_backlog";
const BACKLOG_WANTED = 100_000;

/** Core of the server under test, and of the load generator. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

export function describeMachine() {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const steal = readSteal();
  return {
    machine: `${availableParallelism()} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()}`,
    node: process.version,
    loadAtStart: loadavg()[0].toFixed(2),
    stolen: () => {
      const now = readSteal();
      const total = now.total - steal.total;
      return total > 0 ? (now.steal - steal.steal) / total : 0;
    },
  };
}

/**
 * On the loopback, one writer fills the backlog of the receiving core in a single turn. At the usual 1,000 packets,
 * broadcasts to 1,000 streams and more stall in steps of 200 ms (TCP's shortest retransmission time), whoever writes them.
 * @returns What to print, and what puts the setting back.
 */
export function raiseBacklog() {
  let before;
  try {
    before = readFileSync(BACKLOG_FILE, "utf8").trim();
    if (Number(before) >= BACKLOG_WANTED)
      return { note: `net.core.netdev_max_backlog is ${before}`, restore() {} };
    writeFileSync(BACKLOG_FILE, String(BACKLOG_WANTED));
  } catch {
    return {
      note: `net.core.netdev_max_backlog is ${before ?? "unknown"} and cannot be raised here: expect stalls in steps of 200 ms from 1,000 streams on, for every server; as root: sysctl -w net.core.netdev_max_backlog=${BACKLOG_WANTED}`,
      restore() {},
    };
  }
  return {
    note: `net.core.netdev_max_backlog raised from ${before} to ${BACKLOG_WANTED} for this run`,
    restore() {
      writeFileSync(BACKLOG_FILE, before);
    },
  };
}

/** Files that one process may have open: the streams of a run must stay below it. */
export function openFilesLimit() {
  try {
    const line = readFileSync("/proc/self/limits", "utf8").match(/^Max open files\s+(\d+)/m);
    return line ? Number(line[1]) : 1024;
  } catch {
    return 1024;
  }
}

function readSteal() {
  try {
    const fields = readFileSync("/proc/stat", "utf8").split("\n")[0].trim().split(/\s+/).slice(1).map(Number);
    return { steal: fields[7] ?? 0, total: fields.slice(0, 8).reduce((sum, field) => sum + field, 0) };
  } catch {
    return { steal: 0, total: 0 };
  }
}
