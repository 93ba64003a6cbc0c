"""A reading is withdrawn while the evaluation that charts it is under way: the chart learns of it all the same (I9)."""

from __future__ import annotations

import threading

from django.db import connection, transaction
from django.utils import timezone

from lots.actions.correct import Correction
from lots.models import Measurement
from mes import pipeline
from spc.queries import current_points
from tests.support.builders import Plant, make_plant
from tests.support.cluster import Database
from tests.support.evidence import assert_evaluated_exactly_once
from tests.support.recomputed import stored, whole
from tests.support.worked import SOLIDS, evaluate_all, frozen_chart, mixing_lot


def withdraw(plant: Plant, row: Measurement) -> None:
    try:
        pipeline.correct(
            Correction(old=row, reason="another batch", value=None),
            key=plant.code("correct"),
            source=plant.source,
            user=plant.operator,
            now=timezone.now(),
        )
    finally:
        connection.close()


def test_withdrawal_that_commits_during_the_evaluation_becomes_a_gap(fresh_database: Database) -> None:
    plant = make_plant()
    chart = frozen_chart(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65.01", lot)])
    row = Measurement.objects.get(lot_id=lot.pk)
    with transaction.atomic():
        pipeline.evaluate_chart(chart.pk, now=timezone.now())
        other = threading.Thread(target=withdraw, args=(plant, row))
        other.start()
        other.join(timeout=20)
        assert not other.is_alive()
    assert current_points(chart.pk).latest("sequence").statistic is not None
    evaluate_all()
    assert current_points(chart.pk).latest("sequence").statistic is None
    assert stored(chart) == whole(chart, Measurement.objects.filter(lot_id=lot.pk)).points
    assert_evaluated_exactly_once()
