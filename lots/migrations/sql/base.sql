-- The type of every column that refers to a lot: the catalog test finds them by it.
CREATE DOMAIN lot_ref AS bigint;

-- The number of the running top-level transaction (also inside savepoints).
CREATE FUNCTION halite_transaction_id() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT pg_current_xact_id()::text::bigint $$;

-- The application may read and add; it may change only what later migrations grant column by column; it may
-- delete nothing.
GRANT USAGE ON SCHEMA public TO halite_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO halite_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO halite_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO halite_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO halite_app;
