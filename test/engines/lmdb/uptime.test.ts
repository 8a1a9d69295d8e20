/** A container that has an uptime of its own, as with LXC: it starts anew where the machine, and its boot_id, do not. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, it } from "vitest";

const SOURCE = fileURLToPath(new URL("../../../packages/tidings/src/log/lmdb/boot-time.ts", import.meta.url));

function bootTime(folder: string, ...before: string[]): unknown {
  const script = `import { bootTimeOf } from "./boot-time.mjs"; console.log(JSON.stringify(bootTimeOf(5) ?? null));`;
  const words = [...before, process.execPath, "--input-type=module", "--eval", script];
  return JSON.parse(execFileSync(words[0]!, words.slice(1), { encoding: "utf8", cwd: folder }));
}

it("lmdbLog() does not tell the time by the uptime of a container", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidings-uptime-"));
  try {
    await build({ entryPoints: [SOURCE], outfile: join(folder, "boot-time.mjs"), logLevel: "error" });
    writeFileSync(join(folder, "uptime"), "12.34 10.00\n");
    const bound = ["sh", "-c", 'mount --bind uptime /proc/uptime && exec "$@"', "sh"];
    expect(bootTime(folder, "unshare", "--user", "--map-root-user", "--mount", ...bound)).toBe(null);
    const boot = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
    expect(bootTime(folder)).toMatchObject({ boot, atMs: 5 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
