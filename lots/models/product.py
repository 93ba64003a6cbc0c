"""Materials, products, recipes, routes and orders: what is to be made, and how."""

from __future__ import annotations

from django.db import models

from lots.models.site import Site


class MaterialDefinition(models.Model):
    """A class of material (ISA-95). `kind` decides which route steps a lot of it runs."""

    class Kind(models.TextChoices):
        RAW = "raw", "Raw material"
        SLURRY = "slurry", "Slurry"
        COLLECTOR = "collector", "Current collector"
        MOTHER_ROLL = "mother_roll", "Mother roll"
        DAUGHTER_ROLL = "daughter_roll", "Daughter roll"
        ELECTROLYTE = "electrolyte", "Electrolyte"
        CELL_LOT = "cell_lot", "Cell lot"
        CELL = "cell", "Cell"

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=16, choices=Kind)
    unit = models.CharField(max_length=16, help_text="UCUM unit in which quantities are counted.")
    retired_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.code


class Product(models.Model):
    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=100)
    retired_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.code


class ProductRevision(models.Model):
    """An issued revision of a product; immutable."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="revisions")
    revision = models.CharField(max_length=16)
    issued_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("product", "revision"), name="product_revision_once"),)

    def __str__(self) -> str:
        return f"{self.product} {self.revision}"


class ProcessStep(models.Model):
    """A step of the process, loaded from its declaration in `lots.steps`."""

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=100)
    material_kind = models.CharField(max_length=16, choices=MaterialDefinition.Kind)
    sequence = models.PositiveSmallIntegerField(unique=True)

    def __str__(self) -> str:
        return self.code


class Characteristic(models.Model):
    """Something that is measured, set, checked or derived at a step, with its fixed UCUM unit."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    step = models.ForeignKey(ProcessStep, models.PROTECT, related_name="characteristics")
    unit = models.CharField(max_length=16)
    role = models.CharField(max_length=16)
    data_type = models.CharField(max_length=16)
    position_kind = models.CharField(max_length=16)
    subject_kind = models.CharField(max_length=16)
    decimals = models.PositiveSmallIntegerField()
    gauge_kind = models.CharField(max_length=32, blank=True)
    help = models.CharField(max_length=300, blank=True)
    derived = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.code


class Route(models.Model):
    product_revision = models.OneToOneField(ProductRevision, models.PROTECT, related_name="route")
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class RouteStep(models.Model):
    """A step on a route. A lot runs the route's steps that apply to its material kind, in sequence."""

    route = models.ForeignKey(Route, models.PROTECT, related_name="steps")
    sequence = models.PositiveSmallIntegerField()
    step = models.ForeignKey(ProcessStep, models.PROTECT, related_name="route_steps")
    required = models.BooleanField(default=True)
    carries_interval_hold = models.BooleanField(
        default=False,
        help_text="A roll with a held interval may run this step whole; the hold travels with it.",
    )

    class Meta:
        ordering = ("sequence",)
        constraints = (
            models.UniqueConstraint(fields=("route", "sequence"), name="route_sequence_once"),
            models.UniqueConstraint(fields=("route", "step"), name="route_step_once"),
        )

    def __str__(self) -> str:
        return f"{self.sequence} {self.step}"


class Recipe(models.Model):
    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=100)
    product = models.ForeignKey(Product, models.PROTECT, related_name="recipes")
    material = models.ForeignKey(
        MaterialDefinition, models.PROTECT, null=True, blank=True, related_name="recipes"
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.code


class RecipeRevision(models.Model):
    """An issued revision of a recipe; its parameters never change."""

    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="revisions")
    revision = models.CharField(max_length=16)
    issued_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("recipe", "revision"), name="recipe_revision_once"),)

    def __str__(self) -> str:
        return f"{self.recipe} {self.revision}"


class RecipeParameter(models.Model):
    """A set value of a recipe revision, by step; the input of derivations and the target of settings."""

    recipe_revision = models.ForeignKey(RecipeRevision, models.PROTECT, related_name="parameters")
    step = models.ForeignKey(ProcessStep, models.PROTECT)
    name = models.CharField(max_length=64)
    value = models.DecimalField(max_digits=20, decimal_places=8)
    unit = models.CharField(max_length=16)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("recipe_revision", "step", "name"), name="recipe_parameter_once"),
        )

    def __str__(self) -> str:
        return f"{self.name} = {self.value} {self.unit}"


class WorkOrder(models.Model):
    """An order to make something; pins every revision that it runs on."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="work_orders")
    code = models.CharField(max_length=32)
    product_revision = models.ForeignKey(ProductRevision, models.PROTECT)
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    unit = models.CharField(max_length=16)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("site", "code"), name="work_order_code_per_site"),)

    def __str__(self) -> str:
        return self.code


class WorkOrderRecipe(models.Model):
    """The recipe revision that an order uses for one material."""

    work_order = models.ForeignKey(WorkOrder, models.PROTECT, related_name="recipes")
    material = models.ForeignKey(MaterialDefinition, models.PROTECT)
    recipe_revision = models.ForeignKey(RecipeRevision, models.PROTECT)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("work_order", "material"), name="work_order_recipe_once"),
        )

    def __str__(self) -> str:
        return f"{self.work_order}: {self.recipe_revision}"
