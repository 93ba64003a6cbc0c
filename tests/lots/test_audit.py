"""The audit trail is complete, and tampering by the table's owner is found and named (I10)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from lots import offline_verifier
from lots.anchors import UnreadableAnchors, verify_anchors, write_anchor
from lots.audit import BadRow, event_hash, verify, verify_chain
from lots.audit_export import export_audit
from lots.digest import submission_digest
from lots.models import AuditChain, AuditEvent, HoldLot, Lot, Measurement, Submission
from tests.support.builders import Plant
from tests.support.cluster import TestCluster, use_database
from tests.support.worked import SOLIDS, worked_plant

pytestmark = pytest.mark.slow  # a plant that has worked for long

TABLES = ("lots_auditevent", "lots_auditchain", "lots_measurement", "lots_submission", "lots_holdlot")


@pytest.fixture(scope="module")
def worked(
    cluster: TestCluster, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Plant]:
    """A plant that worked and committed, in a database of this module: its owner sees what was written."""
    name = cluster.clone()
    with django_db_blocker.unblock():
        restore = use_database(name)
        plant = worked_plant()
        with connections["owner"].cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
        yield plant
        restore()
    cluster.drop(name)


@pytest.fixture
def plant(worked: Plant) -> Iterator[Plant]:
    """The plant, untouched again after each test."""
    yield worked
    with connections["owner"].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table in TABLES[:3]:
            cursor.execute(f"DELETE FROM {table}")
            cursor.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
        cursor.execute(
            "UPDATE lots_submission s SET digest = k.digest FROM kept_lots_submission k WHERE k.id = s.id"
        )
        cursor.execute("DELETE FROM lots_holdlot WHERE id NOT IN (SELECT id FROM kept_lots_holdlot)")
        cursor.execute(
            "UPDATE lots_holdlot h SET lot_id = k.lot_id, from_mm = k.from_mm, to_mm = k.to_mm,"
            " disposition_id = k.disposition_id, closed_at = k.closed_at FROM kept_lots_holdlot k WHERE k.id = h.id"
        )
        cursor.execute(
            "INSERT INTO lots_holdlot SELECT * FROM kept_lots_holdlot WHERE id NOT IN (SELECT id FROM lots_holdlot)"
        )
        cursor.execute("DELETE FROM lots_submission WHERE id NOT IN (SELECT id FROM kept_lots_submission)")
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.fixture
def chain(plant: Plant) -> str:
    """The chain of a lot with at least five events."""
    lot = Lot.objects.filter(site=plant.site, executions__isnull=False).order_by("pk").first()
    assert lot is not None
    key = f"lot:{lot.pk}"
    assert AuditEvent.objects.filter(chain=key).count() >= 4
    return key


def tamper(table: str, sql: str, parameters: list[object]) -> None:
    """Change evidence as somebody who owns the tables can: switch the triggers off, write, switch them on."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql, parameters)
        assert cursor.rowcount > 0
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def only_bad_row() -> BadRow:
    (bad,) = verify()
    return bad


def test_what_a_working_plant_wrote_verifies(plant: Plant) -> None:
    assert list(verify()) == []
    kinds = {key.split(":")[0] for key in AuditChain.objects.values_list("key", flat=True)}
    assert kinds >= {"lot", "hold", "chart", "user", "site", "source", "gauge", "quality_disposition"}
    tables = set(AuditEvent.objects.values_list("table_name", flat=True))
    assert tables >= {"lots_submission", "lots_movement", "lots_holdlot", "lots_genealogylink", "spc_signal"}


def test_every_event_says_who(plant: Plant) -> None:
    events = AuditEvent.objects.filter(chain__startswith="lot:", table_name="lots_stepexecution")
    assert set(events.values_list("actor", "database_role")) == {(plant.operator.username, "halite_app")}
    decided = AuditEvent.objects.filter(table_name="quality_dispositionitem")
    assert set(decided.values_list("actor", flat=True)) == {plant.engineer.username}
    judged = AuditEvent.objects.filter(table_name="spc_signal", operation="update")
    assert set(judged.values_list("actor", flat=True)) == {"process:evaluation"}


