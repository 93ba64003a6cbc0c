-- The stamp of the master data: who remembers what it has read compares it (lots/masters.py). Random, so that no
-- rolled-back change and no copy of a database shares it.
CREATE TABLE lots_masterstamp (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    stamp uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO lots_masterstamp DEFAULT VALUES;
REVOKE INSERT ON lots_masterstamp FROM halite_app;

CREATE FUNCTION halite_masters_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE lots_masterstamp SET stamp = gen_random_uuid();
    RETURN NULL;
END $$;

CREATE FUNCTION halite_watch_masters(tables text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY tables LOOP
        EXECUTE format('CREATE TRIGGER masters_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION halite_masters_changed()', name);
    END LOOP;
END $$;

SELECT halite_watch_masters(ARRAY[
    'lots_characteristic', 'lots_processstep', 'lots_zone', 'lots_gauge', 'lots_calibration', 'lots_membership',
    'lots_productrevision', 'lots_route', 'lots_routestep', 'lots_recipeparameter', 'lots_workorderrecipe']);
