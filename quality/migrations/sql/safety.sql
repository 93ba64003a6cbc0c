-- The safety chain is evidence: records are versioned, nothing is changed.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'quality_hazard', 'quality_failuremode', 'quality_safetymethod', 'quality_observable',
        'quality_observablemode', 'quality_safetycriterion', 'quality_safetyresult'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
        EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_audit(%L, %L)', name, name, 'id');
    END LOOP;
END $$;
