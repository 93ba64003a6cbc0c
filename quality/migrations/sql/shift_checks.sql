-- Checklists and the rules that ask for them are evidence; what a process remembers of rules and shifts is stamped.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['quality_zonerule', 'quality_shiftcheck'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
        EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_audit(''zone'', ''zone_id'')', name);
    END LOOP;
END $$;
SELECT halite_watch_masters(ARRAY['quality_zonerule', 'lots_shift']);
