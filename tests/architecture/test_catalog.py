"""What the database itself says about its tables: guards, append-only evidence, grants, reversibility (I6, I10)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction

from lots import masters
from tests.support.builders import make_plant
from tests.support.cluster import Database
from tests.support.worked import frozen_chart, worked_plant

# Functions whose trigger refuses to move a held lot; the second part is the operation they must fire on.
GUARDS = {
    "lots_movement": ("halite_guard_movement", "INSERT"),
    "lots_stepexecution": ("halite_guard_execution", "INSERT"),
    "lots_genealogylink": ("halite_guard_link", "INSERT"),
}

# Tables that name a lot and need no guard, each with the reason a reviewer accepted.
REVIEWED = {
    "lots_lotalias": "another name of the lot; moves nothing",
    "lots_gatedecision": "the ticket: it moves nothing itself, the movement that presents it is guarded",
    "lots_receipt": "the papers of a delivery; moves nothing",
    "lots_opening": "says that a container was opened; that must be on record of a held one too",
    "lots_openinterval": "says that air reached the lot; a held container that was opened must be on record",
    "lots_holdlot": "the hold itself",
    "lots_curvefile": "the instrument file of a measurement; held material is measured above all",
    "lots_measurement": "what was measured on the lot; held material is measured above all",
    "spc_subgroupmember": "copies of measurements",
    "quality_spikelot": "says that a humidity spike reached the lot",
    "quality_judgement": "the verdict on a measurement",
    "quality_defect": "the violation found on a measurement",
    "quality_nonconformance": "the case opened about the lot",
    "quality_shelflifeextension": "how long the lot is good; moves nothing: the movement is guarded",
    "quality_deviation": "a permission for one check; moves nothing: the movement is guarded",
    "quality_acceptanceplan": "which cells of the lot are tested; moves nothing",
    "quality_evidencepackage": "collects what is recorded of the lot; moves nothing",
    "quality_safetyresult": "what a safety test showed on the cell; moves nothing",
    "quality_release": "the signed statement about the lot; its movement is guarded",
    "quality_dispositionitem": "names a hold to be closed; the disposition's authority is checked by its trigger",
}

# What does not append but change: the columns that the application may update are listed in the grants.
APPEND_ONLY = {
    "lots_curvefile",
    "lots_measurement",
    "lots_submission",
    "lots_idempotencykey",
    "lots_supersession",
    "lots_movement",
    "lots_gatedecision",
    "lots_hold",
    "lots_calibration",
    "lots_lotalias",
    "lots_recipeparameter",
    "lots_productrevision",
    "lots_reciperevision",
    "lots_routestep",
    "lots_workorderrecipe",
    "lots_auditevent",
    "spc_pointexclusion",
    "spc_signalmember",
    "spc_subgroupmember",
    "spc_basispoint",
    "spc_chartplan",
    "spc_stream",
    "quality_humidityspike",
    "quality_judgement",
    "quality_spikelot",
    "quality_tightenedlimits",
    "quality_failuremode",
    "quality_hazard",
    "quality_observable",
    "quality_observablemode",
    "quality_safetycriterion",
    "quality_safetymethod",
    "quality_safetyresult",
    "quality_safetysetaside",
    "quality_defect",
    "quality_reactionfiring",
    "quality_samplingevent",
    "quality_acceptancedecision",
    "quality_acceptanceplan",
    "quality_baseline",
    "quality_gaugereading",
    "quality_gaugestudy",
    "quality_gaugeverdict",
    "quality_evidencepackage",
    "quality_packagebuild",
    "quality_packageissue",
    "quality_packageprogress",
    "quality_caseentry",
    "quality_casephoto",
    "quality_readinessaudit",
    "quality_recheck",
    "quality_containmentchange",
    "quality_deviation",
    "quality_deviationsignature",
    "quality_disposition",
    "quality_dispositionitem",
    "quality_release",
    "quality_shiftcheck",
    "quality_shelflifeextension",
    "quality_retestvalue",
    "quality_extensionapproval",
    "quality_certificateitem",
    "quality_incomingrule",
    "lots_certificatevalue",
    "lots_opening",
    "lots_receipt",
    "quality_signature",
    "quality_requirement",
    "quality_requirementrevision",
    "quality_specification",
    "quality_specificationdraft",
    "quality_specificationline",
    "quality_workorderplan",
    "quality_zonerule",
    "quality_namedgate",
    "quality_processwindow",
}

TABLES = "relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace"
OURS = r"relname ~ '^(lots|spc|quality)_'"

# Bits of pg_trigger.tgtype.
ROW, BEFORE, INSERT, DELETE, UPDATE, TRUNCATE = 1, 2, 4, 8, 16, 32


def query(sql: str, parameters: list[Any] | None = None, *, alias: str = "default") -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def triggers(function: str) -> dict[str, int]:
    """Table → the union of the events (tgtype bits) on which the function runs, where enabled always or by origin."""
    rows = query(
        f"SELECT c.relname, bit_or(t.tgtype::int) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        f" JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname = %s AND t.tgenabled IN ('O', 'A') AND {TABLES}"
        " GROUP BY c.relname",
        [function],
    )
    return {str(table): int(bits) for table, bits in rows}


@pytest.mark.django_db
def test_every_table_that_names_a_lot_is_guarded_or_reviewed() -> None:
    rows = query(
        f"SELECT DISTINCT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        f" WHERE a.atttypid = 'lot_ref'::regtype AND NOT a.attisdropped AND {TABLES}"
    )
    tables = {str(name) for (name,) in rows}
    assert tables >= {"lots_movement", "lots_measurement", "spc_subgroupmember"}  # the query sees all apps
    assert tables - GUARDS.keys() == REVIEWED.keys(), "guard the new table, or review it and say why not"
    for table, (function, _) in GUARDS.items():
        bits = triggers(function).get(table, 0)
        assert bits & ROW and bits & BEFORE and bits & INSERT, f"{table} has lost its guard"


@pytest.mark.django_db
def test_the_lot_itself_is_guarded_against_updates() -> None:
    bits = triggers("halite_guard_lot")["lots_lot"]
    assert bits & ROW and bits & BEFORE and bits & UPDATE


@pytest.mark.django_db
def test_placing_or_closing_a_hold_updates_the_lot_row() -> None:
    bits = triggers("halite_touch_held_lots")["lots_holdlot"]
    assert bits & INSERT and bits & UPDATE
    plant = worked_plant()
    lot = plant.raw()
    (before,) = query("SELECT hold_revision FROM lots_lot WHERE id = %s", [lot.pk])
    query(
        "INSERT INTO lots_holdlot (hold_id, lot_id, created_at)"
        " SELECT max(id), %s, now() FROM lots_hold RETURNING id",
        [lot.pk],
    )
    (after,) = query("SELECT hold_revision FROM lots_lot WHERE id = %s", [lot.pk])
    assert after[0] == before[0] + 1


@pytest.mark.django_db
def test_every_column_of_a_lot_is_fixed_or_guarded_but_the_count_of_holds() -> None:
    columns = {
        str(name)
        for (name,) in query(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'lots_lot'::regclass AND attnum > 0 AND NOT attisdropped"
        )
    }
    conditions = dict(
        query(
            "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE tgrelid = 'lots_lot'::regclass AND tgname IN ('fixed_columns', 'guard_lot', 'audit_update')"
        )
    )
    compared = {name: set(re.findall(r"old\.(\w+)", text)) for name, text in conditions.items()}
    counted = {"hold_revision", "taken"}  # by triggers, and the application may not update them
    assert compared["fixed_columns"] | compared["guard_lot"] == columns - counted
    granted = query(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'lots_lot'::regclass AND attnum > 0"
        " AND has_column_privilege('halite_app', attrelid, attname, 'UPDATE')"
    )
    assert "taken" not in {str(name) for (name,) in granted}
    recorded = conditions["audit_update"].split("UPDATE OF")[1].split(" ON ")[0]
    assert {name.strip() for name in recorded.split(",")} == columns - counted


@pytest.mark.django_db
def test_every_column_of_a_point_but_its_stamp_is_compared_when_it_is_stamped() -> None:
    columns = query(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'spc_point'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    ((condition,),) = query(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'spc_point'::regclass AND tgname = 'set_once'"
    )
    compared = set(re.findall(r"old\.(\w+)", str(condition)))
    assert compared == {str(name) for (name,) in columns}


@pytest.mark.django_db
def test_every_table_that_a_process_remembers_says_when_it_changes() -> None:
    remembered = {model._meta.db_table for models in masters.reads.values() for model in models}
    events = triggers("halite_masters_changed")
    assert {"lots_characteristic", "quality_specificationline", "spc_chartplan"} <= remembered
    for table in remembered:
        every = INSERT | UPDATE | DELETE | TRUNCATE
        assert events.get(table, 0) & every == every, f"{table}: halite_watch_masters is missing"


@pytest.mark.django_db
def test_no_foreign_key_reaches_a_lot_but_through_the_domain() -> None:
    rows = query(
        "SELECT k.conrelid::regclass::text, a.attname FROM pg_constraint k"
        " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)"
        " WHERE k.contype = 'f' AND k.confrelid = 'lots_lot'::regclass AND a.atttypid <> 'lot_ref'::regtype"
    )
    assert rows == []


@pytest.mark.django_db
def test_no_column_called_lot_escapes_the_domain() -> None:
    rows = query(
        f"SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        f" WHERE a.attname ~ '(^|_)lot_id$' AND a.attname <> 'hold_lot_id' AND a.attnum > 0"
        f" AND a.atttypid <> 'lot_ref'::regtype AND {TABLES}"
    )
    assert rows == []


@pytest.mark.django_db
def test_the_append_only_tables_are_those_listed() -> None:
    found = {
        table for table, bits in triggers("halite_refuse_change").items() if bits & UPDATE and bits & DELETE
    }
    assert found == APPEND_ONLY


@pytest.mark.django_db
def test_the_application_may_delete_and_truncate_nothing() -> None:
    rows = query(
        f"SELECT relname FROM pg_class WHERE {OURS} AND relkind IN ('r', 'p')"
        " AND (has_table_privilege('halite_app', oid, 'DELETE') OR has_table_privilege('halite_app', oid, 'TRUNCATE')"
        "      OR has_table_privilege('halite_app', oid, 'TRIGGER'))"
    )
    # Which permissions an account has may change; the audit trail follows users and memberships. Checkpoints are a
    # cache of states that points give again.
    cache, permissions = {"spc_chartcheckpoint"}, {"lots_user_groups", "lots_user_user_permissions"}
    assert {name for (name,) in rows} == cache | permissions


@pytest.mark.django_db
def test_the_application_updates_no_append_only_table() -> None:
    rows = query(
        "SELECT relname FROM pg_class WHERE relname = ANY (%s)"
        " AND (has_table_privilege('halite_app', oid, 'UPDATE')"
        "      OR has_any_column_privilege('halite_app', oid, 'UPDATE'))",
        [sorted(APPEND_ONLY)],
    )
    assert rows == []


@pytest.mark.django_db
def test_partitions_give_the_application_no_way_around_their_table() -> None:
    """A grant or a missing trigger on a partition would let raw SQL write evidence past its parent."""
    rows = query(
        "SELECT c.oid::regclass::text, has_table_privilege('halite_app', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'),"
        "  (SELECT count(*) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
        "   WHERE t.tgrelid = c.oid AND p.proname = 'halite_refuse_change' AND t.tgtype & 24 = 24)"
        " FROM pg_class c WHERE c.relispartition AND c.relkind = 'r' AND c.relname LIKE 'lots_measurement%%'",
        [],
    )
    assert len(rows) >= 5
    assert [(name, may_write) for name, may_write, _ in rows if may_write] == []
    assert all(guards == 1 for _, _, guards in rows)


@pytest.mark.django_db
def test_the_application_owns_nothing_and_is_not_special() -> None:
    assert query(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles"
        " WHERE rolname = 'halite_app'"
    ) == [(False, False, False, False, False)]
    assert (
        query(
            "SELECT relname FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = 'halite_app')"
        )
        == []
    )
    assert query("SELECT roleid FROM pg_auth_members WHERE member = 'halite_app'::regrole") == []


@pytest.mark.django_db
def test_functions_that_act_as_the_owner_fix_their_search_path() -> None:
    rows = query(
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        " AND NOT coalesce(proconfig::text, '') LIKE '%%search_path=%%'",
        [],
    )
    assert rows == []


def test_append_only_tables_refuse_even_their_owner(fresh_database: Database) -> None:
    """As the owner, whose grants stop nothing: the trigger does. Every table holds rows of a plant that has worked."""
    worked_plant()
    for table in sorted(APPEND_ONLY):
        assert query(f"SELECT count(*) FROM {table}", alias="owner")[0][0], (
            f"{table} is empty: nothing is tested"
        )
        column = query(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum LIMIT 1",
            [table],
            alias="owner",
        )[0][0]
        for sql in (f'UPDATE {table} SET "{column}" = "{column}"', f"DELETE FROM {table}"):
            with pytest.raises(DatabaseError) as caught:
                execute_as_owner(sql)
            assert caught.value.__cause__.sqlstate == "HL002", sql


def test_a_point_is_stamped_once_and_never_changed_even_by_its_owner(fresh_database: Database) -> None:
    chart = frozen_chart(make_plant())
    stamp = f"UPDATE spc_point SET replaced_at = now() WHERE chart_id = {chart.pk} AND sequence = 0"
    before = query("SELECT * FROM spc_point WHERE sequence > 0 ORDER BY id", alias="owner")
    execute_as_owner(stamp)
    refused = (
        "SET statistic = 1",
        "SET statistic = NULL, replaced_at = now()",
        "SET sequence = sequence + 100",
        "SET limit_revision_id = NULL",
        "SET replaced_at = now() WHERE replaced_at IS NOT NULL",
        "SET replaced_at = NULL WHERE replaced_at IS NOT NULL",
    )
    for change in refused:
        with pytest.raises(DatabaseError) as caught:
            execute_as_owner(f"UPDATE spc_point {change}")
        assert caught.value.__cause__.sqlstate == "HL002", change
    assert query("SELECT * FROM spc_point WHERE sequence > 0 ORDER BY id", alias="owner") == before


def execute_as_owner(sql: str) -> None:
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_migrations_go_back_to_nothing_and_forward_again(fresh_database: Database) -> None:
    """A plant that must go back a release can: every migration undoes what it did."""
    before = schema()
    call_command("migrate", "lots", "zero", verbosity=0)  # and with it all that builds on lots
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"SELECT relname FROM pg_class WHERE {OURS} AND relkind IN ('r', 'p', 'S')")
        assert cursor.fetchall() == []
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'halite%%'", [])
        assert cursor.fetchall() == []
    call_command("migrate", verbosity=0)
    assert schema() == before


def schema() -> dict[str, list[tuple[Any, ...]]]:
    """Tables with columns, triggers, functions and the application's grants."""
    return {
        "columns": query(
            f"SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a"
            f" JOIN pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped AND {OURS}"
            f" AND {TABLES} ORDER BY 1, 2",
            alias="owner",
        ),
        "triggers": query(
            "SELECT c.relname, t.tgname, t.tgtype::int FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal ORDER BY 1, 2",
            alias="owner",
        ),
        "functions": query(
            "SELECT proname, md5(prosrc) FROM pg_proc WHERE proname LIKE 'halite%%' ORDER BY 1, 2",
            [],
            alias="owner",
        ),
        "grants": query(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee = 'halite_app' AND table_name ~ '^(lots|spc|quality)_' ORDER BY 1, 2",
            alias="owner",
        ),
        "constraints": query(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'x') ORDER BY 1, 2",
            alias="owner",
        ),
    }
