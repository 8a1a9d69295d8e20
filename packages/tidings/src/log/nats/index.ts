/** A log in NATS JetStream, shared by many machines: `import { natsLog } from "tidings/log/nats"`. */
export type { NatsConnection } from "./connection.ts";
export { natsLog, type NatsLogOptions } from "./nats-log.ts";
