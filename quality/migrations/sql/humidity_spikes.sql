-- What the air did, whom it touched and what followed from it is evidence.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['quality_humidityspike', 'quality_spikelot', 'quality_tightenedlimits'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['quality_humidityspike', 'quality_tightenedlimits'] LOOP
        EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_audit(%L, %L)', name, name, 'id');
    END LOOP;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_spikelot
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
SELECT halite_watch_masters(ARRAY['quality_humidityspike', 'quality_tightenedlimits']);
