import { writeFile } from "node:fs/promises";
import type { Program } from "../program.ts";

export const nginx: Program = {
  command: "nginx",
  debian: "nginx-light",
  versionArguments: ["-v"],
  async prepare({ folder }, config) {
    // The one line of a configuration that stands outside of its http block.
    const [, main = "", http = ""] = /^(worker_shutdown_timeout .+\n)?([^]*)$/.exec(config) ?? [];
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    const file = [
      // As root, nginx would hand its workers to a user who may not enter the folder.
      process.getuid?.() === 0 ? "user root;" : "",
      "daemon off;",
      "worker_processes 1;",
      main,
      `pid ${folder}/nginx.pid;`,
      "error_log stderr;",
      "events { worker_connections 256; }",
      `http {\n${temporary.join("\n")}\naccess_log off;\n${http}\n}`,
    ];
    await writeFile(`${folder}/nginx.conf`, file.join("\n"));
    return ["-p", folder, "-c", "nginx.conf", "-e", "stderr"];
  },
  reload: (child) => void child.process.kill("SIGHUP"),
};
