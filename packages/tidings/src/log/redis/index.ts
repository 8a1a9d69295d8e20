/** A log in Redis or Valkey, shared by many machines: `import { redisLog } from "tidings/log/redis"`. */
export type { RedisClient } from "./connection.ts";
export { redisLog, type RedisLogOptions } from "./redis-log.ts";