@pytest.mark.parametrize(
    "change",
    [
        "payload = replace(payload, 'active', 'ACTIVE')",
        "actor = 'somebody else'",
        "at = at - interval '1 hour'",
        "operation = 'update'",
        "database_role = 'halite_owner'",
        "row_id = '0'",
    ],
)
def test_an_edited_event_is_named(plant: Plant, chain: str, change: str) -> None:
    tamper(
        "lots_auditevent",
        f"UPDATE lots_auditevent SET {change} WHERE chain = %s AND sequence = 1",
        [chain],
    )
    bad = only_bad_row()
    assert (bad.chain, bad.sequence) == (chain, 1)
    assert "content" in bad.reason


def test_an_event_edited_with_its_hash_breaks_the_next(plant: Plant, chain: str) -> None:
    """Whoever recomputes one hash must recompute all that follow, and the head."""
    tamper(
        "lots_auditevent",
        "UPDATE lots_auditevent SET hash = sha256('x') WHERE chain = %s AND sequence = 2",
        [chain],
    )
    assert only_bad_row().sequence == 2


def test_a_removed_event_is_named(plant: Plant, chain: str) -> None:
    tamper("lots_auditevent", "DELETE FROM lots_auditevent WHERE chain = %s AND sequence = 2", [chain])
    assert only_bad_row() == BadRow(chain, 2, "row 2 is missing; 3 follows")


def test_a_removed_event_whose_gap_was_closed_is_named(plant: Plant, chain: str) -> None:
    tamper("lots_auditevent", "DELETE FROM lots_auditevent WHERE chain = %s AND sequence = 2", [chain])
    # By way of negative numbers: the rows move in any order, and no two may share a number meanwhile.
    for change in (
        "sequence = 1 - sequence WHERE chain = %s AND sequence > 2",
        "sequence = -sequence WHERE chain = %s AND sequence < 0",
    ):
        tamper("lots_auditevent", f"UPDATE lots_auditevent SET {change}", [chain])
    bad = only_bad_row()
    assert (bad.chain, bad.sequence) == (chain, 2)


def test_reordered_events_are_named(plant: Plant, chain: str) -> None:
    for old, new in ((2, -1), (3, 2), (-1, 3)):
        tamper(
            "lots_auditevent",
            "UPDATE lots_auditevent SET sequence = %s WHERE chain = %s AND sequence = %s",
            [new, chain, old],
        )
    bad = only_bad_row()
    assert (bad.chain, bad.sequence) == (chain, 2)


def test_a_tail_that_was_cut_off_is_named(plant: Plant, chain: str) -> None:
    length = AuditChain.objects.get(key=chain).length
    tamper(
        "lots_auditevent", "DELETE FROM lots_auditevent WHERE chain = %s AND sequence >= %s", [chain, length]
    )
    bad = only_bad_row()
    assert (bad.chain, bad.sequence) == (chain, length)
    assert "ends at" in bad.reason


