/** The names of one log in its database. */

export interface PostgresSchemaOptions {
  /** The schema that the tables are in. Default: `"public"`. */
  schema?: string | undefined;
  /** What the names of tables and functions begin with: tells several logs of one database apart. Default: `"tidings"`. */
  table?: string | undefined;
}

/** The names of one log, as they stand in SQL. */
export interface SqlNames {
  /** The schema alone, quoted. */
  readonly schema: string;
  /** Of a table: `"public"."tidings_entries"`. */
  readonly table: (name: string) => string;
  /** Of a function, which carries the version of this file. */
  readonly call: (name: string) => string;
  /** Where it says that there is something new. */
  readonly channel: string;
  /** The first number of this log's advisory locks, as an expression. */
  readonly lock: string;
}

/**
 * Of the functions, another one for each change of them: two versions of the package can work on the same tables while one replaces the
 * other, and none works with the functions of another.
 */
export const VERSION = "v3";
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,39}$/;

/** @throws {TypeError} If a name is not one that SQL takes without surprises. */
export function namesOf({ schema = "public", table = "tidings" }: PostgresSchemaOptions): SqlNames {
  for (const [option, name] of Object.entries({ schema, table })) {
    if (typeof name === "string" && NAME.test(name)) continue;
    throw new TypeError(
      `Cannot make log: ${option} is ${JSON.stringify(name)}, expected up to 40 letters, digits and _, not beginning with a digit`,
    );
  }
  const quoted = (name: string): string => `"${schema}"."${name}"`;
  return {
    schema: `"${schema}"`,
    table: (name) => quoted(`${table}_${name}`),
    call: (name) => quoted(`${table}_${name}_${VERSION}`),
    // An identifier has 63 bytes at most.
    channel: schema === "public" ? `${table}_log` : `${table}_log_${schema}`.slice(0, 63),
    lock: `hashtext('tidings ${schema}.${table}')`,
  };
}
