"""What the checker is told of delays: since the reading that led to a hold, until the first hold that it led to."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from lots.actions.correct import Correction
from lots.models import Hold, Measurement
from mes import pipeline
from quality.actions.quarantine import note_failure
from spc.models import OutboxEntry
from tests.faults.checker import check
from tests.faults.facts import gather
from tests.support.builders import make_plant
from tests.support.worked import SOLIDS, evaluate_all, frozen_chart, mixing_lot

pytestmark = pytest.mark.django_db


def at(monkeypatch: pytest.MonkeyPatch, instant: datetime) -> datetime:
    """Let rows be stamped with this instant from now on."""
    monkeypatch.setattr(timezone, "now", lambda: instant)
    return instant


def test_pattern_that_a_late_reading_completes_does_not_accuse_the_hold_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond the limits, held at once; half a minute later the ninth point of a run comes in, and its hold too."""
    plant = make_plant()
    frozen_chart(plant)
    lot, other = mixing_lot(plant), mixing_lot(plant)
    start, recorded = timezone.now() - timedelta(minutes=20), timezone.now() - timedelta(seconds=30)
    run = [
        plant.reading(SOLIDS, "65.05", other, measured_at=start + timedelta(minutes=minute))
        for minute in range(7)
    ]
    beyond = plant.reading(SOLIDS, "67", lot, measured_at=start + timedelta(minutes=8))
    pipeline.record(plant.envelope([*run, beyond]), now=at(monkeypatch, recorded))
    pipeline.sweep_once(now=at(monkeypatch, recorded + timedelta(seconds=1)))
    at(monkeypatch, recorded + timedelta(seconds=30))
    late = plant.reading(SOLIDS, "65.05", other, measured_at=start + timedelta(minutes=7))
    plant.submit([late])
    evaluate_all()
    placed = Hold.objects.filter(members__lot=lot).order_by("created_at").values_list("created_at", flat=True)
    assert placed[len(placed) - 1] - placed[0] > timedelta(seconds=20)
    facts = gather(("nobody",))
    ((since, until),) = facts.holds_due[lot.code]
    assert until is not None and until - since == pytest.approx(1.0, abs=0.01)
    assert [violation for violation in check([], facts) if violation.invariant == "I4"] == []


def test_hold_that_came_late_and_one_that_never_came_are_accused(monkeypatch: pytest.MonkeyPatch) -> None:
    plant = make_plant()
    frozen_chart(plant)
    slow, forgotten = mixing_lot(plant), mixing_lot(plant)
    now = timezone.now()
    reading = plant.reading(SOLIDS, "67", slow, measured_at=now - timedelta(seconds=20))
    pipeline.record(plant.envelope([reading]), now=now - timedelta(seconds=10))
    pipeline.sweep_once(now=at(monkeypatch, now))
    plant.submit([plant.reading(SOLIDS, "67", forgotten)])
    facts = gather(("nobody",))
    words = [violation.words for violation in check([], facts) if violation.invariant == "I4"]
    assert len(words) == 2
    assert any(f"signal of lot {slow.code} led to a hold after 10.0 s" in text for text in words)
    assert any(f"lot {forgotten.code} beyond the limits led to no hold" in text for text in words)


def test_quarantined_withdrawal_does_not_accuse_the_chart_that_shows_the_reading() -> None:
    plant = make_plant()
    frozen_chart(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65.01", lot)])
    evaluate_all()
    pipeline.correct(
        Correction(old=Measurement.objects.get(lot_id=lot.pk), reason="another batch", value=None),
        key=plant.code("correct"),
        source=plant.source,
        user=plant.operator,
        now=timezone.now(),
    )
    entry = OutboxEntry.objects.get(processed_at__isnull=True)
    for _ in range(3):
        note_failure(entry.pk, error="poison", now=timezone.now())
    entry.refresh_from_db()
    assert entry.quarantined_at is not None
    facts = gather(("nobody",))
    assert (facts.differing, facts.unheld_poison) == ([], [])
    assert Hold.objects.get(members__lot=lot).source == Hold.Source.POISON
