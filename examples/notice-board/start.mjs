/**
 * Starts everything: Redis, two servers, and nginx in front of them. A server that ends is started again, as a supervisor would.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const front = Number(process.env.PORT ?? 3004);
if (!(await isFree(front))) {
  console.error(`Cannot start: port ${front} is taken. Choose another: PORT=3014 npm start`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "tidings-notice-board-"));
const children = new Set();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);

const redis = await freePort();
run(
  "redis-server",
  ["--port", `${redis}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
  {},
  "ignore",
);
await listens(redis);

const ports = [await freePort(), await freePort()];
await Promise.all(ports.map((port, i) => start(port, "AB"[i])));

const config = readFileSync(here("nginx.conf"), "utf8")
  .replace("listen 3004", `listen 127.0.0.1:${front}`)
  .replace("127.0.0.1:3005", `127.0.0.1:${ports[0]}`)
  .replace("127.0.0.1:3006", `127.0.0.1:${ports[1]}`);
writeFileSync(join(folder, "nginx.conf"), config);
run("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")], {}, "ignore");
await listens(front);
console.log(`http://127.0.0.1:${front}`);

async function start(port, name) {
  const env = { PORT: `${port}`, NAME: name, REDIS: `redis://127.0.0.1:${redis}` };
  const child = run(process.execPath, [here("server.mjs")], env, "pipe");
  child.once("exit", () => void start(port, name));
  await once(child.stdout, "data");
  console.log(`server ${name}: process ${child.pid} at port ${port}`);
}

function run(command, args, env, stdout) {
  const child = spawn(command, args, {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, ...env },
    stdio: ["ignore", stdout, "inherit"],
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  child.once("error", ({ message }) => {
    console.error(
      `Cannot run ${command}: ${message}. On Debian or Ubuntu: sudo apt-get install redis-server nginx-light`,
    );
    stop();
  });
  return child;
}

function stop() {
  for (const child of children) child.removeAllListeners("exit").kill();
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}

async function freePort() {
  // Below those that the system gives to outgoing connections, so that a server finds its port free again.
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port) {
  const probe = createServer().listen(port, "127.0.0.1");
  const listens = await once(probe, "listening").then(
    () => true,
    () => false,
  );
  if (listens) {
    probe.close();
    await once(probe, "close");
  }
  return listens;
}

async function listens(port) {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const answered = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
