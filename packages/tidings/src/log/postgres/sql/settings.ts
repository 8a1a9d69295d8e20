/** Of the server, in milliseconds since 1970. */
export const TIME = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/** For functions: names without a schema mean what Postgres has, whatever the session looks up first. */
export const OWN_NAMES = "SET search_path = pg_catalog, pg_temp";

/**
 * For functions that read the log: its plans are by index. Statistics of a table that was empty a moment ago would have it
 * read whole.
 */
export const BY_INDEX: string = `${OWN_NAMES} SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan`;
