/** Of the server, in milliseconds since 1970. */
export const TIME = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/**
 * A little less than an attempt of a client takes, see calls.ts. A client that gives up cuts its connection, which Postgres does not
 * notice while it waits for a lock: connections would pile up until it accepts no more.
 */
export const LOCK_MS = 2_500;

/**
 * For functions: names without a schema mean what Postgres has, whatever the session looks up first. Rows that a policy hides from the role
 * are an error: they would be lost silently.
 */
export const OWN_NAMES: string = `SET search_path = pg_catalog, pg_temp SET row_security = off SET lock_timeout = '${LOCK_MS}ms'`;

/**
 * Says that there is something new. A session that stands still, in any database of the server, can fill the queue of notifications, and
 * then no transaction that notifies can commit: before that, no notification is sent, and polling finds the message.
 */
export const notify = (channel: string): string =>
  `IF pg_notification_queue_usage() < 0.95 THEN PERFORM pg_notify('${channel}', ''); END IF;`;

/**
 * For functions that read the log: its plans are by index. Statistics of a table that was empty a moment ago would have it
 * read whole.
 */
export const BY_INDEX: string = `${OWN_NAMES} SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan`;
