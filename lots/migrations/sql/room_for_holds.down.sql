ALTER TABLE lots_lot SET (fillfactor = 85);
