"""Plan a gauge study, take its readings in the frozen order, supersede a wrong one, sign what it says."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.models import Characteristic, Gauge, User
from quality.actions.sign import sign
from quality.gauge_studies import narrowest_tolerance, result_content, result_of, runs_of, written_value
from quality.models import GaugeReading, GaugeStudy, GaugeVerdict
from quality.permissions import Action, require
from spc.engine.measurement_systems import StudyError

MOST_RUNS = 500
LONGEST_NAME = 32
Design = GaugeStudy.Design
# Fewest (parts, operators, trials) of each design, and the one count that must be 1.
FEWEST = {
    Design.CROSSED: (2, 2, 2),
    Design.NESTED: (2, 2, 2),
    Design.BIAS: (1, 1, 10),
    Design.LINEARITY: (2, 1, 2),
    Design.STABILITY: (1, 1, 10),
    Design.ATTRIBUTE: (2, 1, 1),
}
ONE_PART = (Design.BIAS, Design.STABILITY)
REFERRED = (Design.BIAS, Design.LINEARITY, Design.ATTRIBUTE)


class GaugeStudyRefused(Exception):
    """It cannot be done so; the message begins with the field and says what would be right."""


@dataclass(frozen=True)
class StudyPlan:
    """What is to be read: names of parts and operators, and how often. `references` are true values by part."""

    design: str
    parts: Sequence[str]
    operators: Sequence[str]
    trials: int
    references: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def plan_study(
    gauge: Gauge, characteristic: Characteristic, plan: StudyPlan, *, seed: int, user: User, now: datetime
) -> GaugeStudy:
    """Freeze the plan and its random order. Raises GaugeStudyRefused naming the field."""
    act_as(user)
    require(user, gauge.site, Action.PLAN_STUDY)
    if gauge.retired_at is not None:
        raise GaugeStudyRefused(f"gauge: {gauge.code} is retired")
    if characteristic.gauge_kind not in ("", gauge.kind):
        raise GaugeStudyRefused(
            f"characteristic: {characteristic.code} is read with a {characteristic.gauge_kind}, "
            f"{gauge.code} is a {gauge.kind}"
        )
    if plan.design not in Design.values:
        raise GaugeStudyRefused(f"design: choose one of {', '.join(Design.values)}")
    design = Design(plan.design)
    parts, operators = _names("parts", plan.parts), _names("operators", plan.operators)
    for name, given, least in zip(
        ("parts", "operators", "trials"),
        (len(parts), len(operators), plan.trials),
        FEWEST[design],
        strict=True,
    ):
        if given < least:
            counted = name if least > 1 else name.removesuffix("s")
            raise GaugeStudyRefused(
                f"{name}: this design needs at least {least} {counted}, got {given}: {design.label}"
            )
    if design in ONE_PART and len(parts) > 1:
        raise GaugeStudyRefused(f"parts: a {design.label.lower()} study reads one reference part")
    size = len(parts) * len(operators) * plan.trials
    if size > MOST_RUNS:
        raise GaugeStudyRefused(f"trials: {size} readings are more than {MOST_RUNS}; plan fewer")
    at = site_time(gauge.site, now)
    return GaugeStudy.objects.create(
        site=gauge.site,
        gauge=gauge,
        characteristic=characteristic,
        design=design,
        parts=parts,
        operators=operators,
        trials=plan.trials,
        references=_references(design, parts, plan.references),
        tolerance=narrowest_tolerance(characteristic, at=at),
        seed=seed,
        order=frozen_order(design, parts, operators, plan.trials, seed=seed),
        planned_by=user,
        planned_at=at,
    )


def frozen_order(
    design: str, parts: Sequence[str], operators: Sequence[str], trials: int, *, seed: int
) -> list[tuple[str, str, int]]:
    """(part, operator, trial) of every run. Random within each trial, so that nobody reads a part twice in a row by
    plan; a stability study keeps its occasions in time; nested parts are named by their operator."""
    chance = random.Random(seed)
    nested = design == Design.NESTED
    order: list[tuple[str, str, int]] = []
    for trial in range(1, trials + 1):
        block = [
            (f"{operator}/{part}" if nested else part, operator, trial)
            for part in parts
            for operator in operators
        ]
        chance.shuffle(block)
        order += block
    return order


@transaction.atomic
def record_readings(
    study: GaugeStudy, values: Mapping[int, str], *, user: User, now: datetime
) -> list[GaugeReading]:
    """Take the readings of the next runs (run, from 0 → text): all of them or none. The order is frozen."""
    act_as(user)
    require(user, study.site, Action.RECORD)
    lock_name(f"gauge-study:{study.pk}")
    _refuse_signed(study)
    if not values:
        raise GaugeStudyRefused("value: give a reading")
    done = study.readings.values("run").distinct().count()
    if done == len(study.order):
        raise GaugeStudyRefused("run: every reading was taken; supersede a wrong one")
    due = range(done, done + len(values))
    if set(values) != set(due):
        raise GaugeStudyRefused(
            f"run: reading {done + 1} comes next; the order was frozen before the first reading"
        )
    at = site_time(study.site, now)
    return GaugeReading.objects.bulk_create(
        GaugeReading(study=study, run=run, value=_value(study, values[run]), recorded_by=user, read_at=at)
        for run in due
    )


@transaction.atomic
def supersede_reading(
    study: GaugeStudy, run: int, value: str, *, reason: str, user: User, now: datetime
) -> GaugeReading:
    """Replace the reading of a run; the wrong one stays on record."""
    act_as(user)
    require(user, study.site, Action.CORRECT)
    lock_name(f"gauge-study:{study.pk}")
    _refuse_signed(study)
    if not reason.strip():
        raise GaugeStudyRefused("reason: say why the reading was wrong")
    latest = study.readings.filter(run=run).order_by("-attempt").first()
    if latest is None:
        raise GaugeStudyRefused(f"run: reading {run + 1} has not been taken")
    return GaugeReading.objects.create(
        study=study,
        run=run,
        attempt=latest.attempt + 1,
        value=_value(study, value),
        reason=reason.strip()[:300],
        recorded_by=user,
        read_at=site_time(study.site, now),
    )


@transaction.atomic
def sign_study(study: GaugeStudy, *, user: User, password: str, now: datetime) -> GaugeVerdict:
    """Sign what the readings say, as somebody who neither planned the study nor took a reading of it."""
    act_as(user)
    require(user, study.site, Action.SIGN_STUDY)
    lock_name(f"gauge-study:{study.pk}")
    _refuse_signed(study)
    if user.pk == study.planned_by_id or study.readings.filter(recorded_by=user).exists():
        raise GaugeStudyRefused("signer: somebody else signs than who planned the study or took its readings")
    runs = runs_of(study)
    try:
        result = result_of(study, runs)
    except StudyError as error:
        raise GaugeStudyRefused(f"readings: {error}") from None
    content = {
        "study": study.pk,
        "gauge": study.gauge.code,
        "characteristic": study.characteristic.code,
        "design": study.design,
        "seed": study.seed,
        "tolerance": None if study.tolerance is None else f"{study.tolerance.normalize():f}",
        "references": study.references,
        "readings": [
            [run.part, run.operator, run.trial, run.reading.value] for run in runs if run.reading is not None
        ],
        **result_content(result),
    }
    signature = sign(
        user=user,
        password=password,
        meaning=f"Gauge study: {result.verdict.value}",
        record_kind="gauge_study",
        record_id=str(study.pk),
        content=content,
        now=now,
    )
    return GaugeVerdict.objects.create(
        study=study,
        verdict=result.verdict.value,
        content=content,
        decided_at=site_time(study.site, now),
        signature=signature,
    )


def _refuse_signed(study: GaugeStudy) -> None:
    if GaugeVerdict.objects.filter(study=study).exists():
        raise GaugeStudyRefused("study: it is signed; plan a new one")


def _names(field_name: str, given: Sequence[str]) -> list[str]:
    names = [name.strip() for name in given]
    if not all(names) or any(len(name) > LONGEST_NAME for name in names):
        raise GaugeStudyRefused(f"{field_name}: every name has 1 to {LONGEST_NAME} characters")
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise GaugeStudyRefused(f"{field_name}: {', '.join(doubled)} is named twice")
    return names


def _references(design: Design, parts: list[str], given: Mapping[str, str]) -> dict[str, str]:
    if design not in REFERRED:
        return {}
    missing = [part for part in parts if not given.get(part, "").strip()]
    if missing:
        raise GaugeStudyRefused(f"references: the true value of {', '.join(missing)} is missing")
    return {part: _known(design, given[part], "references") for part in parts}


def _value(study: GaugeStudy, text: str) -> str:
    return _known(Design(study.design), text, "value")


def _known(design: Design, text: str, field_name: str) -> str:
    try:
        return written_value(design, text)
    except ValueError as error:
        raise GaugeStudyRefused(f"{field_name}: {error}") from None
