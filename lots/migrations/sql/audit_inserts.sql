-- A replay writes hundreds of signals in one statement. Each is an event of its chain, yet the chain is locked once and
-- gets its new head once: a head written for every row would be searched through all its earlier versions each time.

CREATE FUNCTION halite_event_hash(previous bytea, chain_key text, n bigint, at timestamptz, who text, op text, tbl text,
                                  row_key text, body text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(previous || convert_to(concat_ws(E'\x1f', chain_key, n::text,
        to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        who, session_user::text, op, tbl, row_key, body), 'UTF8'))
$$;

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
    digest := halite_event_hash(prev, chain_key, n, now_at, who, op, tbl, row_key, body);
    INSERT INTO lots_auditevent (chain, sequence, at, actor, database_role, operation, table_name, row_id, payload,
                                 previous_hash, hash)
    VALUES (chain_key, n, now_at, who, session_user::text, op, tbl, row_key, body, prev, digest);
    UPDATE lots_auditchain SET length = n, head = digest WHERE key = chain_key;
END $$;

-- Arguments as those of halite_audit: the chain's prefix, and the column that names the chain.
CREATE FUNCTION halite_audit_inserts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    entry record;
    chain_key text;
    n bigint;
    prev bytea;
    digest bytea;
    now_at timestamptz;
    who text := coalesce(nullif(current_setting('halite.actor', true), ''), session_user::text);
BEGIN
    FOR entry IN
        SELECT TG_ARGV[0] || ':' || coalesce(row.body ->> TG_ARGV[1], '-') AS chain, row.body ->> 'id' AS id, row.body
        FROM (SELECT to_jsonb(a) AS body FROM added a) AS row ORDER BY 1, (row.body ->> 'id')::bigint
    LOOP
        IF entry.chain IS DISTINCT FROM chain_key THEN
            UPDATE lots_auditchain SET length = n, head = prev WHERE key = chain_key;
            chain_key := entry.chain;
            INSERT INTO lots_auditchain (key, length, head) VALUES (chain_key, 0, decode(repeat('00', 32), 'hex'))
            ON CONFLICT DO NOTHING;
            SELECT length, head INTO n, prev FROM lots_auditchain WHERE key = chain_key FOR UPDATE;
        END IF;
        n := n + 1;
        now_at := clock_timestamp();
        digest := halite_event_hash(prev, chain_key, n, now_at, who, 'insert', TG_TABLE_NAME, entry.id, entry.body::text);
        INSERT INTO lots_auditevent (chain, sequence, at, actor, database_role, operation, table_name, row_id, payload,
                                     previous_hash, hash)
        VALUES (chain_key, n, now_at, who, session_user::text, 'insert', TG_TABLE_NAME, entry.id, entry.body::text, prev,
                digest);
        prev := digest;
    END LOOP;
    UPDATE lots_auditchain SET length = n, head = prev WHERE key = chain_key;
    RETURN NULL;
END $$;
