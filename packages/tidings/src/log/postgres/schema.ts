/**
 * What `postgresLog` keeps in a database: its tables, and the functions that work on them. The log creates them when they are
 * missing; `postgresSchema()` gives them as text for those who apply their schema themselves.
 */
import { namesOf, type PostgresSchemaOptions } from "./names.ts";
import { appending } from "./sql/appending.ts";
import { outbox } from "./sql/outbox.ts";
import { reading } from "./sql/reading.ts";
import { sweeping } from "./sql/sweeping.ts";
import { tables } from "./sql/tables.ts";

/**
 * The tables and functions of a log, as SQL that can be run again. For `create: false`, and for tools that keep migrations.
 * @throws {TypeError} If a name is not one that SQL takes without surprises.
 */
export function postgresSchema(options: PostgresSchemaOptions = {}): string {
  const names = namesOf(options);
  return [tables, appending, outbox, reading, sweeping].map((part) => part(names).trim()).join("\n\n") + "\n";
}
