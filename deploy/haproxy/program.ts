import { writeFile } from "node:fs/promises";
import type { Child } from "../../test/browsers/child.ts";
import type { Program } from "../program.ts";

export const haproxy: Program = {
  command: "haproxy",
  debian: "haproxy",
  versionArguments: ["-v"],
  async prepare({ folder }, config) {
    await writeFile(`${folder}/haproxy.cfg`, config);
    // A master and a worker, as Debian runs it: the master starts another worker when it is told to reload.
    return ["-W", "-f", `${folder}/haproxy.cfg`];
  },
  async reload(child) {
    // The master starts itself again once its first worker runs, and loses a signal that comes meanwhile.
    const before = workersOf(child);
    for (let attempt = 0; workersOf(child) === before; attempt++) {
      if (child.process.exitCode !== null) throw new Error(`Cannot reload haproxy: ${child.output()}`);
      if (attempt % 50 === 0) child.process.kill("SIGUSR2");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
};

/** How many workers the master says that it has started. */
function workersOf(child: Child): number {
  return child.output().split("forked").length;
}
