/**
 * The clients of Postgres that are known, and the transactions that an application has with them.
 */
import type { PostgresLink } from "./link.ts";
import { fromPg, type PgPool } from "./pg.ts";
import { fromPostgresJs, type PostgresJs } from "./postgres-js.ts";

/** A client that the application made: a `Pool` of `pg`, or what `postgres()` returns. */
export type PostgresClient = PgPool | PostgresJs;

/**
 * A transaction of the application: a client of `pg` after `BEGIN`, the `sql` that `sql.begin` of `postgres` gives, or a function that runs
 * one statement within it, for what wraps these: `(text, values) => tx.$executeRawUnsafe(text, ...values)`.
 */
export type PostgresTransaction =
  | { query(text: string, values: string[]): PromiseLike<unknown> }
  | { unsafe(text: string, parameters: never[]): PromiseLike<unknown> }
  | ((text: string, values: string[]) => PromiseLike<unknown>);

/**
 * @param connections - That it has to have at least.
 * @throws {TypeError} If it is none of the clients that are known.
 */
export function linkOf(client: PostgresClient, connections: number): PostgresLink {
  const any = client as Partial<PgPool & PostgresJs> | undefined;
  if (typeof any?.unsafe === "function" && typeof any.listen === "function") {
    return fromPostgresJs(client as PostgresJs);
  }
  if (typeof any?.connect === "function" && typeof any.totalCount === "number") {
    const pool = client as PgPool;
    if (pool.ending === true) {
      throw new TypeError("Cannot make log: the pool was ended, expected one that stays open");
    }
    // Text, where it comes from the environment.
    const { max } = pool.options as { max?: number | string };
    if (Number(max) < connections) {
      throw new TypeError(
        "Cannot make log: the pool has one connection (max), expected 2 or more, or the option listen",
      );
    }
    return fromPg(pool);
  }
  throw new TypeError(
    "Cannot make log: the client is unknown, expected a Pool of pg, or what postgres() returns",
  );
}

/**
 * Runs a statement in a transaction of the application.
 * @throws {TypeError} If it is not one.
 */
export async function runIn(transaction: unknown, text: string, values: string[]): Promise<void> {
  const any = transaction as Partial<{
    unsafe: unknown;
    query: unknown;
    totalCount: unknown;
    begin: unknown;
  }>;
  if (typeof any?.totalCount === "number" || typeof any?.begin === "function") {
    throw new TypeError(
      "Cannot publish: transaction is a pool, expected the client that the transaction was begun with",
    );
  }
  if (typeof any?.unsafe === "function") {
    await (transaction as { unsafe(text: string, values: string[]): PromiseLike<unknown> }).unsafe(
      text,
      values,
    );
  } else if (typeof any?.query === "function") {
    await (transaction as { query(text: string, values: string[]): PromiseLike<unknown> }).query(
      text,
      values,
    );
  } else if (typeof transaction === "function") {
    await (transaction as (text: string, values: string[]) => PromiseLike<unknown>)(text, values);
  } else {
    throw new TypeError(
      "Cannot publish: transaction is unknown, expected a client of pg, the sql of sql.begin of postgres, or a function (text, values)",
    );
  }
}
