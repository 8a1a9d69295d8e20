/** A way to a server that a test can cut, or lead to another one: what a failover or a broken network is to a client. */
import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";

export interface Switchboard {
  readonly port: number;
  /** Leads new connections there. */
  lead(port: number): void;
  /** Has nothing pass, and nobody told: what a broken network is. With false, everything goes on. */
  hold(held: boolean): void;
  /** Never lets anything pass again on a connection that sends this. Undefined: on none. */
  mute(words: RegExp | undefined): void;
  /** Drops what the server says, until the connections are cut. */
  deafen(): void;
  /** Has everything that passes take so much longer. */
  delay(ms: number): void;
  /** Cuts those that are open, with what is on its way. */
  cut(): void;
  close(): void;
}

export async function openSwitchboard(target: number): Promise<Switchboard> {
  let current = target;
  let held = false;
  let mutes: RegExp | undefined;
  let delayMs = 0;
  let isDeaf = false;
  const open = new Set<Socket>();
  /** Not to be cut or to go on with the others. */
  const silenced = new Set<Socket>();
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
      one.on("data", (bytes) => {
        if (isDeaf && one === far) return;
        if (one === near && mutes?.test(bytes.toString("latin1")) === true) {
          for (const socket of [near, far]) socket.removeAllListeners("data").pause();
          open.delete(near);
          open.delete(far);
          silenced.add(near).add(far);
        } else if (delayMs === 0) other.write(bytes);
        else setTimeout(() => other.write(bytes), delayMs);
      });
      if (held) one.pause();
    }
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => void server.once("listening", resolve));
  const cut = (): void => {
    isDeaf = false;
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
    mute: (words) => void (mutes = words),
    deafen: () => void (isDeaf = true),
    delay: (ms) => void (delayMs = ms),
    cut,
    close: () => {
      server.close();
      cut();
      for (const socket of silenced) socket.destroy();
    },
  };
}
