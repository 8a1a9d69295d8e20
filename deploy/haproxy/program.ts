import { writeFile } from "node:fs/promises";
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
  reload: (child) => void child.process.kill("SIGUSR2"),
};
