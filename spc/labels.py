"""What sets readings of one chart apart where the chart must know: the part, the stream, the variable."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lots.models import Lot, Measurement, RecipeRevision
from lots.queries import recipe_revision_of
from spc.engine.kinds import ChartKind
from spc.models import ChartPlan

Labels = Mapping[int, str]  # measurement key → label


def labels_of(plan: ChartPlan, rows: Sequence[Measurement]) -> Labels:
    """The labels of readings; none on a chart that does not tell them apart."""
    kind = ChartKind(plan.family)
    if kind in (ChartKind.T2, ChartKind.MEWMA):
        return {row.id: row.characteristic.code for row in rows}
    if kind is ChartKind.GROUP:
        return {row.id: "" if row.position is None else f"{row.position.normalize():f}" for row in rows}
    if kind is ChartKind.SHORT_RUN:
        return _parts(plan.parameters.split(), rows)
    return {}


def _parts(parameters: Sequence[str], rows: Sequence[Measurement]) -> Labels:
    """Product revision, recipe revision or material of each reading's lot; codes without blanks and commas."""
    keys = {row.lot_id for row in rows if row.lot_id is not None}
    lots = {
        lot.pk: lot
        for lot in Lot.objects.filter(pk__in=keys).select_related("material", "product_revision__product")
    }
    if "part=recipe" in parameters:
        pinned = recipe_revision_of(lots.values())
        revisions = RecipeRevision.objects.select_related("recipe").in_bulk(set(pinned.values()))
        names = {key: _code(revisions[pinned[key]]) if key in pinned else "" for key in lots}
    elif "part=material" in parameters:
        names = {key: lot.material.code for key, lot in lots.items()}
    else:
        names = {key: _code(lot.product_revision) for key, lot in lots.items()}
    return {row.id: names.get(row.lot_id or 0, "") for row in rows}


def _code(named: object) -> str:
    """A name as parameters can say it."""
    return "" if named is None else re.sub(r"[\s,:=]+", "-", str(named))
