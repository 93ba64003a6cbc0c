DROP TRIGGER set_once ON spc_point;
CREATE TRIGGER set_once BEFORE UPDATE ON spc_point FOR EACH ROW EXECUTE FUNCTION halite_set_once('replaced_at');
