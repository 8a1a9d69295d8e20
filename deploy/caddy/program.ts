import { writeFile } from "node:fs/promises";
import { type Program } from "../program.ts";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

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
    await writeFile(`${folder}/Caddyfile`, `{\n${global.join("\n")}\n}\n${config}`);
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
