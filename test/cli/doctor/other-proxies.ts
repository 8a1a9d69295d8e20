/**
 * Proxies that Tidings has no configuration for, run so that the doctor has something to find.
 */
import { chmod, writeFile } from "node:fs/promises";
import type { Program } from "../../../deploy/program.ts";

export const lighttpd: Program = {
  command: "lighttpd",
  debian: "lighttpd",
  versionArguments: ["-v"],
  async prepare({ folder }, config) {
    await writeFile(`${folder}/lighttpd.conf`, config);
    return ["-D", "-f", `${folder}/lighttpd.conf`];
  },
  reload: (child) => void child.process.kill("SIGUSR1"),
};

/** As a reverse proxy, which Squid calls an accelerator. */
export const squid: Program = {
  command: "squid",
  debian: "squid",
  versionArguments: ["-v"],
  async prepare({ folder, port }, config) {
    const file = [
      `pid_filename ${folder}/squid.pid`,
      "access_log none",
      "cache_log /dev/null",
      `coredump_dir ${folder}`,
      "pinger_enable off",
      "netdb_filename none",
      "shutdown_lifetime 0 seconds",
      "visible_hostname localhost",
      config,
    ];
    // Started by root, it goes on as a user of its own.
    await chmod(folder, 0o755);
    await writeFile(`${folder}/squid.conf`, file.join("\n"));
    // Its shared memory is found by this name.
    return ["-n", `tidings${port}`, "-N", "-f", `${folder}/squid.conf`];
  },
  reload: (child) => void child.process.kill("SIGHUP"),
};
