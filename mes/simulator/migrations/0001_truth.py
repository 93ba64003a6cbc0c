"""The declared truth of simulated runs, in a schema of its own that the application's role cannot enter."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("lots", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql="""
                CREATE SCHEMA simulator_truth;
                REVOKE ALL ON SCHEMA simulator_truth FROM PUBLIC;
                CREATE TABLE simulator_truth.run (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    prefix text NOT NULL UNIQUE,
                    purpose text NOT NULL,
                    seed bigint NOT NULL,
                    site_started_at timestamptz NOT NULL,
                    created_at timestamptz NOT NULL DEFAULT now()
                );
                -- One row for each fault of a run; it grows while the run goes on.
                CREATE TABLE simulator_truth.fault (
                    run_id bigint NOT NULL REFERENCES simulator_truth.run,
                    number integer NOT NULL,
                    fault text NOT NULL,
                    magnitude text NOT NULL,
                    shift_in_sigma double precision NOT NULL,
                    started_at timestamptz,
                    expected_step text NOT NULL,
                    expected_characteristics text[] NOT NULL,
                    affected_lots text[] NOT NULL,
                    descendant_lots text[] NOT NULL,
                    affected_intervals_mm jsonb NOT NULL,
                    PRIMARY KEY (run_id, number)
                );
                -- Hidden quantities of lots and zones, in the unit that their name ends in.
                CREATE TABLE simulator_truth.latent (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    run_id bigint NOT NULL REFERENCES simulator_truth.run,
                    subject text NOT NULL,
                    name text NOT NULL,
                    value double precision NOT NULL,
                    at timestamptz NOT NULL
                );
                CREATE INDEX latent_subject ON simulator_truth.latent (subject);
                REVOKE ALL ON ALL TABLES IN SCHEMA simulator_truth FROM PUBLIC, halite_app;
                GRANT USAGE ON SCHEMA simulator_truth TO halite_simulator;
                GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA simulator_truth TO halite_simulator;
                GRANT UPDATE ON simulator_truth.fault, simulator_truth.run TO halite_simulator;
            """,
            reverse_sql="DROP SCHEMA simulator_truth CASCADE;",
        )
    ]
