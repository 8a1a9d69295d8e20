/**
 * Nchan in nginx, one worker. This process only speaks for it: it publishes by POST over one kept connection, one at a
 * time, on the generator's core. So Nchan's deliveries per second are not its limit; its CPU per delivery is its own.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../test/support/free-port.mjs";
import { drive, heartbeatMs } from "./driver.mjs";

const MODULE_PATHS = [
  "/usr/lib/nginx/modules/ngx_nchan_module.so",
  "/usr/lib64/nginx/modules/ngx_nchan_module.so",
];
const module = MODULE_PATHS.find((path) => existsSync(path));
const folder = mkdtempSync(join(tmpdir(), "tidings-bench-nchan-"));
const port = await freePort();

writeFileSync(
  join(folder, "nginx.conf"),
  `load_module ${module};
user root;
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 19900; }
http {
  access_log off;
  client_body_temp_path ${folder};
  nchan_max_reserved_memory 256M;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /events {
      nchan_subscriber eventsource;
      nchan_channel_id book;
      nchan_subscriber_first_message newest;
      nchan_eventsource_ping_interval ${Math.ceil(heartbeatMs / 1000)};
      nchan_eventsource_ping_comment "";
    }
    location = /publish {
      nchan_publisher http;
      nchan_channel_id book;
      nchan_message_buffer_length 1000;
    }
  }
}
`,
);
const nginx = spawn("nginx", ["-e", `${folder}/error.log`, "-c", join(folder, "nginx.conf")], {
  stdio: "ignore",
});
process.on("exit", () => {
  nginx.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});
await answers();
const worker = readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && parentOf(pid) === nginx.pid);

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
void drive({
  port,
  pid: Number(worker),
  cpuUs: () => Number(readFileSync(`/proc/${worker}/schedstat`, "utf8").split(" ")[0]) / 1000,
  publish: (message) =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify(message);
      const options = { agent, host: "127.0.0.1", port, method: "POST", path: "/publish" };
      const post = request({ ...options, headers: { "content-length": body.length } }, (response) => {
        response.resume().on("end", resolve);
      });
      post.on("error", reject);
      post.end(body);
    }),
});

function parentOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")[1]);
  } catch {
    return 0;
  }
}

async function answers() {
  for (let attempt = 0; attempt < 100; attempt++) {
    const isUp = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nginx does not answer: ${readFileSync(join(folder, "error.log"), "utf8")}`);
}
