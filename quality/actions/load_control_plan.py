"""Load a revision of a control plan and publish it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import Characteristic, MaterialDefinition, ProductRevision, Site, User
from quality.actions.load_table import DATA, LoadRefused, find, read_table
from quality.actions.publish_plan import publish_plan
from quality.lot_sampling import unfit_sampling
from quality.models import ControlPlan, ControlPlanLine, ControlPlanRevision, NamedGate, Specification
from quality.permissions import Action, require
from quality.plan_charts import checked_parameters
from quality.plan_table import unfit_gate, unfit_reaction
from spc.engine import Rule

CONTROL_PLAN = DATA / "control_plan.csv"
Fields = dict[str, Any]


@transaction.atomic
def load_control_plan(
    *,
    site: Site,
    product_revision: ProductRevision,
    code: str,
    number: int,
    user: User,
    now: datetime,
    path: Path = CONTROL_PLAN,
) -> ControlPlanRevision:
    """Make and publish revision `number` of the plan from the table; the same table again changes nothing.

    Specifications of the product revision are linked where they exist. Raises LoadRefused when the revision was
    published with other lines (publish the next number), for unknown codes, rules and materials.
    """
    act_as(user)
    require(user, site, Action.PUBLISH_PLAN)
    lines = _lines(path, product_revision)
    plan, _ = ControlPlan.objects.get_or_create(
        site=site, code=code, defaults={"product_revision": product_revision}
    )
    stored = plan.revisions.filter(number=number).first()
    if stored is not None:
        _refuse_change(stored, lines, path)
        return stored
    revision = ControlPlanRevision.objects.create(
        plan=plan, number=number, change_reason=f"loaded from {path.name}"
    )
    ControlPlanLine.objects.bulk_create(ControlPlanLine(revision=revision, **fields) for fields in lines)
    return publish_plan(revision, user=user, now=now)


def _lines(path: Path, product_revision: ProductRevision) -> list[Fields]:
    characteristics = {c.code: c for c in Characteristic.objects.select_related("step")}
    materials = {m.code: m for m in MaterialDefinition.objects.all()}
    gates = {(g.code, g.material_kind): g for g in NamedGate.objects.select_related("after_step")}
    specifications = {
        (s.characteristic_id, s.material_id): s
        for s in Specification.objects.filter(product_revision=product_revision)
    }
    lines = []
    for row in read_table(path):
        characteristic = find(characteristics, row["characteristic"], path=path, what="characteristic")
        if characteristic is None:
            raise LoadRefused(f"{path.name}: a line without a characteristic")
        material = find(materials, row["material"], path=path, what="material")
        unfit = unfit_reaction(row["reaction"], characteristic, charted=bool(row["chart_family"]))
        if unfit:
            raise LoadRefused(f"{path.name}: {row['characteristic']}: {unfit[0]}")
        unfit = unfit_gate(row.get("gate", ""), characteristic, gates)
        if unfit:
            raise LoadRefused(f"{path.name}: {row['characteristic']}: {unfit[0]}")
        own = specifications.get((characteristic.pk, material.pk if material else None))
        specification = own or specifications.get((characteristic.pk, None))
        sampling = {name: row.get(name, "") for name in ("sampling", "inspection_level", "aql")}
        misfits = unfit_sampling(sampling, characteristic, specified=specification is not None)
        if misfits:
            raise LoadRefused(f"{path.name}: {row['characteristic']}: {': '.join(misfits[0])}")
        lines.append(
            {
                "step": characteristic.step,
                "characteristic": characteristic,
                "material": material,
                "specification": specification,
                "special": row["special"],
                "gate": row.get("gate", ""),
                "gauge_kind": characteristic.gauge_kind,
                "required_count": int(row["required_count"]),
                "frequency": row["frequency"],
                "reaction": row["reaction"],
                **sampling,
                **(
                    _chart(row, path, characteristic, specification, characteristics)
                    if row["chart_family"]
                    else {}
                ),
            }
        )
    return lines


def _chart(
    row: dict[str, str],
    path: Path,
    characteristic: Characteristic,
    specification: Specification | None,
    characteristics: dict[str, Characteristic],
) -> Fields:
    unknown = set(row["rules"].split()) - set(Rule)
    if unknown or not row["rules"]:
        raise LoadRefused(f"{path.name}: {row['characteristic']}: rules {sorted(unknown)} are not known")
    chart: Fields = {
        "chart_family": row["chart_family"],
        "subgroup_by": row["subgroup_by"],
        "subgroup_size": int(row["subgroup_size"]),
        "rules": row["rules"],
        "parameters": row.get("parameters", ""),
    }
    try:
        chart["parameters"] = checked_parameters(
            chart | {"stratify": row["stratify"]}, characteristic, specification, characteristics
        )
    except ValueError as error:
        raise LoadRefused(f"{path.name}: {row['characteristic']}: {error}") from error
    return chart | {
        "subgroup_timeout_s": int(row["subgroup_timeout_s"]),
        "phase1_subgroups": int(row["phase1_subgroups"]),
        "stratify": row["stratify"],
    }


def _refuse_change(stored: ControlPlanRevision, lines: list[Fields], path: Path) -> None:
    by_key = {(line.characteristic_id, line.material_id): line for line in stored.lines.all()}
    for fields in lines:
        material = fields["material"]
        line = by_key.pop((fields["characteristic"].pk, material.pk if material else None), None)
        if line is None or any(getattr(line, name) != value for name, value in fields.items()):
            raise LoadRefused(
                f"{path.name}: {fields['characteristic']} differs from {stored}, which is published; "
                "publish the next revision number"
            )
    if by_key:
        raise LoadRefused(f"{path.name}: {stored} has {len(by_key)} lines that the file lacks")
