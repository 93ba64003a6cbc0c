"""A plant that has worked: every kind of evidence is there, made through the public actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from lots.actions.keep_curve import Curve, keep_curve
from lots.actions.place_hold import HeldExtent
from lots.models import Characteristic, CurveFile, Lot, LotAlias, User, Zone
from lots.queries import active_holds
from mes import pipeline
from quality.acceptance import Rules
from quality.actions.accept_lot import decide_lot, freeze_plan
from quality.actions.approve_limits import approve_limits
from quality.actions.case import add_entry
from quality.actions.contain import widen
from quality.actions.deviate import request_deviation, sign_deviation
from quality.actions.dispose import Ruling, dispose
from quality.actions.exclude_point import exclude_point
from quality.actions.extend_life import approve_extension, request_extension
from quality.actions.gauge_study import StudyPlan, plan_study, record_readings, sign_study
from quality.actions.load_gates import load_gates
from quality.actions.open_case import open_case
from quality.actions.package import (
    begin_attempt,
    chain_heads,
    request_package,
    sign_package,
    store_build,
)
from quality.actions.post_mortem import StoredPhoto, begin_post_mortem, examine_layer, take_custody
from quality.actions.receive import Stated
from quality.actions.release import release_lot
from quality.actions.requirements import audit_readiness, recheck, revise_requirement
from quality.actions.safety import record_result, set_aside
from quality.actions.sign import sign
from quality.actions.specify import approve_specification, draft_specification
from quality.actions.taking import Input
from quality.models import Baseline, Disposition, Nonconformance, SpecificationLine
from quality.package.artifacts import ARTIFACTS
from quality.package.subject import subject_of
from quality.package.table import tables_digest
from quality.post_mortem import EVENTS
from spc.models import Chart
from spc.queries import current_points
from tests.support.builders import (
    PASSWORD,
    Plant,
    add_chart,
    add_line,
    make_gauge,
    make_plant,
    make_user,
    publish,
    specify,
)
from tests.support.safety import write_chain
from tests.support.store import check_a_room, receive_a_drum

SOLIDS = "mixing.solids_pct"


def mixing_lot(plant: Plant) -> Lot:
    """A slurry batch whose mixing runs."""
    lot = plant.lot()
    plant.start(lot, "mixing")
    return lot


def evaluate_all() -> None:
    """Sweep until nothing is left."""
    while pipeline.sweep_once(now=timezone.now())["charts"]:
        pass


def release(plant: Plant, lot: Lot) -> Disposition:
    """Release every open hold of the lot itself."""
    return dispose(
        list(active_holds([lot.pk]).values_list("pk", flat=True)),
        Ruling(decision=Disposition.Decision.RELEASE, reason="checked by hand"),
        site=plant.site,
        user=plant.engineer,
        password=PASSWORD,
        now=timezone.now(),
    )


def frozen_chart(plant: Plant, *, values: Sequence[str] = ("64.9", "65.1") * 10, **line: object) -> Chart:
    """Publish a chart of the solids and freeze it on twenty readings around 65 %; 67 % is far outside.

    `line` are fields of its control-plan line; an individuals chart without them.
    """
    add_chart(plant, SOLIDS, **line)
    publish(plant)
    batch = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, value, batch) for value in values])
    evaluate_all()
    chart = Chart.objects.get(stream__plan__site=plant.site)
    approve_limits(
        chart,
        excluded={},
        reason="phase 1 done",
        user=plant.process_engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    return chart


def worked_plant(*, signals: int = 1) -> Plant:
    """Batches mixed, a chart frozen and `signals` of it held, a violation released, cells filled and corrected."""
    plant = make_plant()
    specify(plant, SOLIDS, lsl="60", usl="70")
    _study_a_gauge(plant)
    load_gates()
    specify(plant, "acceptance.capacity_ah", lsl="15")
    sampled = {"sampling": "attributes", "inspection_level": "II", "aql": "1.0"}
    add_line(plant, "acceptance.capacity_ah", required_count=0, **sampled)
    add_line(plant, "mixing.viscosity_pa_s", gate="incoming", required_count=0)
    chart = frozen_chart(plant)
    for _ in range(signals):
        plant.submit([plant.reading(SOLIDS, "67", mixing_lot(plant))])
    bad = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "71", bad)])
    evaluate_all()
    hold = active_holds([bad.pk]).earliest("pk").hold
    other = HeldExtent(plant.raw().pk)
    widen(hold, [other], reason="of the same drum", user=plant.engineer, now=timezone.now())
    case = open_case(plant.site, title="too dry", hold=hold, user=plant.engineer, now=timezone.now())
    add_entry(case, "why", {"because": "wrong drum"}, user=plant.engineer, now=timezone.now())
    _take_apart(plant, case, bad)
    release(plant, bad)
    _release_a_batch(plant)
    _accept_a_lot(plant)
    _recheck_a_requirement(plant)
    _package_a_lot(plant)
    _test_for_safety(plant)
    revise_limits(plant, SOLIDS, lsl="60.5", usl="69.5")
    _keep_longer(plant)
    _wet_air(plant)
    raw = plant.raw()
    plant.lot(inputs=[Input(parent=raw.code, quantity=1)])  # type: ignore[arg-type]
    LotAlias.objects.create(site=plant.site, issuer="Supplier", alias=f"S-{raw.pk}", lot=raw)
    _correct_a_filling(plant)
    _keep_a_curve(plant)
    check_a_room(plant)
    receive_a_drum(plant)
    exclude_point(
        current_points(chart.pk).get(sequence=3),
        excluded=True,
        reason="sample spilt",
        user=plant.engineer,
        now=timezone.now(),
    )
    return plant


def revise_limits(
    plant: Plant, characteristic: str, *, approver: User | None = None, **given: str
) -> SpecificationLine:
    """Draft and approve the next revision of the characteristic's limits; at once where `given` says nothing else."""
    line = SpecificationLine.objects.filter(
        specification__product_revision=plant.product, specification__characteristic__code=characteristic
    ).latest("revision")
    specification, now = line.specification, timezone.now()
    fields = {
        "severity": line.severity,
        "requirement": line.requirement.code,
        "source_type": line.source_type,
        "source": line.source,
        "effectivity": "now",
        "change_reason": "audit finding",
    }
    draft = draft_specification(
        specification.characteristic,
        plant.product,
        specification.material,
        fields | given,
        site=plant.site,
        user=plant.process_engineer,
        now=now,
    )
    return approve_specification(
        draft, site=plant.site, user=approver or plant.engineer, password=PASSWORD, now=now
    )


