"""Materials, product, recipes and route of the demo line."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

from lots.models import (
    MaterialDefinition,
    ProcessStep,
    Product,
    ProductRevision,
    Recipe,
    RecipeParameter,
    RecipeRevision,
    Route,
    RouteStep,
)
from quality.actions.load_table import read_table

HERE = Path(__file__).parent
MATERIALS = HERE / "materials.csv"
RECIPES = HERE / "recipes.csv"
PRODUCT_NAME = "Sodium-ion pouch cell 20 Ah"
RECIPE_REVISION = "1"
# Recipe → its name, and the materials whose lots run by it.
RECIPE_MATERIALS = {
    "RCP-CATHODE": ("Cathode electrode", ("ROLL-CATHODE", "SLURRY-CATHODE", "SLIT-CATHODE")),
    "RCP-ANODE": ("Anode electrode", ("ROLL-ANODE", "SLURRY-ANODE", "SLIT-ANODE")),
    "RCP-ELECTROLYTE": ("Electrolyte", ("ELECTROLYTE",)),
    "RCP-FOIL": ("Prepared foil", ("FOIL-PREPARED",)),
    "RCP-CELL": ("Cell", ("CELL-20AH", "CELL-LOT")),
}
# A roll with a held interval runs these steps whole and the hold goes with it. Slitting cuts it into new lots:
# first somebody has to decide about the interval.
CARRIES_INTERVAL_HOLD = frozenset({"coating", "drying", "calendering", "dry_room"})


def load_materials() -> dict[str, MaterialDefinition]:
    return {
        row["code"]: MaterialDefinition.objects.get_or_create(
            code=row["code"], defaults={"name": row["name"], "kind": row["kind"], "unit": row["unit"]}
        )[0]
        for row in read_table(MATERIALS)
    }


def load_product(code: str, revision: str, *, issued_at: datetime) -> ProductRevision:
    """The product revision and its route through all steps, the optional ones too."""
    product, _ = Product.objects.get_or_create(code=code, defaults={"name": PRODUCT_NAME})
    issued, _ = ProductRevision.objects.get_or_create(
        product=product, revision=revision, defaults={"issued_at": issued_at}
    )
    route, _ = Route.objects.get_or_create(product_revision=issued, defaults={"name": f"{code} {revision}"})
    for step in ProcessStep.objects.order_by("sequence"):
        RouteStep.objects.get_or_create(
            route=route,
            step=step,
            defaults={
                "sequence": step.sequence,
                "carries_interval_hold": step.code in CARRIES_INTERVAL_HOLD,
            },
        )
    return issued


def load_recipes(
    product: Product, materials: dict[str, MaterialDefinition], *, issued_at: datetime
) -> dict[str, RecipeRevision]:
    """Material → the recipe revision that its lots run by. An issued revision keeps its parameters."""
    steps = {step.code: step for step in ProcessStep.objects.all()}
    rows = read_table(RECIPES)
    by_material: dict[str, RecipeRevision] = {}
    for code, (name, used_for) in RECIPE_MATERIALS.items():
        recipe, _ = Recipe.objects.get_or_create(
            code=code, defaults={"name": name, "product": product, "material": materials[used_for[0]]}
        )
        revision, created = RecipeRevision.objects.get_or_create(
            recipe=recipe, revision=RECIPE_REVISION, defaults={"issued_at": issued_at}
        )
        if created:
            RecipeParameter.objects.bulk_create(
                RecipeParameter(
                    recipe_revision=revision,
                    step=steps[row["step"]],
                    name=row["name"],
                    value=Decimal(row["value"]),
                    unit=row["unit"],
                )
                for row in rows
                if row["recipe"] == code
            )
        by_material |= dict.fromkeys(used_for, revision)
    return by_material
