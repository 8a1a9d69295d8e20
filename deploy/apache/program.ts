import { writeFile } from "node:fs/promises";
import type { Program } from "../program.ts";

const MODULES = [
  "mpm_event",
  "authz_core",
  "deflate",
  "filter",
  "headers",
  "proxy",
  "proxy_http",
  "ssl",
  "http2",
];

export const apache: Program = {
  command: "apache2",
  debian: "apache2",
  versionArguments: ["-v"],
  async prepare({ folder }, config) {
    const file = [
      ...MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
      "ServerName localhost",
      "User www-data",
      "Group www-data",
      `DefaultRuntimeDir ${folder}`,
      `PidFile ${folder}/apache.pid`,
      `Mutex file:${folder}`,
      `ErrorLog ${folder}/error.log`,
      "LogLevel error",
      "StartServers 1",
      config,
    ];
    await writeFile(`${folder}/apache.conf`, file.join("\n"));
    return ["-D", "FOREGROUND", "-d", folder, "-f", `${folder}/apache.conf`];
  },
  reload: (child) => void child.process.kill("SIGUSR1"),
};
