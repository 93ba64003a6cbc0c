-- Files of instruments are evidence: the application inserts and reads them (default privileges), and nobody changes or
-- removes a row.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON lots_curvefile
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON lots_curvefile
    FOR EACH STATEMENT EXECUTE FUNCTION halite_refuse_change();
