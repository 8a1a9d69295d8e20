/** A connection in a world of its own, with the data and the errors that it handed over. */
import { connect, type Connection, type ConnectOptions } from "../../packages/tidings/src/client/connect.ts";
import type { EventStreamError } from "../../packages/tidings/src/client/core/event-stream-error.ts";
import { createWorld, type World } from "./client-world.ts";

export const URL = "https://a.example/stream";

export interface Opened {
  readonly world: World;
  readonly connection: Connection;
  readonly data: string[];
  readonly errors: EventStreamError[];
}

export function open(options: ConnectOptions = {}): Opened {
  const world = createWorld();
  const data: string[] = [];
  const errors: EventStreamError[] = [];
  const connection = connect(URL, {
    transport: world.transport,
    clock: world.clock,
    onMessage: (message) => void data.push(message.data),
    onError: (error) => void errors.push(error),
    ...options,
  });
  return { world, connection, data, errors };
}
