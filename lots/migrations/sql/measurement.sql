-- Partitioned by month of receipt. No foreign keys leave it: integrity is by checked insertion.
CREATE SEQUENCE lots_measurement_id_seq AS bigint;

CREATE TABLE lots_measurement (
    id bigint NOT NULL DEFAULT nextval('lots_measurement_id_seq'),
    received_at timestamptz NOT NULL,
    measured_at timestamptz NOT NULL,
    site_id bigint NOT NULL,
    submission_id bigint NOT NULL,
    sequence integer NOT NULL CHECK (sequence >= 0),
    lot_id lot_ref,
    zone_id bigint,
    equipment_id bigint,
    gauge_id bigint,
    gauge_is_subject boolean NOT NULL DEFAULT false,
    execution_id bigint,
    characteristic_id bigint NOT NULL,
    position numeric(14, 4),
    roll_position_mm bigint,
    entered_text varchar(40) NOT NULL,
    entered_unit varchar(16) NOT NULL,
    value numeric(26, 10) NOT NULL,
    sample_size integer CHECK (sample_size > 0),
    qualifier varchar(1) NOT NULL DEFAULT '' CHECK (qualifier IN ('', '<', '>')),
    quality varchar(12) NOT NULL DEFAULT 'good' CHECK (quality IN ('good', 'suspect', 'quarantined')),
    operator_id bigint,
    formula_version smallint,
    input_ids bigint[],
    PRIMARY KEY (received_at, id),
    -- Exactly one subject.
    CONSTRAINT measurement_one_subject CHECK (
        (lot_id IS NOT NULL)::int + (zone_id IS NOT NULL)::int + gauge_is_subject::int
        + (equipment_id IS NOT NULL AND lot_id IS NULL AND zone_id IS NULL AND NOT gauge_is_subject)::int = 1
    ),
    CONSTRAINT measurement_gauge_subject CHECK (NOT gauge_is_subject OR gauge_id IS NOT NULL)
) PARTITION BY RANGE (received_at);

-- Current values of a lot: derivations, gates, the lot page.
CREATE INDEX measurement_by_lot ON lots_measurement (lot_id, characteristic_id) WHERE lot_id IS NOT NULL;
-- A zone's series over an open interval.
CREATE INDEX measurement_by_zone ON lots_measurement (zone_id, characteristic_id, measured_at) WHERE zone_id IS NOT NULL;
-- What one submission brought: the worker's drain.
CREATE INDEX measurement_by_submission ON lots_measurement (submission_id);

-- A partition is written through its table only: the audit's statement trigger would not see what goes past it.
CREATE TABLE lots_measurement_default PARTITION OF lots_measurement DEFAULT;
REVOKE INSERT ON lots_measurement_default FROM halite_app;

-- Makes the partitions of this month and the next `months_ahead`; safe to call at any time.
CREATE FUNCTION halite_ensure_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    first_day timestamptz;
    made integer := 0;
    part text;
BEGIN
    FOR i IN 0..months_ahead LOOP
        first_day := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => i);
        part := 'lots_measurement_' || to_char(first_day AT TIME ZONE 'UTC', 'YYYYMM');
        IF to_regclass(part) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF lots_measurement FOR VALUES FROM (%L) TO (%L)',
                part, first_day, (first_day AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
            EXECUTE format('REVOKE INSERT ON %I FROM halite_app', part);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;

SELECT halite_ensure_partitions(3);
