/**
 * Reads. All of a function sees one moment (STABLE), and writes nothing. Each returns NULL where the server is not the one that was
 * written to last, or has no log: then the log has to be opened anew.
 */
import type { SqlNames } from "../names.ts";
import { BY_INDEX, TIME } from "./settings.ts";

/** Entries that one read by pattern looks at. */
const WALKED = 5_000;
/** Topics that one read by pattern looks at for losses. */
export const MOST_LOSSES = 2_000;

/** What stands for the topics that are not remembered any more. No topic has a control character. */
export const FORGOTTEN = "E'\\x01'";

export function reading({ table, call }: SqlNames): string {
  const current = `
  SELECT * INTO s FROM ${table("log")} ORDER BY n DESC LIMIT 1;
  IF NOT FOUND OR s.started <> pg_postmaster_start_time() THEN RETURN NULL; END IF;`;
  const entry = "json_build_array(p.off, p.at_ms, p.topic, p.key, encode(p.body, 'base64'))";
  const list = (name: string): string => `ARRAY(SELECT json_array_elements_text(m->'${name}'))`;
  const forgotten = `coalesce((SELECT l.off FROM ${table("lost")} l WHERE l.topic = ${FORGOTTEN}), 0)`;
  return `
CREATE OR REPLACE FUNCTION ${call("head")}() RETURNS text LANGUAGE plpgsql STABLE ${BY_INDEX} AS $$
DECLARE
  s ${table("log")};
BEGIN${current}
  RETURN json_build_object('epoch', s.epoch, 'head', s.head, 'at', s.at_ms, 'time', ${TIME});
END $$;

CREATE OR REPLACE FUNCTION ${call("stats")}() RETURNS text LANGUAGE plpgsql STABLE ${BY_INDEX} AS $$
DECLARE
  s ${table("log")};
BEGIN${current}
  RETURN json_build_object('epoch', s.epoch, 'head', s.head, 'at', s.at_ms, 'messages', s.messages, 'bytes', s.bytes, 'oldest',
    coalesce((SELECT e.off FROM ${table("entries")} e WHERE e.off >= s.first ORDER BY e.off LIMIT 1), 0));
END $$;

-- The first entry that is retained: what is too old need not be discarded yet.
CREATE OR REPLACE FUNCTION ${call("first")}(s ${table("log")}, m json) RETURNS bigint LANGUAGE plpgsql STABLE ${BY_INDEX} AS $$
DECLARE
  cutoff bigint := greatest(s.at_ms, (m->>'now')::bigint) - (m->>'age')::bigint;
BEGIN
  RETURN coalesce((
    SELECT e.off FROM ${table("entries")} e WHERE e.off >= s.first AND e.at_ms >= cutoff ORDER BY e.off LIMIT 1
  ), s.head + 1);
END $$;

-- Topics by name.
CREATE OR REPLACE FUNCTION ${call("read")}(meta text) RETURNS text LANGUAGE plpgsql STABLE ${BY_INDEX} AS $$
DECLARE
  m json := meta::json;
  s ${table("log")};
  start bigint := (m->>'after')::bigint;
  most bigint := (m->>'maxMessages')::bigint;
  now bigint;
  first bigint;
  lost bigint;
  page record;
BEGIN${current}
  now := greatest(s.at_ms, (m->>'now')::bigint);
  first := ${call("first")}(s, m);
  SELECT max(greatest(
    (SELECT l.off FROM ${table("lost")} l WHERE l.topic = t.topic),
    (SELECT e.off FROM ${table("entries")} e WHERE e.topic = t.topic AND e.off < first ORDER BY e.off DESC LIMIT 1),
    CASE WHEN t.age IS NOT NULL THEN
      (SELECT max(e.off) FROM ${table("entries")} e WHERE e.topic = t.topic AND e.at_ms < now - t.age::bigint) END
  )) INTO lost FROM ROWS FROM (
    json_array_elements_text(m->'names'), json_array_elements_text(m->'ages')
  ) AS t(topic, age);
  WITH found AS (
    SELECT e.* FROM ROWS FROM (
      json_array_elements_text(m->'names'), json_array_elements_text(m->'ages')
    ) AS t(topic, age)
    CROSS JOIN LATERAL (
      SELECT e.off, e.at_ms, e.topic, e.key, e.body, octet_length(e.body) AS size FROM ${table("entries")} e
      WHERE e.topic = t.topic AND e.off > greatest(start, first - 1)
        AND (t.age IS NULL OR e.at_ms >= now - t.age::bigint)
      ORDER BY e.off LIMIT most + 1
    ) e
    ORDER BY e.off LIMIT most + 1
  ), counted AS (
    SELECT f.*, row_number() OVER w AS nth, sum(f.size) OVER w AS total FROM found f WINDOW w AS (ORDER BY f.off)
  )
  SELECT json_agg(${entry} ORDER BY p.off) AS entries, count(*) AS messages, max(p.off) AS last,
    (SELECT count(*) FROM counted) AS found
  INTO page FROM counted p
  WHERE p.nth <= most AND (p.nth = 1 OR p.total <= (m->>'maxBytes')::bigint);
  RETURN json_build_object('epoch', s.epoch, 'head', s.head, 'at', s.at_ms, 'entries', page.entries,
    'through', CASE WHEN page.found > page.messages THEN page.last ELSE greatest(s.head, start) END,
    'lost', greatest(s.floor, lost, ${forgotten}));
END $$;

-- Topics by what they begin with: walks over a part of the log.
CREATE OR REPLACE FUNCTION ${call("walk")}(meta text) RETURNS text LANGUAGE plpgsql STABLE ${BY_INDEX} AS $$
DECLARE
  m json := meta::json;
  s ${table("log")};
  start bigint := (m->>'after')::bigint;
  names text[] := ${list("names")};
  prefixes text[] := ${list("prefixes")};
  first bigint;
  walked record;
  page record;
  losses json;
BEGIN${current}
  first := ${call("first")}(s, m);
  SELECT count(*) AS entries, max(w.off) AS last INTO walked FROM (
    SELECT e.off FROM ${table("entries")} e WHERE e.off > greatest(start, first - 1) ORDER BY e.off LIMIT ${WALKED}
  ) w;
  WITH found AS (
    SELECT e.off, e.at_ms, e.topic, e.key, e.body, octet_length(e.body) AS size FROM ${table("entries")} e
    WHERE e.off > greatest(start, first - 1) AND e.off <= walked.last AND (e.topic = ANY(names) OR e.topic ^@ ANY(prefixes))
  ), counted AS (
    SELECT f.*, row_number() OVER w AS nth, sum(f.size) OVER w AS total FROM found f WINDOW w AS (ORDER BY f.off)
  )
  SELECT json_agg(${entry} ORDER BY p.off) AS entries, count(*) AS messages, max(p.off) AS last,
    (SELECT count(*) FROM counted) AS found
  INTO page FROM counted p WHERE p.nth = 1 OR p.total <= (m->>'maxBytes')::bigint;
  SELECT json_agg(json_build_array(x.off, x.topic)) INTO losses FROM (
    SELECT l.off, l.topic FROM (
      SELECT l.off, l.topic FROM ${table("lost")} l WHERE l.off > start
      UNION ALL
      SELECT e.off, e.topic FROM ${table("entries")} e WHERE e.off > start AND e.off < first
    ) l
    WHERE l.topic = ANY(names) OR l.topic ^@ ANY(prefixes)
    ORDER BY l.off DESC LIMIT ${MOST_LOSSES}
  ) x;
  RETURN json_build_object('epoch', s.epoch, 'head', s.head, 'at', s.at_ms, 'entries', page.entries,
    'through', CASE WHEN page.found > page.messages THEN page.last
      WHEN walked.entries = ${WALKED} THEN walked.last ELSE greatest(s.head, start) END,
    'lost', greatest(s.floor, ${forgotten}), 'losses', losses);
END $$;

-- What came after an offset, of some topics or of all.
CREATE OR REPLACE FUNCTION ${call("tail")}(meta text) RETURNS text LANGUAGE plpgsql STABLE ${BY_INDEX} AS $$
DECLARE
  m json := meta::json;
  s ${table("log")};
  start bigint := (m->>'after')::bigint;
  every boolean := json_typeof(m->'names') = 'null';
  names text[];
  most bigint := (m->>'maxMessages')::bigint;
  page record;
BEGIN${current}
  IF NOT every THEN names := ${list("names")}; END IF;
  WITH found AS (
    SELECT f.*, octet_length(f.body) AS size FROM (
      (SELECT e.off, e.at_ms, e.topic, e.key, e.body FROM ${table("entries")} e
        WHERE e.off > start AND (every OR e.topic = ANY(names)) ORDER BY e.off LIMIT most + 1)
      UNION ALL
      (SELECT e.off, e.at_ms, e.topic, e.key, e.body FROM ${table("discarded")} e
        WHERE e.off > start AND (every OR e.topic = ANY(names)) ORDER BY e.off LIMIT most + 1)
    ) f ORDER BY f.off LIMIT most + 1
  ), counted AS (
    SELECT f.*, row_number() OVER w AS nth, sum(f.size) OVER w AS total FROM found f WINDOW w AS (ORDER BY f.off)
  )
  SELECT json_agg(${entry} ORDER BY p.off) AS entries, count(*) AS messages, max(p.off) AS last,
    (SELECT count(*) FROM counted) AS found
  INTO page FROM counted p
  WHERE p.nth <= most AND (p.nth = 1 OR p.total <= (m->>'maxBytes')::bigint);
  RETURN json_build_object('epoch', s.epoch, 'head', s.head, 'at', s.at_ms, 'entries', page.entries,
    'through', CASE WHEN page.found > page.messages THEN page.last ELSE greatest(s.head, start) END,
    'floor', s.floor, 'time', ${TIME},
    'swept', coalesce((SELECT greatest(w.entries, w.discarded) FROM ${table("sweeps")} w), 0),
    'outbox', EXISTS (SELECT FROM ${table("outbox")}));
END $$;`;
}
