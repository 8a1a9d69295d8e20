/**
 * Runs the nginx of this machine for a test: unprivileged paths in a folder of its own, one port of 127.0.0.1.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../test/support/free-port.ts";

export interface Nginx {
  readonly url: string;
  stop(): Promise<void>;
}

// Debian keeps it where only root's PATH looks.
const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin`;

/** What `nginx -v` says, such as "1.22.1". */
export function nginxVersion(command = "nginx"): string {
  const { error, stderr } = spawnSync(command, ["-v"], { encoding: "utf8", env: { ...process.env, PATH } });
  if (error !== undefined) {
    throw new Error(`Cannot run ${command}: it is not installed, expected: apt-get install nginx-light`, {
      cause: error,
    });
  }
  return /nginx\/([\d.]+)/.exec(stderr)?.[1] ?? "unknown";
}

/**
 * Starts nginx with the given content of its `http` block and waits until it answers.
 * @param http - Given a free port and a folder it may write to, returns directives; must listen on that port of 127.0.0.1.
 */
export async function startNginx(http: (port: number, folder: string) => string): Promise<Nginx> {
  nginxVersion();
  const folder = await mkdtemp(join(tmpdir(), "tidings-nginx-"));
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    await writeFile(join(folder, "nginx.conf"), configuration(http(port, folder), folder));
    const nginx = spawn("nginx", ["-p", folder, "-c", "nginx.conf", "-e", "stderr"], {
      env: { ...process.env, PATH },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const problem = await answersOrExits(nginx, port);
    if (problem === undefined) {
      const kill = (): void => void nginx.kill();
      process.once("exit", kill);
      return {
        url: `http://127.0.0.1:${port}`,
        async stop() {
          process.off("exit", kill);
          if (nginx.exitCode === null) {
            nginx.kill();
            await once(nginx, "exit");
          }
          await rm(folder, { recursive: true, force: true });
        },
      };
    }
    // Another process may have taken the port between our look and nginx's.
    if (attempt < 3 && problem.includes("Address already in use")) continue;
    await rm(folder, { recursive: true, force: true });
    throw new Error(`Cannot start nginx: ${problem}`);
  }
}

function configuration(http: string, folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return [
    // As root, nginx would hand its workers to a user who may not enter the folder.
    process.getuid?.() === 0 ? "user root;" : "",
    "daemon off;",
    "worker_processes 1;",
    `pid ${folder}/nginx.pid;`,
    "error_log stderr;",
    "events { worker_connections 256; }",
    `http {\n${temporary.join("\n")}\naccess_log off;\n${http}\n}`,
  ].join("\n");
}

async function answersOrExits(nginx: ChildProcess, port: number): Promise<string | undefined> {
  let said = "";
  nginx.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  let over = false;
  void once(nginx, "close").then(() => (over = true));
  while (!over) {
    const socket = connect(port, "127.0.0.1");
    const answered = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (answered) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return said.trim() || "it exited without a word";
}
