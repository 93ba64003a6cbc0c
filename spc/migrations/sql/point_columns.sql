-- The same guard with each column compared as it is: turning both rows into documents took longer than stamping them.
-- The catalog test demands that every column but the stamp stands in the comparison.
DROP TRIGGER set_once ON spc_point;
DO $$
DECLARE
    before text;
    after text;
BEGIN
    SELECT string_agg('OLD.' || quote_ident(attname), ', '), string_agg('NEW.' || quote_ident(attname), ', ')
    INTO before, after FROM pg_attribute
    WHERE attrelid = 'spc_point'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'replaced_at';
    EXECUTE format('CREATE TRIGGER set_once BEFORE UPDATE ON spc_point FOR EACH ROW
                    WHEN (OLD.replaced_at IS NOT NULL OR (%s) IS DISTINCT FROM (%s))
                    EXECUTE FUNCTION halite_set_once(''replaced_at'')', before, after);
END $$;