def test_a_chain_that_grows_while_it_is_read_verifies(
    plant: Plant, chain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown: list[str] = []

    def hash_and_grow(event: AuditEvent, previous: bytes) -> bytes:
        if not grown:
            grown.append(chain)
            tamper(
                "lots_auditchain", "UPDATE lots_auditchain SET length = length + 1 WHERE key = %s", [chain]
            )
        return event_hash(event, previous)

    monkeypatch.setattr("lots.audit.event_hash", hash_and_grow)
    assert verify_chain(chain) is None and grown
    assert verify_chain(chain) is not None


def test_events_without_their_head_are_named(plant: Plant, chain: str) -> None:
    tamper("lots_auditchain", "DELETE FROM lots_auditchain WHERE key = %s", [chain])
    assert "head is missing" in only_bad_row().reason


def test_a_forged_event_is_named(plant: Plant, chain: str) -> None:
    length = AuditChain.objects.get(key=chain).length
    tamper(
        "lots_auditevent",
        "INSERT INTO lots_auditevent (chain, sequence, at, actor, database_role, operation, table_name, row_id,"
        " payload, previous_hash, hash) SELECT chain, sequence + 1, at, actor, database_role, operation,"
        " table_name, row_id, payload, hash, sha256('x') FROM lots_auditevent WHERE chain = %s AND sequence = %s",
        [chain, length],
    )
    assert only_bad_row().sequence == length + 1


@pytest.mark.parametrize(
    "change",
    [
        "value = value + 0.0000000001",
        "entered_text = '65'",
        "measured_at = measured_at - interval '1 second'",
        "quality = 'suspect'",
        "operator_id = NULL",
        "lot_id = lot_id + 1",
    ],
)
def test_an_edited_measurement_is_found_by_its_digest(plant: Plant, change: str) -> None:
    row = Measurement.objects.filter(characteristic__code=SOLIDS).order_by("id").first()
    assert row is not None
    tamper("lots_measurement", f"UPDATE lots_measurement SET {change} WHERE id = %s", [row.pk[1]])
    bad = only_bad_row()
    assert bad.chain == f"submission:{row.submission_id}"
    assert "digest" in bad.reason


def test_a_removed_measurement_is_found_by_its_digest(plant: Plant) -> None:
    row = Measurement.objects.filter(characteristic__code=SOLIDS).order_by("id").first()
    assert row is not None
    tamper("lots_measurement", "DELETE FROM lots_measurement WHERE id = %s", [row.pk[1]])
    assert only_bad_row().chain == f"submission:{row.submission_id}"


def test_a_measurement_and_digest_forged_together_contradict_the_chain(plant: Plant) -> None:
    """The digest is linked into the lot's chain: whoever rewrites it must rewrite the chain too."""
    row = Measurement.objects.filter(characteristic__code=SOLIDS).order_by("id").first()
    assert row is not None
    tamper("lots_measurement", "UPDATE lots_measurement SET value = 64 WHERE id = %s", [row.pk[1]])
    submission = row.submission
    rows = Measurement.objects.filter(submission=submission).order_by("sequence")
    forged = submission_digest(submission.uuid, submission.source.code, submission.received_at, rows)
    tamper("lots_submission", "UPDATE lots_submission SET digest = %s WHERE id = %s", [forged, submission.pk])
    bad = only_bad_row()
    assert bad.chain == f"lot:{row.lot_id}"
    assert f"submission {submission.pk} has another digest" in bad.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE lots_holdlot SET lot_id = (SELECT max(id) FROM lots_lot) WHERE id = %s",
            "has another member (lot",
        ),
        ("UPDATE lots_holdlot SET from_mm = 0, to_mm = 1 WHERE id = %s", "or another interval of it"),
        ("DELETE FROM lots_holdlot WHERE id = %s", "2 members of the hold were recorded, 1 are there"),
        (
            "INSERT INTO lots_holdlot (hold_id, lot_id, created_at) SELECT hold_id, (SELECT max(id) FROM lots_lot),"
            " created_at FROM lots_holdlot WHERE id = %s",
            "2 members of the hold were recorded, 3 are there",
        ),
        (
            "UPDATE lots_holdlot SET closed_at = now(), disposition_id = (SELECT disposition_id FROM lots_holdlot h"
            " WHERE h.hold_id = lots_holdlot.hold_id AND h.disposition_id IS NOT NULL) WHERE id = %s",
            "closed other members than was recorded",
        ),
    ],
)
def test_a_changed_member_of_a_hold_contradicts_its_chain(plant: Plant, change: str, words: str) -> None:
    """The hold that was widened to a second lot, of which the first was released: two insertions and one closing."""
    member = HoldLot.objects.get(disposition_id__isnull=True, hold__containment_changes__isnull=False)
    tamper("lots_holdlot", change, [member.pk])
    bad = only_bad_row()
    assert bad.chain == f"hold:{member.hold_id}" and words in bad.reason


def test_a_release_of_a_member_that_is_undone_contradicts_its_chain(plant: Plant) -> None:
    member = HoldLot.objects.filter(disposition_id__isnull=False).earliest("pk")
    tamper(
        "lots_holdlot",
        "UPDATE lots_holdlot SET disposition_id = NULL, closed_at = NULL WHERE id = %s",
        [member.pk],
    )
    assert "closed other members than was recorded" in only_bad_row().reason


def test_a_member_closed_off_the_record_is_found(plant: Plant) -> None:
    decided = HoldLot.objects.filter(disposition_id__isnull=False).values("hold")
    member = HoldLot.objects.exclude(hold__in=decided).earliest("pk")
    tamper(
        "lots_holdlot",
        "UPDATE lots_holdlot SET closed_at = now(), disposition_id = (SELECT max(id) FROM quality_disposition)"
        " WHERE id = %s",
        [member.pk],
    )
    bad = only_bad_row()
    assert bad.chain == f"hold:{member.hold_id}" and "off the record" in bad.reason


