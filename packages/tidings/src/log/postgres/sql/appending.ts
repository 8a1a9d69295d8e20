/**
 * Appends: one process at a time, in the order of a lock, so that offsets have no holes and are visible in their order.
 */
import type { SqlNames } from "../names.ts";
import { BY_INDEX, notify, OWN_NAMES, TIME } from "./settings.ts";

/** Offsets that are left out where some may have been given that this server does not know of. */
const JUMP = 1_000_000_000;

export function appending({ table, call, lock, channel }: SqlNames): string {
  return `
-- Which server this is: a replica that takes over begins another timeline. Where that cannot be asked, each start is another server.
CREATE OR REPLACE FUNCTION ${call("server")}() RETURNS text LANGUAGE plpgsql ${OWN_NAMES} AS $$
DECLARE
  id text;
BEGIN
  -- The control file may be read while it is written.
  FOR attempt IN 1..5 LOOP
    BEGIN
      SELECT c.system_identifier::text INTO id FROM pg_control_system() c;
      RETURN id || ' ' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
    EXCEPTION WHEN OTHERS THEN
      PERFORM pg_sleep(0.02);
    END;
  END LOOP;
  RETURN 'started ' || pg_postmaster_start_time();
END $$;

-- Begins a change of the log: waits until no other process is at it, creates the log where there is none, and makes sure that
-- no offset is given twice.
CREATE OR REPLACE FUNCTION ${call("begin")}(m json) RETURNS ${table("log")} LANGUAGE plpgsql ${BY_INDEX} AS $$
DECLARE
  s ${table("log")};
  seen bigint := (m->>'seen')::bigint;
  server text;
  jump boolean;
  -- Which tables these are: those that a backup was restored to, or of a copy of the database, are others.
  place text := ' ' || split_part(pg_relation_filepath('${table("log")}'), '/', -2) || '/' || '${table("log")}'::regclass::oid;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION USING ERRCODE = '25001', MESSAGE = 'default_transaction_isolation is '
      || current_setting('transaction_isolation') || ', expected read committed for the connections of the log';
  END IF;
  -- What is acknowledged is on disk.
  IF current_setting('synchronous_commit') = 'off' THEN PERFORM set_config('synchronous_commit', 'on', true); END IF;
  PERFORM pg_advisory_xact_lock(${lock}, 1);
  SELECT * INTO s FROM ${table("log")} ORDER BY n DESC LIMIT 1;
  IF NOT FOUND THEN
    DELETE FROM ${table("entries")};
    DELETE FROM ${table("discarded")};
    DELETE FROM ${table("lost")};
    DELETE FROM ${table("keys")};
    DELETE FROM ${table("producers")};
    DELETE FROM ${table("sweeps")};
    INSERT INTO ${table("log")} VALUES (1, m->>'newEpoch', 0, 0, 1, 0, 0, 0, '', '-infinity') RETURNING * INTO s;
  END IF;
  jump := s.epoch = m->>'epoch' AND seen > s.head;
  IF jump THEN s.head := seen; END IF;
  IF s.started <> pg_postmaster_start_time() OR right(s.server, length(place)) <> place THEN
    server := ${call("server")}() || place;
    jump := jump OR (s.server <> '' AND s.server <> server AND s.head > 0);
    s.server := server;
    s.started := pg_postmaster_start_time();
  ELSIF NOT jump THEN
    RETURN s;
  END IF;
  IF jump THEN
    s.head := s.head + ${JUMP};
    s.floor := s.head;
  END IF;
  UPDATE ${table("log")} SET head = s.head, floor = s.floor, server = s.server, started = s.started WHERE n = s.n;
  RETURN s;
END $$;

-- Where the log is, for one that opens it or that met something unexpected.
CREATE OR REPLACE FUNCTION ${call("open")}(meta text) RETURNS text LANGUAGE plpgsql ${OWN_NAMES} AS $$
DECLARE
  s ${table("log")} := ${call("begin")}(meta::json);
BEGIN
  RETURN json_build_object('epoch', s.epoch, 'head', s.head, 'at', s.at_ms, 'time', ${TIME},
    'encoding', current_setting('server_encoding'));
END $$;

-- Moves on what is retained by the bounds of the whole log.
CREATE OR REPLACE FUNCTION ${call("bound")}(INOUT s ${table("log")}, m json, most bigint) LANGUAGE plpgsql ${BY_INDEX} AS $$
DECLARE
  oldest record;
  gone record;
  excess bigint := s.messages - (m->>'messages')::bigint;
  over bigint := s.bytes - (m->>'bytes')::bigint;
  cutoff bigint := s.at_ms - (m->>'age')::bigint;
BEGIN
  SELECT e.off, e.at_ms INTO oldest FROM ${table("entries")} e WHERE e.off >= s.first ORDER BY e.off LIMIT 1;
  IF NOT FOUND THEN
    s.first := s.head + 1;
    RETURN;
  END IF;
  s.first := oldest.off;
  IF excess <= 0 AND over <= 0 AND oldest.at_ms >= cutoff THEN RETURN; END IF;
  SELECT max(y.off) AS off, count(*) AS messages, sum(y.size) AS bytes INTO gone FROM (
    SELECT x.off, x.size, x.at_ms, row_number() OVER w AS nth, sum(x.size) OVER w AS total FROM (
      SELECT e.off, octet_length(e.body) AS size, e.at_ms FROM ${table("entries")} e
      WHERE e.off >= s.first ORDER BY e.off LIMIT most
    ) x WINDOW w AS (ORDER BY x.off)
  ) y WHERE y.nth <= excess OR y.total - y.size < over OR y.at_ms < cutoff;
  IF gone.messages = 0 THEN RETURN; END IF;
  s.first := gone.off + 1;
  s.messages := s.messages - gone.messages;
  s.bytes := s.bytes - gone.bytes;
END $$;

-- Stores drafts behind those that are there. Returns the first and last offset of each part, and whether it was there before.
CREATE OR REPLACE FUNCTION ${call("store")}(s ${table("log")}, m json, d json, bodies bytea) RETURNS json
LANGUAGE plpgsql ${BY_INDEX} AS $$
DECLARE
  part json;
  earlier record;
  result bigint[] := '{}';
  -- By part: what is added to the number of a draft to get its offset. None where the part was there before.
  shifts bigint[] := '{}';
  drafts bigint := 0;
  before bigint := s.head;
  fresh bigint;
  bounded boolean := json_array_length(d->'bounds') > 0;
  gone record;
BEGIN
  s.at_ms := greatest(s.at_ms, (m->>'now')::bigint);
  FOR part IN SELECT value FROM json_array_elements(d->'parts') LOOP
    fresh := (part->>'messages')::bigint;
    IF part->>'key' IS NOT NULL THEN
      SELECT k.first, k.last INTO earlier FROM ${table("keys")} k WHERE k.hash = part->>'key' AND k.until > clock_timestamp();
      IF FOUND THEN
        result := result || ARRAY[earlier.first, earlier.last, 1];
        shifts := shifts || NULL::bigint;
        drafts := drafts + fresh;
        CONTINUE;
      END IF;
      INSERT INTO ${table("keys")} VALUES (
        part->>'key', s.head + 1, s.head + fresh, clock_timestamp() + (m->>'keyAge')::float8 * interval '1 ms'
      ) ON CONFLICT (hash) DO UPDATE SET first = EXCLUDED.first, last = EXCLUDED.last, until = EXCLUDED.until;
    END IF;
    result := result || ARRAY[s.head + 1, s.head + fresh, 0];
    shifts := shifts || (s.head - drafts);
    drafts := drafts + fresh;
    s.head := s.head + fresh;
    s.bytes := s.bytes + (part->>'bytes')::bigint;
  END LOOP;
  fresh := s.head - before;
  IF fresh = 0 THEN RETURN to_json(result); END IF;
  s.messages := s.messages + fresh;

  WITH drafts AS (
    SELECT r.topic, r.key, r.size::int AS size, r.n + shifts[coalesce(r.part::int, 1)] AS off,
      (sum(r.size::int) OVER (ORDER BY r.n) - r.size::int + 1)::int AS start
    FROM ROWS FROM (
      json_array_elements_text(d->'topics'), json_array_elements_text(d->'keys'),
      json_array_elements_text(d->'sizes'), json_array_elements_text(d->'part')
    ) WITH ORDINALITY AS r(topic, key, size, part, n)
  ), counted AS (
    SELECT b.topic, coalesce(l.nth, 0) AS nth, coalesce(l.total, 0) AS total
    FROM json_to_recordset(d->'bounds') AS b(topic text) LEFT JOIN LATERAL (
      SELECT e.nth, e.total FROM ${table("entries")} e
      WHERE e.topic = b.topic AND e.off >= s.first ORDER BY e.off DESC LIMIT 1
    ) l ON true
  )
  INSERT INTO ${table("entries")} (off, topic, key, body, at_ms, nth, total)
  SELECT f.off, f.topic, f.key, substring(bodies, f.start, f.size), s.at_ms,
    CASE WHEN bounded THEN c.nth + row_number() OVER w END, CASE WHEN bounded THEN c.total + sum(f.size) OVER w END
  FROM drafts f LEFT JOIN counted c ON c.topic = f.topic
  WHERE f.off IS NOT NULL WINDOW w AS (PARTITION BY f.topic ORDER BY f.off) ORDER BY f.off;

  IF bounded THEN
    WITH doomed AS (
      SELECT e.off FROM json_to_recordset(d->'bounds') AS b(topic text, messages bigint, bytes bigint, age bigint)
      CROSS JOIN LATERAL (
        SELECT e.nth, e.total FROM ${table("entries")} e
        WHERE e.topic = b.topic AND e.off >= s.first ORDER BY e.off DESC LIMIT 1
      ) l
      CROSS JOIN LATERAL (
        SELECT e.off, coalesce(e.nth, 0) AS nth, coalesce(e.total, 0) AS total, octet_length(e.body) AS size, e.at_ms
        FROM ${table("entries")} e
        WHERE e.topic = b.topic AND e.off >= s.first ORDER BY e.off LIMIT fresh + 200
      ) e
      WHERE e.nth <= l.nth - b.messages OR l.total - e.total + e.size > b.bytes OR e.at_ms < s.at_ms - b.age
    ), gone AS (
      DELETE FROM ${table("entries")} e WHERE e.off = ANY(ARRAY(SELECT x.off FROM doomed x)) RETURNING e.*
    ), kept AS (
      INSERT INTO ${table("discarded")} SELECT g.off, g.topic, g.key, g.body, g.at_ms FROM gone g
    ), told AS (
      INSERT INTO ${table("lost")} AS t SELECT g.topic, max(g.off) FROM gone g GROUP BY g.topic ORDER BY g.topic
      ON CONFLICT (topic) DO UPDATE SET off = greatest(t.off, EXCLUDED.off)
    )
    SELECT count(*) AS messages, coalesce(sum(octet_length(g.body)), 0) AS bytes INTO gone FROM gone g;
    s.messages := s.messages - gone.messages;
    s.bytes := s.bytes - gone.bytes;
  END IF;

  s := ${call("bound")}(s, m, fresh + 1000);
  UPDATE ${table("log")} SET n = s.n + 1, head = s.head, at_ms = s.at_ms, first = s.first, messages = s.messages, bytes = s.bytes
    WHERE n = s.n;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = 'the tables of the log were truncated meanwhile';
  END IF;
  RETURN to_json(result);
END $$;

-- Appends a group. One that is asked again, as its answer was lost, is answered and not appended again.
CREATE OR REPLACE FUNCTION ${call("append")}(meta text, bodies bytea) RETURNS text LANGUAGE plpgsql ${BY_INDEX} AS $$
DECLARE
  m json := meta::json;
  s ${table("log")} := ${call("begin")}(m);
  asked bigint := (m->>'number')::bigint;
  known record;
  answer text;
BEGIN
  SELECT p.number, p.reply INTO known FROM ${table("producers")} p
    WHERE p.producer = m->>'producer' ORDER BY p.number DESC LIMIT 1;
  IF known.number = asked THEN RETURN known.reply; END IF;
  IF known.number > asked THEN
    RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = 'this append was given up before';
  END IF;
  answer := json_build_object('epoch', s.epoch, 'before', s.head, 'at', greatest(s.at_ms, (m->>'now')::bigint),
    'parts', ${call("store")}(s, m, m->'drafts', bodies));
  IF known.number IS NULL THEN
    INSERT INTO ${table("producers")} VALUES (m->>'producer', asked, answer, clock_timestamp());
  ELSE
    UPDATE ${table("producers")} SET number = asked, reply = answer, at = clock_timestamp()
      WHERE producer = m->>'producer' AND number = known.number;
  END IF;
  ${notify(channel)}
  RETURN answer;
END $$;`;
}
