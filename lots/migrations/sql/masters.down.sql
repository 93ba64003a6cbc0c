DROP FUNCTION halite_masters_changed() CASCADE;
DROP FUNCTION halite_watch_masters(text[]);
DROP TABLE lots_masterstamp;
