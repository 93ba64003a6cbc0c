-- Checkpoints are a cache of states that points give again: a replay deletes those that it has outdated.
DROP TRIGGER append_only ON spc_chartcheckpoint;
GRANT DELETE ON spc_chartcheckpoint TO halite_app;
