/**
 * Builds the page, then starts everything: the model, two servers, and nginx in front of them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { build } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));
const wanted = process.env.PORT;
if (wanted !== undefined && !(await isFree(Number(wanted)))) {
  console.error(`Cannot start: port ${wanted} is taken. Choose another: PORT=3013 npm start`);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), "tidings-ai-chat-"));
const children = [];

await build({
  root,
  configFile: false,
  plugins: [react()],
  logLevel: "warn",
  build: { outDir: join(folder, "dist"), emptyOutDir: true, chunkSizeWarningLimit: 2_000 },
  // In this repository the package is a link with a React beside it. In yours it is not, and this line may go.
  resolve: { dedupe: ["react", "react-dom"] },
});

// PORT is that of nginx: each of the others takes a free one.
const model = await start("model.mjs", { PORT: "0" });
const settings = {
  PORT: "0",
  DATA: join(folder, "data"),
  PAGES: join(folder, "dist"),
  MODEL: `http://127.0.0.1:${model.port}/v1`,
};
const servers = [await start("server.mjs", settings), await start("server.mjs", settings)];

const port = wanted ?? (await freePort());
const config = readFileSync(join(root, "nginx.conf"), "utf8")
  .replace("listen 3003", `listen 127.0.0.1:${port}`)
  .replace(
    /server 127\.0\.0\.1:\d+ .*\n/g,
    () => `server 127.0.0.1:${servers.shift().port} max_fails=1 fail_timeout=2s;\n`,
  );
writeFileSync(join(folder, "nginx.conf"), config);
run(
  "nginx",
  ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")],
  {},
  "inherit",
);
console.log(`http://127.0.0.1:${port}`);

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);

function stop() {
  for (const child of children) child.removeAllListeners("exit").kill();
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}

/** A program of this folder, whose first line is its port. It is started again when it ends, as a supervisor would. */
async function start(program, env) {
  const child = run(process.execPath, [join(root, program)], env, "pipe");
  const [line] = await once(child.stdout, "data");
  const port = Number(String(line));
  console.log(`${program}: process ${child.pid} at port ${port}`);
  child.once("exit", () => void start(program, { ...env, PORT: `${port}` }));
  return { port };
}

function run(command, args, env, stdout) {
  const child = spawn(command, args, {
    // Debian has nginx off the path of those who are not root.
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, ...env },
    stdio: ["ignore", stdout, "inherit"],
  });
  children.push(child);
  return child;
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

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}
