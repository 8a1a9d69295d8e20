/** A Postgres of a measurement, and replicas of it. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../test/support/free-port.mjs";
import { Pool } from "./engines.mjs";

/** Postgres refuses to run as root. */
const asUser = () => {
  if (process.getuid() !== 0) return { cwd: "/" };
  const id = (flag) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { cwd: "/", uid: id("-u"), gid: id("-g") };
};

/** A Postgres as Debian configures it, on a free port. */
export async function startPostgres() {
  const folder = makeFolder();
  const options = ["-D", folder, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"];
  execFileSync(pathOf("initdb"), options, asUser());
  appendFileSync(
    join(folder, "postgresql.conf"),
    "unix_socket_directories = ''\nlisten_addresses = '127.0.0.1'\n",
  );
  return serve(folder);
}

async function serve(folder) {
  const port = await freePort();
  const options = { host: "127.0.0.1", port, user: "postgres", database: "postgres" };
  const child = spawn(pathOf("postgres"), ["-D", folder, "-p", `${port}`], {
    ...asUser(),
    stdio: "ignore",
  });
  const pool = new Pool({ ...options, max: 1 });
  pool.on("error", () => undefined);
  for (let attempt = 0; ; attempt += 1) {
    try {
      await pool.query("SELECT 1");
      break;
    } catch (error) {
      if (attempt > 500) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    options,
    sql: async (text) => (await pool.query(text)).rows,
    /** A replica of it, which streams from `from`. */
    replica: async (from) => {
      const copy = makeFolder();
      const source = ["-h", "127.0.0.1", "-p", `${from}`, "-U", "postgres"];
      // Not in one step: the way to the primary may lead through this process.
      await promisify(execFile)(
        pathOf("pg_basebackup"),
        [...source, "-D", copy, "-R", "-X", "stream", "-c", "fast"],
        asUser(),
      );
      return serve(copy);
    },
    /** At once, as when its machine dies. */
    stop: async () => {
      await pool.end();
      const over = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGQUIT");
      await over;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), "tidings-bench-postgres-"));
  const { uid, gid } = asUser();
  if (uid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

/** Debian has the programs in a folder for each version, off the path. */
function pathOf(program) {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  const newest = versions.sort((one, other) => other - one)[0] ?? "";
  const path = join("/usr/lib/postgresql", newest, "bin", program);
  return existsSync(path) ? path : program;
}
