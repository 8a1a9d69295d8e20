/** What can happen to a server that keeps logs, in the same words for Redis, NATS and Postgres. */
import type { NatsServer } from "../nats/server.ts";
import type { PostgresServer } from "../postgres/server.ts";
import type { RedisServer } from "../redis/server.ts";

export interface Faults {
  /** It stands still, with its connections open. */
  readonly hang: () => Promise<void>;
  readonly goOn: () => Promise<void>;
  /** It ends at once, as with a power cut. */
  readonly kill: () => Promise<void>;
  /** Starts it again at the same port, with what it has on disk. */
  readonly restart: () => Promise<void>;
}

export function faultsOf(server: RedisServer | NatsServer | PostgresServer): Faults {
  const restart = (): Promise<void> => server.restart();
  if ("signal" in server) {
    return {
      hang: () => server.signal("hang"),
      goOn: () => server.signal("go on"),
      kill: () => server.signal("die"),
      restart,
    };
  }
  return {
    hang: () => server.kill("SIGSTOP"),
    goOn: () => server.kill("SIGCONT"),
    kill: () => server.kill("SIGKILL"),
    restart,
  };
}

/** Killed, and back after a second. */
export async function killAndRestart({ kill, restart }: Faults): Promise<void> {
  await kill();
  await new Promise((resolve) => void setTimeout(resolve, 1_000));
  await restart();
}
