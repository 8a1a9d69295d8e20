/**
 * What compression saves and costs: bytes on the wire, CPU and memory of the server, for the hub as it is, the hub that
 * compresses once for all, the hub with a compressor per stream, and a bare `res.write` loop behind the `compression`
 * middleware with a flush per message. Side by side, each in a process of its own, the same messages to all.
 *
 *     npm run bench compression [-- --streams 500 --messages 400]
 */
import { execSync, fork } from "node:child_process";
import { connect } from "node:net";
import { once } from "node:events";
import { cpus } from "node:os";
import { parseArgs } from "node:util";

const SERVERS = ["hub", "hub, shared gzip", "hub, gzip per stream", "compression middleware"];
const MESSAGES_PER_TURN = [1, 10];

export async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      streams: { type: "string", default: "300" },
      messages: { type: "string", default: "400" },
    },
  });
  const streams = Number(values.streams);
  const messages = Number(values.messages);
  execSync("npm run build --silent --workspace tidings", { stdio: "inherit" });
  const { model } = cpus()[0];
  console.log(`${streams} streams, ${messages} messages; Node ${process.version}, ${model}\n`);
  console.log("| messages per turn | server | bytes per delivery | CPU per delivery | memory per stream |");
  console.log("|--:|---|--:|--:|--:|");
  for (const perTurn of MESSAGES_PER_TURN) {
    let plain;
    for (const name of SERVERS) {
      const row = await measure({ name, perTurn, streams, messages });
      plain ??= row;
      console.log(
        `| ${perTurn} | ${name} | ${row.bytes.toFixed(1)} (${ratio(row.bytes, plain.bytes)}) | ${row.cpuUs.toFixed(2)} µs (${ratio(row.cpuUs, plain.cpuUs)}) | ${(row.memory / 1_000).toFixed(0)} kB |`,
      );
    }
  }
}

function ratio(one, other) {
  return `${(one / other).toFixed(2)} ×`;
}

async function measure({ name, perTurn, streams, messages }) {
  const server = fork(new URL("server.mjs", import.meta.url), [name], { execArgv: ["--expose-gc"] });
  const ask = async (question) => {
    server.send(question);
    const [answer] = await once(server, "message");
    return answer;
  };
  const [{ port }] = await once(server, "message");
  const before = await ask({ ask: "usage" });
  const sockets = await open(port, streams);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const idle = await ask({ ask: "usage" });
  const done = whenAllHave(sockets);
  await ask({ publish: messages, perTurn });
  const received = await done();
  // What they read may still be on its way through threads.
  const busy = await ask({ ask: "usage" });
  for (const { socket } of sockets) socket.destroy();
  server.kill();
  await once(server, "exit");
  return {
    bytes: received / streams / messages,
    cpuUs: (busy.cpuUs - idle.cpuUs) / streams / messages,
    memory: (busy.memory - before.memory) / streams,
  };
}

async function open(port, streams) {
  const sockets = [];
  for (let i = 0; i < streams; i += 1) {
    const socket = connect(port, "127.0.0.1");
    const one = { socket, bytes: 0 };
    socket.on("data", (part) => void (one.bytes += part.length));
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n");
    sockets.push(one);
    if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return sockets;
}

/** Bytes settle when all was delivered: the reader does not decode, so as not to be measured. */
function whenAllHave(sockets) {
  const sum = () => sockets.reduce((all, { bytes }) => all + bytes, 0);
  const before = sum();
  return async () => {
    for (let last = -1; ;) {
      const now = sum();
      if (now === last) return now - before;
      last = now;
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
  };
}
