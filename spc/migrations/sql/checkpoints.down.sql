REVOKE DELETE ON spc_chartcheckpoint FROM halite_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON spc_chartcheckpoint
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