def _take_apart(plant: Plant, case: Nonconformance, lot: Lot) -> None:
    now = timezone.now()
    who: dict[str, Any] = {"user": plant.engineer, "now": now}
    begin_post_mortem(case, lot=lot.code, statement="71 %", events=dict.fromkeys(EVENTS, now), **who)
    take_custody(case, place="bench", condition="closed", **who)
    photo = StoredPhoto("c" * 64, 1, "image/png")
    examine_layer(case, layer="outside", notes="dry", readings=[("mass", "1", "kg")], photos=[photo], **who)


def _study_a_gauge(plant: Plant) -> None:
    """Ten readings of one reference part, signed by another person."""
    gauge = make_gauge(plant, "balance")
    weight = Characteristic.objects.filter(gauge_kind="balance").earliest("pk")
    plan = StudyPlan("bias", ["P1"], ["A"], 10, {"P1": "5"})
    now = timezone.now()
    study = plan_study(gauge, weight, plan, seed=1, user=plant.process_engineer, now=now)
    values = {run: f"{5 + (run % 3 - 1) / 10}" for run in range(10)}
    record_readings(study, values, user=plant.operator, now=now)
    sign_study(study, user=plant.engineer, password=PASSWORD, now=now)


def _recheck_a_requirement(plant: Plant) -> None:
    now = timezone.now()
    line = SpecificationLine.objects.filter(specification__product_revision=plant.product).earliest("pk")
    wording = dict.fromkeys(("statement", "acceptance", "source"), "solids 60 to 70 %") | {
        "source_type": "handbook"
    }
    revision = revise_requirement(
        line.requirement,
        wording,
        change_reason="first",
        site=plant.site,
        user=plant.process_engineer,
        now=now,
    )
    signed = {"user": plant.engineer, "password": PASSWORD, "now": now}
    recheck(revision, line, statement="same limits", site=plant.site, **signed)
    audit_readiness(plant.site, seed=1, user=plant.engineer, now=now)
    signature = sign(meaning="approved", record_kind="baseline", record_id="1", content={}, **signed)
    Baseline.objects.create(site=plant.site, number=1, content={}, signature=signature)


def _test_for_safety(plant: Plant) -> None:
    criterion = write_chain(plant)
    cell = plant.lot("T-CELL", quantity=1)
    now = timezone.now()
    record_result(criterion, cell, value="3.8", user=plant.engineer, now=now)
    failed = record_result(criterion, cell, value="3.9", user=plant.engineer, now=now)
    other = make_user(plant.site, "process_engineer")
    set_aside(failed, reason="the probe fell off", user=other, password=PASSWORD, now=now)


