DROP FUNCTION halite_audit_inserts();
CREATE OR REPLACE FUNCTION halite_append_audit(chain_key text, op text, tbl text, row_key text, body text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    n bigint;
    prev bytea;
    now_at timestamptz := clock_timestamp();
    who text := coalesce(nullif(current_setting('halite.actor', true), ''), session_user::text);
    digest bytea;
BEGIN
    INSERT INTO lots_auditchain (key, length, head) VALUES (chain_key, 0, decode(repeat('00', 32), 'hex'))
    ON CONFLICT DO NOTHING;
    SELECT length + 1, head INTO n, prev FROM lots_auditchain WHERE key = chain_key FOR UPDATE;
    digest := sha256(prev || convert_to(concat_ws(E'\x1f', chain_key, n::text,
        to_char(now_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        who, session_user::text, op, tbl, row_key, body), 'UTF8'));
    INSERT INTO lots_auditevent (chain, sequence, at, actor, database_role, operation, table_name, row_id, payload,
                                 previous_hash, hash)
    VALUES (chain_key, n, now_at, who, session_user::text, op, tbl, row_key, body, prev, digest);
    UPDATE lots_auditchain SET length = n, head = digest WHERE key = chain_key;
END $$;
DROP FUNCTION halite_event_hash(bytea, text, bigint, timestamptz, text, text, text, text, text);
