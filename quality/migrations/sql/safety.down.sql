DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'quality_hazard', 'quality_failuremode', 'quality_safetymethod', 'quality_observable',
        'quality_observablemode', 'quality_safetycriterion', 'quality_safetyresult'] LOOP
        EXECUTE format('DROP TRIGGER audit ON %I', name);
        EXECUTE format('DROP TRIGGER append_only ON %I', name);
    END LOOP;
END $$;
