/** A way to a server that a test can cut, or lead to another one: what a failover or a broken network is to a client. */
import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";

export interface Switchboard {
  readonly port: number;
  /** Leads new connections there. */
  lead(port: number): void;
  /** Has nothing pass, and nobody told: what a broken network is. With false, everything goes on. */
  hold(held: boolean): void;
  /** Cuts those that are open, with what is on its way. */
  cut(): void;
  close(): void;
}

export async function openSwitchboard(target: number): Promise<Switchboard> {
  let current = target;
  let held = false;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = createConnection(current, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
      one.on("data", (bytes) => void other.write(bytes));
      if (held) one.pause();
    }
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => void server.once("listening", resolve));
  const cut = (): void => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    lead: (port) => void (current = port),
    hold: (now) => {
      held = now;
      for (const socket of open) {
        if (held) socket.pause();
        else socket.resume();
      }
    },
    cut,
    close: () => {
      server.close();
      cut();
    },
  };
}
