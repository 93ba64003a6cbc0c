"""Why a recipe revision has no baseline of its own yet: what of the formation profile it changed (handbook 7.4)."""

from __future__ import annotations

from lots.catalogue import recipe_parameters, recipe_revision
from lots.models import Lot, RecipeRevision
from lots.science.formation.band import MIN_CELLS, VoltageBand
from lots.science.formation.protocol import changed_elements
from lots.steps.formation_protocols import protocol_of_recipe

NOMINAL = "nominal_capacity_ah"  # the currents follow from it


def baseline_words(cell: Lot, band: VoltageBand | None) -> str:
    """What the cell's revision changes against the one before it; empty where a band judges, or nothing changed."""
    key = recipe_revision(cell.work_order_id, cell.material_id) if cell.work_order_id is not None else None
    if key is None or (band is not None and not band.provisional):
        return ""
    own = RecipeRevision.objects.select_related("recipe").get(pk=key)
    before = RecipeRevision.objects.filter(recipe=own.recipe_id, issued_at__lt=own.issued_at)
    earlier = before.select_related("recipe").order_by("-issued_at").first()
    if earlier is None:
        return ""
    changed = _changed(earlier, own)
    if not changed:
        return ""
    found = 0 if band is None else band.cells
    return (
        f"{own} changes {', '.join(changed)} of the formation profile against {earlier}: cells of {earlier} do not"
        f" compare, and a new baseline of {MIN_CELLS} good cells is needed ({found} so far)."
    )


def _changed(earlier: RecipeRevision, own: RecipeRevision) -> list[str]:
    old, new = recipe_parameters(earlier.pk), recipe_parameters(own.pk)
    was, now = protocol_of_recipe("", old), protocol_of_recipe("", new)
    if was is None or now is None:
        return [] if was is now else ["cutoffs"]
    names = [name.replace("_", " ") for name in changed_elements(was, now)]
    return names + (["nominal capacity"] if old.get(NOMINAL) != new.get(NOMINAL) else [])
