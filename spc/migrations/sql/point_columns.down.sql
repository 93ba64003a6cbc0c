DROP TRIGGER set_once ON spc_point;
CREATE TRIGGER set_once BEFORE UPDATE ON spc_point FOR EACH ROW
    WHEN (OLD.replaced_at IS NOT NULL
          OR to_jsonb(OLD) - 'replaced_at' IS DISTINCT FROM to_jsonb(NEW) - 'replaced_at')
    EXECUTE FUNCTION halite_set_once('replaced_at');
