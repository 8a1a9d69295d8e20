/** A log in Postgres, shared by many machines: `import { postgresLog } from "tidings/log/postgres"`. */
export type { PostgresClient, PostgresTransaction } from "./client.ts";
export type { PostgresSchemaOptions } from "./names.ts";
export type { PostgresLogOptions } from "./options.ts";
export { postgresLog } from "./postgres-log.ts";
export { postgresSchema } from "./schema.ts";
