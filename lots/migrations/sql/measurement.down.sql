DROP FUNCTION halite_ensure_partitions(integer);
DROP TABLE lots_measurement;
DROP SEQUENCE lots_measurement_id_seq;
