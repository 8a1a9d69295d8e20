/** The tables of the log. */
import type { SqlNames } from "../names.ts";
import { OWN_NAMES } from "./settings.ts";

export function tables({ schema, table, call, lock }: SqlNames): string {
  return `
-- Processes that start together create them one after the other.
SELECT pg_advisory_xact_lock(${lock}, 0);

DO $$ BEGIN
  IF to_regnamespace('${schema}') IS NULL THEN CREATE SCHEMA ${schema}; END IF;
END $$;

-- Where the log is: one row. Its key grows with each append, so that the newest version of the row is at the end of the index,
-- however many older ones a long transaction keeps alive.
CREATE TABLE IF NOT EXISTS ${table("log")} (
  n bigint PRIMARY KEY,
  epoch text NOT NULL,
  head bigint NOT NULL,
  at_ms bigint NOT NULL,
  -- What is before it is discarded by the bounds of the whole log, though it may still be in the table.
  first bigint NOT NULL,
  -- Readers that stand before it may have lost something.
  floor bigint NOT NULL,
  messages bigint NOT NULL,
  bytes bigint NOT NULL,
  -- Which server was written to last, and since when it runs.
  server text NOT NULL,
  started timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS ${table("entries")} (
  off bigint PRIMARY KEY,
  topic text COLLATE "C" NOT NULL,
  key text,
  body bytea NOT NULL,
  at_ms bigint NOT NULL,
  -- Of topics with bounds of their own: counts their messages and bytes.
  nth bigint,
  total bigint
);
CREATE INDEX IF NOT EXISTS ${indexOf(table("entries"), "topic")} ON ${table("entries")} (topic, off);

-- What the bounds of topics discarded. Tails still need it for some seconds.
CREATE TABLE IF NOT EXISTS ${table("discarded")} (
  off bigint PRIMARY KEY,
  topic text COLLATE "C" NOT NULL,
  key text,
  body bytea NOT NULL,
  at_ms bigint NOT NULL
);

-- The newest offset that a topic lost.
CREATE TABLE IF NOT EXISTS ${table("lost")} (
  topic text COLLATE "C" PRIMARY KEY,
  off bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS ${indexOf(table("lost"), "off")} ON ${table("lost")} (off);

-- Idempotency keys.
CREATE TABLE IF NOT EXISTS ${table("keys")} (
  hash text PRIMARY KEY,
  first bigint NOT NULL,
  last bigint NOT NULL,
  until timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS ${indexOf(table("keys"), "until")} ON ${table("keys")} (until);

-- The last append of each process: one that is asked again is not done again.
CREATE TABLE IF NOT EXISTS ${table("producers")} (
  producer text NOT NULL,
  number bigint NOT NULL,
  reply text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (producer, number)
);

-- What transactions of the application published, until it is in the log.
CREATE TABLE IF NOT EXISTS ${table("outbox")} (
  id bigserial PRIMARY KEY,
  drafts text NOT NULL,
  bodies bytea NOT NULL
);

-- How far entries are deleted. Nothing is that a tail may still need: what is newer than \`safe\`.
CREATE TABLE IF NOT EXISTS ${table("sweeps")} (
  id int PRIMARY KEY,
  safe bigint NOT NULL,
  next_safe bigint NOT NULL,
  next_at timestamptz NOT NULL,
  entries bigint NOT NULL,
  discarded bigint NOT NULL
);

-- What was there before and has other columns is another program's: an error, before anything of it is changed.
DO $$ BEGIN
  PERFORM n, epoch, head, at_ms, first, floor, messages, bytes, server, started FROM ${table("log")} LIMIT 0;
  PERFORM off, topic, key, body, at_ms, nth, total FROM ${table("entries")} LIMIT 0;
  PERFORM off, topic, key, body, at_ms FROM ${table("discarded")} LIMIT 0;
  PERFORM topic, off FROM ${table("lost")} LIMIT 0;
  PERFORM hash, first, last, until FROM ${table("keys")} LIMIT 0;
  PERFORM producer, number, reply, at FROM ${table("producers")} LIMIT 0;
  PERFORM id, drafts, bodies FROM ${table("outbox")} LIMIT 0;
  PERFORM id, safe, next_safe, next_at, entries, discarded FROM ${table("sweeps")} LIMIT 0;
END $$;

CREATE OR REPLACE FUNCTION ${call("truncated")}() RETURNS trigger LANGUAGE plpgsql ${OWN_NAMES} AS $$
BEGIN
  -- The key changes, so that an append that is under way begins anew.
  UPDATE ${table("log")} SET n = n + 1, floor = head, first = head + 1, messages = 0, bytes = 0;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tidings_truncated AFTER TRUNCATE ON ${table("entries")}
  FOR EACH STATEMENT EXECUTE FUNCTION ${call("truncated")}();

-- A log that has begun comes from a backup: nobody knows which offsets were given since.
CREATE OR REPLACE FUNCTION ${call("restored")}() RETURNS trigger LANGUAGE plpgsql ${OWN_NAMES} AS $$
BEGIN
  NEW.server := 'restored';
  NEW.started := '-infinity';
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER tidings_restored BEFORE INSERT ON ${table("log")}
  FOR EACH ROW WHEN (NEW.head > 0) EXECUTE FUNCTION ${call("restored")}();`;
}

/** Indexes are in the schema of their table. */
function indexOf(table: string, column: string): string {
  return `${table.slice(table.indexOf(".") + 1, -1)}_${column}"`;
}
