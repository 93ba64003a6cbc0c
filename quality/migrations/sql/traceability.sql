-- What people decided about requirements is evidence.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['quality_recheck', 'quality_baseline', 'quality_readinessaudit'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
        EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_audit(%L, %L)', name, name, 'id');
    END LOOP;
END $$;
