/** Of the server, in milliseconds since 1970. */
export const TIME = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/**
 * For functions that read the log: its plans are by index. Statistics of a table that was empty a moment ago would have it
 * read whole.
 */
export const BY_INDEX = `SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan`;
