"""Nobody signs what they recorded, wrote or planned: every action that takes a signature stands here."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

import quality.actions
from lots.models import Lot, Membership
from mes import pipeline
from quality.acceptance import Rules
from quality.actions.accept_lot import AcceptanceRefused, decide_lot, freeze_plan
from quality.actions.requirements import RequirementRefused, approve_baseline, recheck, revise_requirement
from quality.models import AcceptanceDecision, Baseline, Recheck
from tests.support.builders import PASSWORD, Plant, add_line, make_plant, publish, specify

pytestmark = pytest.mark.django_db

# Module → how it keeps the signer apart from the author.
SIGNING = {
    "accept_lot": "below: who recorded values of the sample does not decide",
    "approve_limits": "freezing states an estimate from all readings of a stream; its author is who signs it",
    "case": "test_case.py: who opened the case does not close it",
    "correct_input": "test_correct_input.py: who booked it does not correct it",
    "deviate": "test_deviate.py: two people who did not ask for it and recorded no value of the check",
    "dispose": "test_dispose.py: who recorded or held does not decide",
    "draft_plan": "test_draft_plan.py: who drafted does not approve",
    "end_reaction": "a stop or tightening is made by a signal, which nobody records",
    "gauge_study": "test_gauge_study.py: who planned or read does not sign",
    "investigate": "the investigator signs for the integrity of the measurement; the case is closed by another",
    "package": "test_packages.py: who recorded values of the lot does not sign",
    "release": "test_release.py: who recorded values of the lot does not release",
    "requirements": "below: who wrote the wording neither re-checks nor approves the baseline",
    "extend_life": "test_receiving.py: who asked for a longer life does not sign it",
    "safety": "test_safety_chain.py: who recorded a failed test does not set it aside",
    "sign": "the signature itself",
    "specify": "test_specify.py: who drafted does not approve",
    "switch_sampling": "a discontinuation is made by the lots; their decisions were signed one by one",
}


def test_every_signing_action_says_who_is_kept_apart() -> None:
    folder = Path(str(quality.actions.__file__)).parent
    signing = {path.stem for path in folder.glob("*.py") if re.search(r"\bsign\(", path.read_text())}
    assert signing == SIGNING.keys(), "say how the new signature is kept apart from the author"


def both(plant: Plant, *roles: str) -> None:
    """The engineer is given more roles, as in a small plant."""
    for role in roles:
        Membership.objects.create(user=plant.engineer, site=plant.site, role=role)


def test_who_recorded_values_of_the_sample_does_not_decide() -> None:
    plant = make_plant()
    publish(plant)
    group = plant.lot("T-CELL-LOT", quantity=1)
    cell: Lot = plant.lot("T-CELL", quantity=1, group=group.code)
    for step in ("stacking", "filling", "formation"):
        plant.run(cell, step)
    signed = {"user": plant.engineer, "password": PASSWORD, "now": timezone.now()}
    rules = Rules(Decimal(1), Decimal(1), Decimal(1))
    plan = freeze_plan(group, rules, sample_size=1, seed=1, user=plant.engineer, now=timezone.now())
    plant.start(cell, "acceptance")
    leak = plant.envelope([plant.reading("acceptance.leak_free", "0", cell)], user=plant.engineer)
    pipeline.record(leak, now=timezone.now())
    with pytest.raises(AcceptanceRefused, match="signer: you recorded values of the sample"):
        decide_lot(plan, **signed)
    assert not AcceptanceDecision.objects.exists()
    both(plant, "reviewer")
    with pytest.raises(AcceptanceRefused, match="another person"):
        decide_lot(plan, **signed)


def test_who_wrote_a_requirement_neither_rechecks_nor_approves_it() -> None:
    plant = make_plant()
    line = specify(plant, "mixing.solids_pct", lsl="64", usl="66")
    add_line(plant, "mixing.solids_pct", specification=line.specification)
    publish(plant)
    both(plant, "process_engineer")
    wording = dict.fromkeys(("statement", "acceptance", "source"), "64 to 66 %") | {"source_type": "handbook"}
    now = timezone.now()
    revision = revise_requirement(
        line.requirement, wording, change_reason="first", site=plant.site, user=plant.engineer, now=now
    )
    signed = {"site": plant.site, "password": PASSWORD, "now": now}
    with pytest.raises(RequirementRefused, match="signer: you wrote the revision"):
        recheck(revision, line, statement="same", user=plant.engineer, **signed)
    assert not Recheck.objects.exists()
    recheck(revision, line, statement="same", user=plant.process_engineer, **signed)
    with pytest.raises(RequirementRefused, match=f"signer: you wrote {line.requirement.code}"):
        approve_baseline(user=plant.engineer, **signed)
    assert not Baseline.objects.exists()