def test_a_measurement_outside_any_submission_is_refused(plant: Plant) -> None:
    """It would be evidence that no digest covers."""
    row = Measurement.objects.filter(characteristic__code=SOLIDS).order_by("id").first()
    assert row is not None
    columns = "received_at, measured_at, site_id, sequence, lot_id, characteristic_id, entered_text, value"
    with (
        pytest.raises(DatabaseError, match="needs its submission"),
        transaction.atomic(),
        connections["default"].cursor() as cursor,
    ):
        cursor.execute(
            f"INSERT INTO lots_measurement (submission_id, entered_unit, {columns})"
            f" SELECT -1, '', {columns} FROM lots_measurement WHERE id = %s",
            [row.pk[1]],
        )


def test_a_measurement_written_past_its_table_is_refused(plant: Plant) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM lots_measurement LIMIT 1")
        partition = cursor.fetchone()[0]
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connections["default"].cursor() as cursor,
    ):
        cursor.execute(f"INSERT INTO {partition} SELECT * FROM lots_measurement LIMIT 1")


def test_the_command_names_the_first_bad_row_and_fails(
    plant: Plant, chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lot = Lot.objects.get(pk=int(chain.split(":")[1]))
    call_command("verify_audit", lot.code, site=plant.site.code)
    tamper("lots_auditevent", "DELETE FROM lots_auditevent WHERE chain = %s AND sequence = 3", [chain])
    with pytest.raises(CommandError):
        call_command("verify_audit", lot.code, site=plant.site.code)
    assert f"BAD {chain} row 3" in capsys.readouterr().out
    assert verify_chain(f"lot:{lot.pk + 1}") is None


def delete_whole(chain: str) -> None:
    with connections["owner"].cursor() as cursor:
        for table in ("lots_auditevent", "lots_auditchain"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM lots_auditevent WHERE chain = %s", [chain])
        cursor.execute("DELETE FROM lots_auditchain WHERE key = %s", [chain])


def test_a_chain_deleted_whole_is_missed_where_its_lot_is(plant: Plant, chain: str) -> None:
    delete_whole(chain)
    assert BadRow(chain, 1, "the whole chain is missing") in list(verify())
    assert BadRow(chain, 1, "the whole chain is missing") in list(verify(int(chain.split(":")[1])))


def test_a_chain_of_a_hold_deleted_whole_is_missed_where_the_hold_is(plant: Plant) -> None:
    member = HoldLot.objects.earliest("pk")
    delete_whole(f"hold:{member.hold_id}")
    missing = BadRow(f"hold:{member.hold_id}", 1, "the whole chain is missing")
    assert missing in list(verify()) and missing in list(verify(member.lot_id))


def test_a_hold_deleted_with_its_members_and_its_chain_is_missed_on_the_lot_by_its_anchor(
    plant: Plant, tmp_path: Path
) -> None:
    file = tmp_path / "anchors.jsonl"
    write_anchor(file, now=timezone.now())
    decided = HoldLot.objects.filter(disposition_id__isnull=False).values("hold")
    member = HoldLot.objects.exclude(hold__in=decided).select_related("lot__site").earliest("pk")
    call_command("verify_audit", member.lot.code, site=member.lot.site.code, anchors=file)
    tamper("lots_holdlot", "DELETE FROM lots_holdlot WHERE hold_id = %s", [member.hold_id])
    delete_whole(f"hold:{member.hold_id}")
    assert list(verify(member.lot_id)) == []
    with pytest.raises(CommandError, match=r"1 chain\(s\)"):
        call_command("verify_audit", member.lot.code, site=member.lot.site.code, anchors=file)


def copied(table: str, source: str, submission: str, where: str) -> None:
    """Copy rows past the triggers, as a forger adds evidence; `submission` is what the copies' submission shall be."""
    own = {"id", source}
    columns = [
        field.column
        for field in apps.get_model("lots", table)._meta.local_concrete_fields
        if field.column not in own
    ]
    names = ", ".join(columns)
    tamper(
        f"lots_{table}",
        f"INSERT INTO lots_{table} ({source}, {names}) SELECT {submission}, {names} FROM lots_{table} WHERE {where}",
        [],
    )


def test_a_submission_added_past_the_triggers_is_in_no_chain(plant: Plant, tmp_path: Path) -> None:
    """Its digest agrees with its measurements: only the chain of its lot does not know it."""
    row = Measurement.objects.filter(characteristic__code=SOLIDS).order_by("id").first()
    assert row is not None and row.lot_id is not None
    copied("submission", "uuid", "gen_random_uuid()", f"id = {row.submission_id}")
    forged = Submission.objects.latest("pk")
    copied("measurement", "submission_id", str(forged.pk), f"submission_id = {row.submission_id}")
    rows = Measurement.objects.filter(submission=forged).order_by("sequence")
    digest = submission_digest(forged.uuid, forged.source.code, forged.received_at, rows)
    tamper("lots_submission", "UPDATE lots_submission SET digest = %s WHERE id = %s", [digest, forged.pk])
    words = f"submission {forged.pk} measured it and is not in its chain"
    assert list(verify()) == list(verify(row.lot_id)) == [BadRow(f"lot:{row.lot_id}", 0, words)]
    with zipfile.ZipFile(io.BytesIO(export_audit(Lot.objects.get(pk=row.lot_id)))) as archive:
        archive.extractall(tmp_path)
    assert list(offline_verifier.problems(next(tmp_path.iterdir()))) == [
        f"submission {forged.uuid}: is in no chain"
    ]


@pytest.mark.parametrize("kind", ["hold:", "chart:", "quality_requirement:", "user:"])
def test_any_chain_deleted_whole_is_missed_by_its_anchor(plant: Plant, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "anchors.jsonl"
    assert write_anchor(file, now=timezone.now()) == AuditChain.objects.count()
    assert write_anchor(file, now=timezone.now()) == 0 and list(verify_anchors(file)) == []
    key = AuditChain.objects.filter(key__startswith=kind).values_list("key", flat=True).first()
    assert key is not None
    delete_whole(key)
    assert [bad.chain for bad in verify_anchors(file)] == [key]
    with pytest.raises(CommandError, match=r"1 chain\(s\)"):
        call_command("verify_audit", anchors=file)


def write_anew(chain: str) -> None:
    """As a forger does: another actor in the first row, and every hash after it, so that the chain itself verifies."""
    with connections["owner"].cursor() as cursor:
        for table in ("lots_auditevent", "lots_auditchain"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        head = bytes(32)
        for event in list(AuditEvent.objects.filter(chain=chain).order_by("sequence")):
            event.actor = "nobody"
            event.previous_hash, head = head, event_hash(event, head)
            cursor.execute(
                "UPDATE lots_auditevent SET actor = %s, previous_hash = %s, hash = %s WHERE id = %s",
                [event.actor, event.previous_hash, head, event.pk],
            )
        cursor.execute("UPDATE lots_auditchain SET head = %s WHERE key = %s", [head, chain])


def cut_last(chain: str) -> None:
    """Without its last row, the head set back."""
    with connections["owner"].cursor() as cursor:
        for table in ("lots_auditevent", "lots_auditchain"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE lots_auditchain SET length = length - 1, head = (SELECT previous_hash FROM lots_auditevent"
            " WHERE chain = key AND sequence = length) WHERE key = %s",
            [chain],
        )
        cursor.execute(
            "DELETE FROM lots_auditevent WHERE chain = %s AND sequence > (SELECT length FROM lots_auditchain"
            " WHERE key = %s)",
            [chain, chain],
        )


@pytest.mark.parametrize(("forge", "words"), [(write_anew, "written anew"), (cut_last, "is gone")])
def test_a_forged_chain_is_told_from_every_anchor_before(
    plant: Plant, chain: str, tmp_path: Path, forge: Callable[[str], None], words: str
) -> None:
    """Also when it was anchored anew after the forgery."""
    file = tmp_path / "anchors.jsonl"
    write_anchor(file, now=timezone.now())
    forge(chain)
    assert verify_chain(chain) is None
    for _ in range(2):
        (bad,) = verify_anchors(file)
        assert bad.chain == chain and words in bad.reason
        assert list(verify_anchors(file, 0)) == []
        write_anchor(file, now=timezone.now())
    assert len(file.read_text().splitlines()) == 2


def test_anchors_are_a_chain_themselves(plant: Plant, tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    write_anchor(file, now=timezone.now())
    plant.raw()
    assert write_anchor(file, now=timezone.now()) == 1
    first, second = file.read_text().splitlines()
    file.write_text(f"{first}\n{second}\n{second[:50]}")  # a crash while a third line was written
    assert list(verify_anchors(file)) == []
    plant.raw()
    assert write_anchor(file, now=timezone.now()) == 1 and list(verify_anchors(file)) == []
    assert file.read_text().startswith(f"{first}\n{second}\n{{") and len(file.read_text().splitlines()) == 3
    for damaged in (second, first.replace('"heads"', '"tails"') + "\n" + second):
        file.write_text(damaged + "\n")
        with pytest.raises(UnreadableAnchors, match="line"):
            list(verify_anchors(file))
