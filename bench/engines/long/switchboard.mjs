/** A way to a server that can be cut, or lead to another one. */
import { once } from "node:events";
import { createConnection, createServer } from "node:net";

export async function openSwitchboard(target) {
  let current = target;
  const open = new Set();
  const server = createServer((near) => {
    const far = createConnection(current, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    port: server.address().port,
    lead: (port) => void (current = port),
    cut,
    close: () => {
      server.close();
      cut();
    },
  };
}