def _accept_a_lot(plant: Plant) -> None:
    group = plant.lot("T-CELL-LOT", quantity=1)
    cell = plant.lot("T-CELL", quantity=1, group=group.code)
    for step in ("stacking", "filling", "formation"):
        plant.run(cell, step)
    now = timezone.now()
    rules = Rules(Decimal(19), Decimal(99), Decimal(2))
    plan = freeze_plan(group, rules, sample_size=1, seed=1, user=plant.engineer, now=now)
    plant.start(cell, "acceptance")
    values = {"acceptance.capacity_ah": "20", "acceptance.leak_free": "0"}
    plant.submit([plant.reading(code, value, cell) for code, value in values.items()])
    decide_lot(plan, user=plant.engineer, password=PASSWORD, now=now)


def _package_a_lot(plant: Plant) -> None:
    """A package as a worker leaves it, without its archive, signed."""
    package = request_package(
        plant.site,
        lot=Lot.objects.get(site=plant.site, acceptance_plans__isnull=False),
        user=plant.engineer,
        now=timezone.now(),
    )
    attempt = begin_attempt(package)
    assert attempt == 1
    stored = {"archive_sha256": "c" * 64, "archive_bytes": 1}
    subject = subject_of(package)
    tables = {artifact.name: tables_digest(artifact.tables(subject)) for artifact in ARTIFACTS}
    manifest = {"audit_heads": chain_heads(subject), "tables": tables, "files": {}}
    store_build(package, manifest=manifest, findings=[], now=timezone.now(), **stored)
    sign_package(
        package,
        user=plant.engineer,
        password=PASSWORD,
        now=timezone.now(),
        seal=lambda *_: ("d" * 64, 1),
    )


def _release_a_batch(plant: Plant) -> None:
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65", lot)])
    evaluate_all()
    plant.finish(lot.executions.get())
    _do_without_viscosity(plant, lot)
    release_lot(lot, user=plant.engineer, password=PASSWORD, now=timezone.now())


def _do_without_viscosity(plant: Plant, lot: Lot) -> None:
    now = timezone.now()
    deviation = request_deviation(
        lot,
        "incoming",
        Characteristic.objects.get(code="mixing.viscosity_pa_s"),
        reason="rheometer away",
        expires_at=now + timedelta(days=1),
        user=make_user(plant.site, "process_engineer"),
        now=now,
    )
    for user in (plant.engineer, plant.process_engineer):
        sign_deviation(deviation, user=user, password=PASSWORD, now=now)


def _keep_longer(plant: Plant) -> None:
    """A drum that a re-test shows to be good for another ten days."""
    now = timezone.now()
    drum = plant.lot("T-RAW", quantity=10, expires_at=now + timedelta(days=1))
    asked = request_extension(
        drum,
        [Stated("water", "20", "[ppm]")],
        ends_at=now + timedelta(days=10),
        reason="as new",
        user=plant.process_engineer,
        now=now,
    )
    approve_extension(asked, user=plant.engineer, password=PASSWORD, now=now)


def _wet_air(plant: Plant) -> None:
    """A spike in which a roll lay open, and the formation limit that it tightened."""
    specify(plant, "dry_room.frost_point_c", usl="-40")
    specify(plant, "formation.resistance_mohm", usl="1.5", target="1.0")
    zone = Zone.objects.create(site=plant.site, code="DR-WET", name="Wet room")
    now = timezone.now()
    pipeline.open_container(
        plant.lot("T-SLIT", quantity=1),
        zone,
        user=plant.operator,
        now=timezone.now(),
        at=now - timedelta(minutes=9),
    )
    for minutes in (2, 1):
        at = now - timedelta(minutes=minutes)
        plant.submit([plant.reading("dry_room.frost_point_c", "-35", zone=zone.code, measured_at=at)])


def _correct_a_filling(plant: Plant) -> None:
    cell = plant.lot("T-CELL", quantity=1)
    plant.run(cell, "stacking")
    plant.start(cell, "filling")
    for filled in ("360", "361"):
        plant.submit(
            [
                plant.reading("filling.mass_before_g", "300", cell),
                plant.reading("filling.mass_filled_g", filled, cell),
            ]
        )


def _keep_a_curve(plant: Plant) -> None:
    cell = plant.lot("T-CELL", quantity=1)
    for step in ("stacking", "filling"):
        plant.run(cell, step)
    curve = Curve(
        kind=CurveFile.Kind.CYCLING,
        format="Arbin csv",
        file_sha256="a" * 64,
        file_bytes=1,
        storage_sha256="b" * 64,
        rows=1,
        started_at=timezone.now(),
        ended_at=timezone.now(),
    )
    keep_curve(
        curve,
        execution=plant.start(cell, "formation"),
        submission=None,
        user=plant.operator,
        now=timezone.now(),
    )
