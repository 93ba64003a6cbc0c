"""Loading the control plan: one line a characteristic and material, charts where they are sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from lots.models import Characteristic, ProductRevision, User
from mes.demo.load import CONTROL_PLAN_CODE, CONTROL_PLAN_NUMBER, LoadedDemo
from quality.actions.load_control_plan import CONTROL_PLAN, load_control_plan
from quality.actions.load_table import LoadRefused
from quality.models import ControlPlanLine, ControlPlanRevision, SpecificationLine
from quality.permissions import NotPermitted
from spc.models import ChartPlan
from tests.support.demo import LOADED_AT

NOW = LOADED_AT
NEXT = CONTROL_PLAN_NUMBER + 1
pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def load(
    demo: LoadedDemo, path: Path = CONTROL_PLAN, *, number: int = CONTROL_PLAN_NUMBER, user: str = "pe.sato"
) -> ControlPlanRevision:
    return load_control_plan(
        site=demo.site,
        product_revision=ProductRevision.objects.get(),
        code=CONTROL_PLAN_CODE,
        number=number,
        user=User.objects.get(username=user),
        now=NOW,
        path=path,
    )


def edited(tmp_path: Path, old: str, new: str) -> Path:
    text = CONTROL_PLAN.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "control_plan.csv"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_every_characteristic_has_a_line_for_each_material_that_runs_its_step(demo: LoadedDemo) -> None:
    materials: dict[str, set[str | None]] = {}
    for code, material in demo.control_plan.lines.values_list("characteristic__code", "material__code"):
        materials.setdefault(code, set()).add(material)
    assert materials.keys() == set(Characteristic.objects.values_list("code", flat=True))
    for code, found in materials.items():
        both = {name.rsplit("-", 1)[-1] for name in found if name}
        assert found == {None} or both == {"CATHODE", "ANODE"}, code


def test_specified_characteristics_are_collected_and_judged(demo: LoadedDemo) -> None:
    specified = {
        (line.specification.characteristic_id, line.specification.material_id)
        for line in SpecificationLine.objects.select_related("specification")
    }
    linked = {
        (line.specification.characteristic_id, line.specification.material_id)
        for line in ControlPlanLine.objects.filter(specification__isnull=False).select_related(
            "specification"
        )
    }
    assert linked == specified


def test_a_published_line_with_a_chart_has_its_plan(demo: LoadedDemo) -> None:
    assert demo.control_plan.published_at is not None
    charted = demo.control_plan.lines.exclude(chart_family="")
    assert charted.count() == ChartPlan.objects.count() == 39
    assert not charted.filter(chart_plan__isnull=True).exists()


def test_subgroups_of_cells_are_not_split_by_formation_channel(demo: LoadedDemo) -> None:
    plans = ChartPlan.objects.filter(subgroup_by="group", characteristic__step__code="formation")
    assert plans.count() == 4
    assert not plans.filter(stratify_equipment=True).exists()


def test_autocorrelated_air_never_holds_by_its_chart(demo: LoadedDemo) -> None:
    line = demo.control_plan.lines.get(characteristic__code="dry_room.frost_point_c")
    assert (line.reaction, line.rules, line.chart_plan.stratify_gauge) == ("alert", "trend", True)


def test_drifting_pump_is_watched_by_an_average_of_trays_that_differ(demo: LoadedDemo) -> None:
    line = demo.control_plan.lines.get(characteristic__code="filling.vacuum_mbar")
    assert (line.chart_plan.family, line.reaction) == ("ewma", "alert")
    assert line.chart_plan.parameters == "lambda=0.2 L=3 sigma=moving_range"


def test_loading_again_changes_nothing(demo: LoadedDemo) -> None:
    lines = ControlPlanLine.objects.count()
    assert load(demo) == demo.control_plan
    assert (ControlPlanLine.objects.count(), ControlPlanRevision.objects.count()) == (lines, 1)


def test_a_published_revision_is_not_changed_and_the_next_one_keeps_the_other_charts(
    demo: LoadedDemo, tmp_path: Path
) -> None:
    path = edited(
        tmp_path, "drying.residual_ppm,ROLL-ANODE,,electrode,3", "drying.residual_ppm,ROLL-ANODE,,electrode,5"
    )
    with pytest.raises(
        LoadRefused, match=r"drying\.residual_ppm differs from CP-SIB20 r2, which is published"
    ):
        load(demo, path)
    charts = ChartPlan.objects.count()
    second = load(demo, path, number=NEXT)
    assert second.published_at == NOW
    assert ChartPlan.objects.count() == charts


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("7200,trend,", "7200,guess,", r"rules \['guess'\] are not known"),
        (
            "drying.residual_ppm,ROLL-ANODE",
            "drying.residual_ppm,ROLL-FOIL",
            "material 'ROLL-FOIL' is not known",
        ),
        ("drying.residual_ppm,ROLL-ANODE", "drying.wetness,ROLL-ANODE", "'drying.wetness' is not known"),
    ],
)
def test_unknown_codes_are_refused(
    demo: LoadedDemo, tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(LoadRefused, match=message):
        load(demo, edited(tmp_path, old, new), number=NEXT)
    assert ControlPlanRevision.objects.count() == 1


def test_only_a_process_engineer_publishes(demo: LoadedDemo) -> None:
    with pytest.raises(NotPermitted):
        load(demo, number=NEXT, user="qe.kim")
    assert ControlPlanRevision.objects.count() == 1
