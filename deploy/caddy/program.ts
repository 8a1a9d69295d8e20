import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Program } from "../program.ts";

export const caddy: Program = {
  command: "caddy",
  debian: "caddy",
  versionArguments: ["version"],
  async prepare({ folder }, config) {
    const global = [
      `admin unix/${folder}/admin.sock`,
      `storage file_system ${folder}/storage`,
      // Else it would also listen on port 80, to send clients from there to https.
      "auto_https disable_redirects",
      "log {\nlevel ERROR\n}",
    ];
    // A configuration may open with a block of global options of its own.
    const rest = config.startsWith("{") ? config.slice(1) : `}\n${config}`;
    await writeFile(`${folder}/Caddyfile`, `{\n${global.join("\n")}\n${rest}`);
    return ["run", "--adapter", "caddyfile", "--config", `${folder}/Caddyfile`];
  },
  async reload(_, { folder }) {
    const address = `unix/${folder}/admin.sock`;
    const args = [
      "reload",
      "--force",
      "--adapter",
      "caddyfile",
      "--config",
      `${folder}/Caddyfile`,
      "--address",
      address,
    ];
    await promisify(execFile)("caddy", args);
  },
};
