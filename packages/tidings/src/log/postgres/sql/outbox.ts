/**
 * The outbox: what a transaction of the application published is there when it commits, and goes into the log then. Offsets are
 * given at that moment, so that no transaction keeps another one waiting, and none leaves a hole.
 */
import type { SqlNames } from "../names.ts";
import { BY_INDEX, notify, OWN_NAMES } from "./settings.ts";

/** Publishes that go into the log in one transaction. */
const AT_ONCE = 100;

/** Lasts until the end of a transaction. */
export const ENTER = "SELECT pg_catalog.set_config('tidings.entered', $1::pg_catalog.text, true)";

export function outbox({ table, call, channel }: SqlNames): string {
  return `
-- Called within the transaction of the application, after ENTER: without a transaction, that is over by then.
CREATE OR REPLACE FUNCTION ${call("enlist")}(meta text) RETURNS text LANGUAGE plpgsql ${OWN_NAMES} AS $$
DECLARE
  m json := meta::json;
BEGIN
  IF current_setting('tidings.entered', true) IS DISTINCT FROM 'yes' THEN
    RAISE EXCEPTION USING ERRCODE = '25P01', MESSAGE = 'Cannot publish: there is no transaction, expected BEGIN before';
  END IF;
  PERFORM set_config('lock_timeout', m->>'deadline', true);
  INSERT INTO ${table("outbox")} (drafts, bodies) VALUES (m->>'drafts', decode(m->>'bodies', 'base64'));
  ${notify(channel)}
  RETURN '';
END $$;

-- Moves what was committed into the log. Returns how much there was, and why any of it was no message: that is dropped, or
-- nothing behind it would ever be published.
CREATE OR REPLACE FUNCTION ${call("move")}(meta text) RETURNS text LANGUAGE plpgsql ${BY_INDEX} AS $$
DECLARE
  m json := meta::json;
  s ${table("log")};
  one record;
  moved bigint[] := '{}';
  refused text[] := '{}';
BEGIN
  IF NOT EXISTS (SELECT FROM ${table("outbox")}) THEN RETURN json_build_object('moved', 0, 'refused', refused); END IF;
  s := ${call("begin")}(m);
  FOR one IN SELECT * FROM ${table("outbox")} o ORDER BY o.id LIMIT ${AT_ONCE} LOOP
    SELECT * INTO s FROM ${table("log")} l ORDER BY l.n DESC LIMIT 1;
    BEGIN
      PERFORM ${call("store")}(s, m, one.drafts::json, one.bodies);
    EXCEPTION WHEN data_exception OR not_null_violation THEN
      refused := refused || (one.id || ': ' || SQLERRM);
    END;
    moved := moved || one.id;
  END LOOP;
  DELETE FROM ${table("outbox")} o WHERE o.id = ANY(moved);
  ${notify(channel)}
  RETURN json_build_object('moved', cardinality(moved), 'refused', refused);
END $$;`;
}
