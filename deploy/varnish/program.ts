import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Program } from "../program.ts";

let reloads = 0;

export const varnish: Program = {
  command: "varnishd",
  debian: "varnish",
  versionArguments: ["-V"],
  async prepare({ folder, port }, vcl) {
    await writeFile(`${folder}/default.vcl`, vcl);
    return [
      "-F",
      "-j",
      "none",
      "-n",
      folder,
      "-a",
      `127.0.0.1:${port}`,
      "-f",
      `${folder}/default.vcl`,
      "-s",
      "malloc,64m",
    ];
  },
  async reload(_, { folder }) {
    const name = `reload${++reloads}`;
    await promisify(execFile)("varnishadm", ["-n", folder, "vcl.load", name, `${folder}/default.vcl`]);
    await promisify(execFile)("varnishadm", ["-n", folder, "vcl.use", name]);
  },
};
