-- Events are appended by this function alone; the application role cannot write the tables.
-- hash = SHA-256(previous hash || UTF-8 of the fields joined by the unit separator).
CREATE FUNCTION halite_append_audit(chain_key text, op text, tbl text, row_key text, body text) RETURNS void
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
REVOKE EXECUTE ON FUNCTION halite_append_audit(text, text, text, text, text) FROM PUBLIC;
REVOKE INSERT ON lots_auditchain, lots_auditevent FROM halite_app;

-- Arguments: the chain's prefix, the column that names the chain, the columns left out of the record.
CREATE FUNCTION halite_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    after jsonb;
    before jsonb;
    body jsonb;
BEGIN
    IF TG_OP <> 'INSERT' THEN before := to_jsonb(OLD) - TG_ARGV[2:]; END IF;
    IF TG_OP <> 'DELETE' THEN after := to_jsonb(NEW) - TG_ARGV[2:]; END IF;
    IF TG_OP = 'UPDATE' THEN
        IF before = after THEN RETURN NULL; END IF;
        SELECT jsonb_object_agg(key, jsonb_build_array(before -> key, value)) INTO body
        FROM jsonb_each(after) WHERE before -> key IS DISTINCT FROM value;
    ELSE
        body := coalesce(after, before);
    END IF;
    PERFORM halite_append_audit(
        TG_ARGV[0] || ':' || coalesce(coalesce(after, before) ->> TG_ARGV[1], '-'), lower(TG_OP), TG_TABLE_NAME,
        coalesce(after, before) ->> 'id', body::text);
    RETURN NULL;
END $$;

-- A submission's digest is linked once into the chain of every subject that it measured.
CREATE FUNCTION halite_audit_measurements() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    entry record;
BEGIN
    IF EXISTS (SELECT 1 FROM added a WHERE NOT EXISTS (SELECT 1 FROM lots_submission s WHERE s.id = a.submission_id)) THEN
        RAISE EXCEPTION 'a measurement needs its submission' USING ERRCODE = 'foreign_key_violation';
    END IF;
    FOR entry IN
        SELECT DISTINCT s.id, encode(s.digest, 'hex') AS digest, s.uuid,
               CASE WHEN a.lot_id IS NOT NULL THEN 'lot:' || a.lot_id
                    WHEN a.zone_id IS NOT NULL THEN 'zone:' || a.zone_id
                    WHEN a.gauge_is_subject THEN 'gauge:' || a.gauge_id
                    ELSE 'equipment:' || a.equipment_id END AS chain
        FROM added a JOIN lots_submission s ON s.id = a.submission_id
        ORDER BY chain, s.id
    LOOP
        PERFORM halite_append_audit(entry.chain, 'insert', 'lots_submission', entry.id::text,
            jsonb_build_object('uuid', entry.uuid, 'digest', entry.digest)::text);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT ON lots_measurement REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION halite_audit_measurements();

-- One event for a hold's members, however many: their count and the digest of their keys in order.
CREATE FUNCTION halite_audit_hold_members() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    entry record;
BEGIN
    FOR entry IN
        SELECT hold_id, count(*) AS members, min(disposition_id) AS disposition,
               encode(sha256(convert_to(string_agg(
                   concat_ws(':', lot_id, from_mm, to_mm, disposition_id), ',' ORDER BY lot_id, from_mm), 'UTF8')), 'hex')
               AS digest
        FROM changed GROUP BY hold_id ORDER BY hold_id
    LOOP
        PERFORM halite_append_audit('hold:' || entry.hold_id, lower(TG_OP), 'lots_holdlot', entry.hold_id::text,
            jsonb_build_object('members', entry.members, 'disposition', entry.disposition,
                               'digest', entry.digest)::text);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_insert AFTER INSERT ON lots_holdlot REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION halite_audit_hold_members();
CREATE TRIGGER audit_update AFTER UPDATE ON lots_holdlot REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION halite_audit_hold_members();

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_lot
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'id', 'hold_revision');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_stepexecution
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_movement
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_openinterval
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_genealogylink
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'child_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_hold
    FOR EACH ROW EXECUTE FUNCTION halite_audit('hold', 'id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_supersession
    FOR EACH ROW EXECUTE FUNCTION halite_audit('supersession', 'old_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_user
    FOR EACH ROW EXECUTE FUNCTION halite_audit('user', 'id', 'password', 'last_login');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_membership
    FOR EACH ROW EXECUTE FUNCTION halite_audit('user', 'user_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_source
    FOR EACH ROW EXECUTE FUNCTION halite_audit('source', 'id', 'key_hash');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_site
    FOR EACH ROW EXECUTE FUNCTION halite_audit('site', 'id', 'clock_offset_s');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_calibration
    FOR EACH ROW EXECUTE FUNCTION halite_audit('gauge', 'gauge_id');
