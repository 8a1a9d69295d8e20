/**
 * Deletes what is not retained any more: some thousand rows at a time, in one process at a time, without a lock that an append
 * waits for.
 */
import type { SqlNames } from "../names.ts";
import { FORGOTTEN } from "./reading.ts";
import { BY_INDEX } from "./settings.ts";

const AT_ONCE = 2_000;
/** For so long, and up to twice that, tails still find what was discarded. */
const KEPT_FOR = "5 s";
/** An append may be asked again for some seconds; the clock may be set ahead meanwhile. */
const REPEATED_FOR = "6 hours";

export function sweeping({ table, call, lock }: SqlNames): string {
  return `
-- Moves on what is retained by age, where nothing is appended.
CREATE OR REPLACE FUNCTION ${call("expire")}(meta text) RETURNS text LANGUAGE plpgsql ${BY_INDEX} AS $$
DECLARE
  m json := meta::json;
  s ${table("log")} := ${call("begin")}(m);
BEGIN
  s.at_ms := greatest(s.at_ms, (m->>'now')::bigint);
  s := ${call("bound")}(s, m, ${AT_ONCE * 5});
  UPDATE ${table("log")} SET n = s.n + 1, at_ms = s.at_ms, first = s.first, messages = s.messages, bytes = s.bytes WHERE n = s.n;
  RETURN '';
END $$;

CREATE OR REPLACE FUNCTION ${call("sweep")}(meta text) RETURNS text LANGUAGE plpgsql ${BY_INDEX} AS $$
DECLARE
  m json := meta::json;
  s ${table("log")};
  w ${table("sweeps")};
  deleted record;
  more boolean := false;
  known bigint := (m->>'lostTopics')::bigint;
  forgotten bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(${lock}, 2) THEN RETURN '{}'; END IF;
  SELECT * INTO s FROM ${table("log")} ORDER BY n DESC LIMIT 1;
  IF NOT FOUND THEN RETURN '{}'; END IF;
  SELECT * INTO w FROM ${table("sweeps")};
  IF NOT FOUND THEN
    w := (1, 0, s.head, clock_timestamp(), 0, 0)::${table("sweeps")};
    INSERT INTO ${table("sweeps")} SELECT (w).*;
  -- Where the clock went back, it was not long ago by any other.
  ELSIF clock_timestamp() - w.next_at > interval '${KEPT_FOR}' OR clock_timestamp() < w.next_at THEN
    w.safe := w.next_safe;
    w.next_safe := s.head;
    w.next_at := clock_timestamp();
  END IF;
  WITH gone AS (
    DELETE FROM ${table("entries")} e WHERE e.off = ANY(ARRAY(
      SELECT e.off FROM ${table("entries")} e
      WHERE e.off > w.entries AND e.off < s.first AND e.off <= w.safe ORDER BY e.off LIMIT ${AT_ONCE}
    )) RETURNING e.off, e.topic
  ), told AS (
    INSERT INTO ${table("lost")} AS t SELECT g.topic, max(g.off) FROM gone g GROUP BY g.topic ORDER BY g.topic
    ON CONFLICT (topic) DO UPDATE SET off = greatest(t.off, EXCLUDED.off)
  )
  SELECT max(g.off) AS off, count(*) AS entries INTO deleted FROM gone g;
  w.entries := greatest(w.entries, deleted.off);
  more := deleted.entries = ${AT_ONCE};
  WITH gone AS (
    DELETE FROM ${table("discarded")} e WHERE e.off = ANY(ARRAY(
      SELECT e.off FROM ${table("discarded")} e WHERE e.off <= w.safe ORDER BY e.off LIMIT ${AT_ONCE}
    )) RETURNING e.off
  )
  SELECT max(g.off) AS off, count(*) AS entries INTO deleted FROM gone g;
  w.discarded := greatest(w.discarded, deleted.off);
  more := more OR deleted.entries = ${AT_ONCE};
  UPDATE ${table("sweeps")} SET safe = w.safe, next_safe = w.next_safe, next_at = w.next_at, entries = w.entries,
    discarded = w.discarded WHERE id = w.id;
  IF NOT more THEN
    DELETE FROM ${table("keys")} k WHERE k.hash = ANY(ARRAY(
      SELECT k.hash FROM ${table("keys")} k WHERE k.until < clock_timestamp() ORDER BY k.until LIMIT ${AT_ONCE}
    ));
    DELETE FROM ${table("producers")} p WHERE p.at < clock_timestamp() - interval '${REPEATED_FOR}';
    -- The losses that are the longest ago are remembered together.
    SELECT l.off INTO forgotten FROM ${table("lost")} l WHERE l.topic <> ${FORGOTTEN} ORDER BY l.off DESC OFFSET known LIMIT 1;
    IF FOUND THEN
      DELETE FROM ${table("lost")} l WHERE l.off <= forgotten AND l.topic <> ${FORGOTTEN};
      INSERT INTO ${table("lost")} AS t VALUES (${FORGOTTEN}, forgotten)
      ON CONFLICT (topic) DO UPDATE SET off = greatest(t.off, EXCLUDED.off);
    END IF;
  END IF;
  RETURN json_build_object('more', more, 'due', coalesce((
    SELECT e.at_ms < (m->>'now')::bigint - (m->>'age')::bigint FROM ${table("entries")} e
    WHERE e.off >= s.first ORDER BY e.off LIMIT 1
  ), false) OR s.messages > (m->>'messages')::bigint OR s.bytes > (m->>'bytes')::bigint);
END $$;`;
}
