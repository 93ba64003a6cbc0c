"""Between/within, group, short-run, rare-event, acceptance and multivariate charts on the running line."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from lots.actions.correct import Correction
from lots.models import Lot, MaterialDefinition, Measurement
from lots.queries import active_holds, current_measurements
from mes import pipeline
from quality.actions.approve_limits import approve_limits
from quality.actions.exclude_point import exclude_point
from quality.actions.publish_plan import PublicationRefused
from quality.models import ReactionFiring
from spc.actions.freeze import FreezeRefused
from spc.engine.between_within import three_way_chart
from spc.engine.multivariate import mewma_chart, t_squared_individuals
from spc.engine.run_length import mewma_limit
from spc.models import Chart, LimitRevision, Point, Signal
from spc.queries import current_points
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD, Plant, add_chart, make_plant, publish, specify
from tests.support.evidence import assert_evaluated_exactly_once
from tests.support.web import signed_in
from tests.support.worked import SOLIDS, evaluate_all, mixing_lot

pytestmark = pytest.mark.django_db
VISCOSITY, SEDIMENT, THICKNESS = "mixing.viscosity_pa_s", "mixing.sediment_free", "coating.thickness_um"
PHASE1 = 12


@pytest.fixture
def plant() -> Plant:
    return make_plant()


def charted(plant: Plant, code: str, family: str, **line: object) -> None:
    defaults: dict[str, object] = {"rules": "beyond_limits", "phase1_subgroups": 10}
    add_chart(plant, code, chart_family=family, **(defaults | line))
    publish(plant)


def freeze(plant: Plant, excluded: dict[int, str] | None = None) -> Chart:
    chart = Chart.objects.get(stream__plan__site=plant.site)
    approve_limits(
        chart,
        excluded=excluded or {},
        reason="phase 1 done",
        user=plant.process_engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    return chart


def last(chart: Chart) -> Point:
    return current_points(chart.pk).latest("sequence")


def batch(plant: Plant, *values: float, code: str = SOLIDS) -> Lot:
    lot = mixing_lot(plant)
    plant.submit([plant.reading(code, round(value, 4), lot) for value in values])
    evaluate_all()
    return lot


def test_three_way_chart_judges_between_and_within_apart(plant: Plant) -> None:
    specify(plant, SOLIDS, lsl="60", usl="70")
    charted(plant, SOLIDS, "three-way", subgroup_by="execution", subgroup_size=3)
    chance = np.random.default_rng(5)
    rows = [(level + chance.normal(0, 0.05, 3)).round(4).tolist() for level in chance.normal(65, 0.4, PHASE1)]
    for row in rows:
        batch(plant, *row)
    chart = freeze(plant)
    wide = [64.0, 65.0, 66.0]
    lot = batch(plant, *wide)
    expected = three_way_chart([*rows, wide], n_phase1=PHASE1)
    point, first = last(chart), current_points(chart.pk).earliest("sequence")
    assert (first.limit_revision, first.dispersion) == (None, None)  # no spread within among moving ranges
    assert (point.statistic, point.ucl) == pytest.approx((65.0, expected.ucl), rel=1e-12)
    assert point.details["within"]["ucl"] == pytest.approx(expected.dispersion_ucl, rel=1e-12)
    assert [(s.panel, s.rule) for s in Signal.objects.filter(point=point)] == [("within", "beyond_limits")]
    assert active_holds([lot.pk]).get().hold.reason.startswith("Solids content (spread within)")
    client = signed_in(plant.engineer)
    shown = client.get(reverse("web:chart_data", args=[chart.pk])).json()
    assert shown["within_label"] == "Spread within" and shown["points"]["w"][-1] == pytest.approx(2.0)
    assert shown["points"]["wucl"][-1] == pytest.approx(expected.dispersion_ucl)
    page = client.get(reverse("web:chart", args=[chart.pk])).content.decode()
    assert "Sigma between and within" in page and "sigma between and within</span>" in page
    found = client.get(reverse("web:capability", args=[chart.pk])).content.decode()
    assert "Sigma between subgroups" in found and "Expected, between and within" in found
    body = ApiClient(plant.site, plant.engineer).get(f"/charts/{chart.pk}/capability").json()["study"]
    assert body["sigma_between"] == pytest.approx(expected.sigma_between, rel=1e-12)
    assert body["sigma_within"] == pytest.approx(
        expected.sigma_within, rel=1e-12
    )  # frozen, whatever came since
    cpk = min(body["mean"] - 60, 70 - body["mean"]) / (3 * expected.sigma_between_within)
    assert body["indices_between_within"]["cpk"]["value"] == pytest.approx(cpk, rel=1e-12)


def test_group_chart_names_the_lane_and_holds(plant: Plant) -> None:
    charted(plant, THICKNESS, "group", subgroup_by="profile", subgroup_size=3, stratify="equipment")
    roll = plant.lot("T-ROLL", quantity=240, length_mm=240_000, lanes=2)
    plant.start(roll, "coating")
    chance = np.random.default_rng(2)

    def profile(metre: int, *values: float) -> None:
        at = timezone.now() - timedelta(minutes=5)
        lanes = enumerate(values, start=1)
        plant.submit(
            [
                plant.reading(
                    THICKNESS,
                    round(v, 3),
                    roll,
                    position=str(lane),
                    roll_position_mm=1000 * metre,
                    measured_at=at,
                )
                for lane, v in lanes
            ]
        )
        evaluate_all()

    for metre in range(PHASE1):
        profile(metre, *chance.normal(100, 1, 3))
    chart = freeze(plant)
    profile(200, 100.0, 99.5, 120.0)
    point = last(chart)
    assert (point.statistic, point.dispersion) == (120.0, 99.5)
    assert point.details == {"largest": "3", "smallest": "2"}
    assert Signal.objects.get(point=point).panel == "location"
    assert active_holds([roll.pk]).exists()


def test_short_run_charts_two_materials_together_and_passes_over_a_third(plant: Plant) -> None:
    for code in ("T-SLURRY-B", "T-SLURRY-C"):
        MaterialDefinition.objects.create(code=code, name=code, kind="slurry", unit="kg")
    charted(plant, SOLIDS, "short-run", parameters="part=material", stratify="equipment")
    chance = np.random.default_rng(4)

    def reading(material: str, value: float) -> None:
        lot = plant.lot(material)
        plant.start(lot, "mixing")
        plant.submit([plant.reading(SOLIDS, round(value, 4), lot)])
        evaluate_all()

    for _ in range(8):
        reading("T-SLURRY", chance.normal(65, 0.2))
        reading("T-SLURRY-B", chance.normal(40, 1))
    chart = freeze(plant)
    parts = LimitRevision.objects.get(chart=chart, kind="frozen").baseline["own"]["parts"]
    assert set(parts) == {"T-SLURRY", "T-SLURRY-B"}
    reading("T-SLURRY-B", 42.0)
    mean, sigma = parts["T-SLURRY-B"]
    assert last(chart).statistic == pytest.approx((42.0 - mean) / sigma, rel=1e-12)
    reading("T-SLURRY-C", 50.0)
    point = last(chart)
    assert point.statistic is None and point.details["part"] == "T-SLURRY-C"
    panel = signed_in(plant.engineer).get(reverse("web:chart_point", args=[chart.pk, point.pk]))
    assert "freeze again with readings of it" in panel.content.decode()


def test_rare_failures_are_charted_by_the_batches_between_them(plant: Plant) -> None:
    charted(plant, SEDIMENT, "g", parameters="event=zero", phase1_subgroups=4)
    lot = mixing_lot(plant)
    start = timezone.now() - timedelta(hours=5)
    flags = [1] * 6 + [0] + [1] * 9 + [0] + [1] * 4 + [0] + [1] * 7 + [0]

    def check(number: int, flag: int) -> None:
        at = start + timedelta(minutes=number)
        plant.submit([plant.reading(SEDIMENT, flag, lot, measured_at=at)])
        evaluate_all()

    for number, flag in enumerate(flags):
        check(number, flag)
    with pytest.raises(FreezeRefused, match="phase 1 needs 4 intervals between events; there are 3"):
        freeze(plant)
    for number, flag in enumerate([1] * 5 + [0, 1, 1], start=len(flags)):
        check(number, flag)
    chart = freeze(plant)
    revision = LimitRevision.objects.get(chart=chart, kind="frozen")
    assert revision.baseline["own"]["memory"]["units"] == 2.0
    for number, flag in enumerate([1, 0], start=60):
        check(number, flag)
    assert last(chart).statistic == 3.0  # two units of phase 1 and one since
    check(70, 0)
    assert last(chart).statistic == 0.0


def test_acceptance_chart_takes_its_limits_from_the_specification(plant: Plant) -> None:
    line = specify(plant, SOLIDS, lsl="60", usl="70")
    charted(plant, SOLIDS, "acceptance", specification=line.specification)
    for number in range(PHASE1):
        batch(plant, 64.9 if number % 2 else 65.1)
    chart = freeze(plant)
    assert chart.stream.plan.parameters == "fraction=0.01 alpha=0.05 lsl=60 usl=70"
    drifted = batch(plant, 69.0)
    assert not active_holds([drifted.pk]).exists()
    near = batch(plant, 69.95)
    assert active_holds([near.pk]).exists()


def test_acceptance_chart_without_a_limit_is_not_published(plant: Plant) -> None:
    add_chart(plant, SOLIDS, chart_family="acceptance", rules="beyond_limits")
    with pytest.raises(PublicationRefused, match="an acceptance chart needs a limit in force"):
        publish(plant)


def vector(plant: Plant, solids: float, viscosity: float, *, at: datetime | None = None) -> Lot:
    lot = mixing_lot(plant)
    more: dict[str, Any] = {} if at is None else {"measured_at": at}
    plant.submit([plant.reading(SOLIDS, round(solids, 4), lot, **more)])
    plant.submit([plant.reading(VISCOSITY, round(viscosity, 4), lot, **more)])
    evaluate_all()
    return lot


def vectors(n: int, seed: int = 3) -> np.ndarray:
    """Solids and viscosity that go together."""
    chance = np.random.default_rng(seed)
    solids = chance.normal(65, 0.5, n)
    return np.column_stack([solids, 5 + 0.8 * (solids - 65) + chance.normal(0, 0.1, n)]).round(4)


def test_broken_relation_of_two_characteristics_is_found_and_decomposed(plant: Plant) -> None:
    line = {"subgroup_by": "execution", "parameters": f"variables={SOLIDS},{VISCOSITY}"}
    charted(plant, SOLIDS, "t2", **line)
    rows = vectors(20)
    for solids, viscosity in rows:
        vector(plant, solids, viscosity)
    odd = vector(plant, 65.5, 4.2)
    chart = Chart.objects.get(stream__plan__site=plant.site)
    found = signed_in(plant.process_engineer).get(reverse("web:chart_freeze", args=[chart.pk]))
    assert "<b>Suggested</b>" in found.content.decode()
    chart = freeze(plant, excluded={last(chart).pk: f"{odd} was spilt"})
    limits = t_squared_individuals(rows)
    lot = vector(plant, 65.5, 4.6)
    point = last(chart)
    assert point.statistic == pytest.approx(float(limits.t_squared([65.5, 4.6])[0]), rel=1e-10)
    assert point.ucl == pytest.approx(limits.upl, rel=1e-12)
    assert active_holds([lot.pk]).exists()
    named = {row["name"]: row["contribution"] for row in point.details["variables"]}
    assert named == pytest.approx(
        dict(zip((SOLIDS, VISCOSITY), limits.contributions([65.5, 4.6]), strict=True)), rel=1e-9
    )
    client = signed_in(plant.engineer)
    panel = client.get(reverse("web:chart_point", args=[chart.pk, point.pk])).content.decode()
    assert "Adds to T²" in panel and f'Viscosity<span class="data-table__sub">{VISCOSITY}</span>' in panel
    for value in ("<b>65.50</b> %", "<b>4.60</b> Pa·s", "65.5000 %", "4.6000 Pa·s"):  # each in its own unit
        assert value in panel, value
    page = client.get(reverse("web:chart", args=[chart.pk])).content.decode()
    assert "variables =" in page and "Hotelling" in page
    assert "<dt>Mean of Viscosity</dt>" in page and f"{rows[:, 1].mean():.5g} Pa·s" in page
    assert Chart.objects.count() == 1
    assert_evaluated_exactly_once()


def test_mewma_is_the_batch_chart_after_late_corrected_and_excluded_vectors(plant: Plant) -> None:
    words = f"variables={SOLIDS},{VISCOSITY} lambda=0.2 arl=200"
    charted(plant, SOLIDS, "mewma", subgroup_by="execution", parameters=words, reaction="contain")
    start = timezone.now() - timedelta(hours=3)
    phase1 = vectors(20)
    for number, (solids, viscosity) in enumerate(phase1):
        vector(plant, solids, viscosity, at=start + timedelta(minutes=number))
    chart = freeze(plant)
    rows = vectors(8, seed=9)
    rows[3:] += [0.0, 0.25]
    order = [0, 1, 3, 2, 4, 5, 6, 7]
    lots = {
        number: vector(plant, *rows[number], at=start + timedelta(minutes=30 + number)) for number in order
    }
    base = t_squared_individuals(phase1)
    limit = mewma_limit(200.0, weight=0.2, variables=2)

    def expected(values: np.ndarray) -> list[float]:
        shown = mewma_chart(values, center=base.center, covariance=base.covariance, weight=0.2, limit=limit)
        return shown.t_squared.tolist()

    def shown() -> list[float | None]:
        points = current_points(chart.pk).filter(sequence__gte=20).order_by("sequence")
        return [point.statistic for point in points]

    assert shown() == pytest.approx(expected(rows), rel=1e-10)
    signal = Signal.objects.filter(chart=chart, provisional=False, point__replaced_at__isnull=True).earliest(
        "point__sequence"
    )
    firing = ReactionFiring.objects.get(signal=signal.carried_from or signal)
    assert firing.reaction == "contain" and firing.lots_in_window >= 1
    row = current_measurements(
        Measurement.objects.filter(lot_id=lots[1].pk, characteristic__code=VISCOSITY)
    ).select_related("site", "characteristic", "gauge", "zone", "equipment", "execution")
    pipeline.correct(
        Correction(old=row.get(), reason="typing error", value="5.4"),
        key=plant.code("correct"),
        source=plant.source,
        user=plant.operator,
        now=timezone.now(),
    )
    evaluate_all()
    rows[1, 1] = 5.4
    assert shown() == pytest.approx(expected(rows), rel=1e-10)
    excluded = current_points(chart.pk).get(sequence=24)
    exclude_point(excluded, excluded=True, reason="gauge was dirty", user=plant.engineer, now=timezone.now())
    left = [value for number, value in enumerate(shown()) if number != 4]
    assert left == pytest.approx(expected(np.delete(rows, 4, axis=0)), rel=1e-10)
