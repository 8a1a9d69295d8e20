/**
 * A network between this test and a program, which can be cut: what is sent meanwhile gets lost, and nobody is told. Two network
 * namespaces of Linux and a pair of devices between them; in a user namespace, so that nobody has to be root.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

export interface Network {
  /** Runs a program at the near end. */
  readonly near: (program: string, ...options: string[]) => ChildProcess;
  /** Runs a program at the far end, whose address is `address`. */
  readonly far: (program: string, ...options: string[]) => ChildProcess;
  readonly address: string;
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function openNetwork(): Promise<Network> {
  const address = "10.77.0.1";
  const near = spawn("unshare", ["--user", "--map-root-user", "--net", "sleep", "infinity"], {
    stdio: "ignore",
  });
  await entered(near);
  const enter = (pid: number): string[] => [
    "--target",
    `${pid}`,
    "--user",
    "--net",
    "--preserve-credentials",
  ];
  const far = spawn("nsenter", [...enter(near.pid!), "unshare", "--net", "sleep", "infinity"], {
    stdio: "ignore",
  });
  await entered(far);
  const at = (pid: number, ...words: string[]): void => {
    const { status, stderr } = spawnSync("nsenter", [...enter(pid), ...words], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
  };
  at(near.pid!, "ip", "link", "add", "name", "near", "type", "veth", "peer", "name", "far");
  at(near.pid!, "ip", "link", "set", "far", "netns", `${far.pid}`);
  for (const [pid, device, own] of [
    [near.pid!, "near", "10.77.0.2"],
    [far.pid!, "far", address],
  ] as const) {
    at(pid, "ip", "link", "set", "lo", "up");
    at(pid, "ip", "address", "add", `${own}/24`, "dev", device);
    at(pid, "ip", "link", "set", device, "up");
  }
  const start =
    (pid: number) =>
    (program: string, ...options: string[]): ChildProcess =>
      spawn("nsenter", [...enter(pid), program, ...options], {
        stdio: ["ignore", "pipe", "inherit", "ipc"],
      });
  return {
    near: start(near.pid!),
    far: start(far.pid!),
    address,
    // At the far end: a program at the near one sees a device that is up, and no answer.
    cut: () => at(far.pid!, "ip", "link", "set", "far", "down"),
    mend: () => at(far.pid!, "ip", "link", "set", "far", "up"),
    close: async () => {
      for (const child of [far, near]) {
        const over = once(child, "exit");
        child.kill("SIGKILL");
        await over;
      }
    },
  };
}

/** Resolves when `unshare` has become `sleep`, in its own namespaces. */
async function entered(child: ChildProcess): Promise<void> {
  for (const giveUp = Date.now() + 10_000; ;) {
    const { stdout } = spawnSync("cat", [`/proc/${child.pid}/comm`], { encoding: "utf8" });
    if (stdout.trim() === "sleep") return;
    if (child.exitCode !== null || Date.now() > giveUp) throw new Error("cannot make a network namespace");
    await new Promise((resolve) => void setTimeout(resolve, 10));
  }
}
