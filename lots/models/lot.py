"""Lots: any identified material, from a slurry batch to a single cell."""

from __future__ import annotations

from django.db import models

from lots.fields import LotRef, new_uuid7
from lots.models.equipment import Equipment
from lots.models.product import MaterialDefinition, ProductRevision, RouteStep, WorkOrder
from lots.models.site import Site, User


class CurrentTransaction(models.Func):
    """The number of the running top-level transaction, also inside savepoints."""

    function = "halite_transaction_id"
    template = "%(function)s()"
    arity = 0
    output_field = models.BigIntegerField()


class Lot(models.Model):
    """One identified amount of material; a cell is a lot of one.

    `hold_revision` is raised by every hold that is placed or closed. Placing a hold therefore *updates* the
    row that the movement guard locks, so that a race is decided at every isolation level.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        CONSUMED = "consumed", "Consumed"
        PACKED = "packed", "Packed"
        SHIPPED = "shipped", "Shipped"
        SCRAPPED = "scrapped", "Scrapped"

    uuid = models.UUIDField(unique=True, default=new_uuid7, editable=False)
    # `lot_code_per_site` begins with the site.
    site = models.ForeignKey(Site, models.PROTECT, related_name="lots", db_index=False)
    code = models.CharField(max_length=48)
    material = models.ForeignKey(MaterialDefinition, models.PROTECT, related_name="lots")
    product_revision = models.ForeignKey(ProductRevision, models.PROTECT, null=True, blank=True)
    work_order = models.ForeignKey(WorkOrder, models.PROTECT, null=True, blank=True, related_name="lots")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    taken = models.DecimalField(
        max_digits=14,
        decimal_places=3,
        default=0,
        db_default=0,
        editable=False,
        help_text="How much of the quantity went into other lots; kept by trigger.",
    )
    length_mm = models.BigIntegerField(null=True, blank=True, help_text="Of a roll, at its latest geometry.")
    lanes = models.PositiveSmallIntegerField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    hold_revision = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(help_text="Site clock.")
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    simulated = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("site", "code"), name="lot_code_per_site"),
            models.CheckConstraint(name="lot_quantity_positive", condition=models.Q(quantity__gt=0)),
            # Nothing is taken that is not there, by any path.
            models.CheckConstraint(
                name="lot_not_overdrawn",
                condition=models.Q(taken__gte=0, taken__lte=models.F("quantity")),
            ),
            models.CheckConstraint(
                name="lot_length_positive",
                condition=models.Q(length_mm__isnull=True) | models.Q(length_mm__gt=0),
            ),
        )
        indexes = (
            # The lot list and the line overview: what is there now, newest first.
            models.Index(fields=("site", "state", "-id"), name="lot_by_state"),
        )

    def __str__(self) -> str:
        return self.code


class LotAlias(models.Model):
    """A number that somebody else uses for the lot (supplier, customer)."""

    site = models.ForeignKey(Site, models.PROTECT)
    issuer = models.CharField(max_length=64)
    alias = models.CharField(max_length=64)
    lot = LotRef(related_name="aliases")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("site", "issuer", "alias"), name="lot_alias_once"),)

    def __str__(self) -> str:
        return f"{self.issuer}: {self.alias}"


class StepExecution(models.Model):
    """One run of a lot through a route step. Gates use the latest attempt, charts the first."""

    uuid = models.UUIDField(unique=True, default=new_uuid7, editable=False)
    lot = LotRef(related_name="executions")
    route_step = models.ForeignKey(RouteStep, models.PROTECT, related_name="executions")
    attempt = models.PositiveSmallIntegerField(default=1)
    equipment = models.ForeignKey(Equipment, models.PROTECT, null=True, blank=True, related_name="executions")
    operator = models.ForeignKey(User, models.PROTECT, related_name="+")
    started_at = models.DateTimeField(help_text="Site clock.")
    finished_at = models.DateTimeField(null=True, blank=True, help_text="Site clock.")
    reported = models.BooleanField(default=False, help_text="It happened without permission; see Movement.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("lot", "route_step", "attempt"), name="execution_attempt_once"),
            models.CheckConstraint(
                name="execution_finishes_after_start",
                condition=models.Q(finished_at__isnull=True)
                | models.Q(finished_at__gte=models.F("started_at")),
            ),
        )
        indexes = (
            # What runs now, for the line overview.
            models.Index(
                fields=("route_step",), name="execution_running", condition=models.Q(finished_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.lot} {self.route_step.step} #{self.attempt}"


class GateDecision(models.Model):
    """The ticket that a movement presents: at this instant, in this transaction, every gate was green.

    Only actions of `quality` create one. A trigger on `Movement` demands a passing decision of the same
    transaction for the same lot and step.
    """

    lot = LotRef(related_name="gate_decisions")
    route_step = models.ForeignKey(RouteStep, models.PROTECT, null=True, blank=True, related_name="+")
    purpose = models.CharField(max_length=16)
    passed = models.BooleanField()
    blockers = models.JSONField(default=list, help_text="What refused it, verbatim, when it did not pass.")
    decided_at = models.DateTimeField()
    transaction_id = models.BigIntegerField(db_default=CurrentTransaction())

    class Meta:
        indexes = (models.Index(fields=("lot", "-id"), name="gate_decision_by_lot"),)

    def __str__(self) -> str:
        return f"{self.lot} {self.purpose} {'passed' if self.passed else 'refused'}"


class Movement(models.Model):
    """Something that moved a lot: permission used, or a report of what happened without one.

    `reported` marks a movement that physically happened although it was not permitted; its output is held.
    """

    class Kind(models.TextChoices):
        START_STEP = "start_step", "Start step"
        CONSUME = "consume", "Consume"
        SPLIT = "split", "Split"
        MERGE = "merge", "Merge"
        PACK = "pack", "Pack"
        SHIP = "ship", "Ship"
        SCRAP = "scrap", "Scrap"

    lot = LotRef(related_name="movements")
    kind = models.CharField(max_length=16, choices=Kind)
    execution = models.ForeignKey(
        StepExecution, models.PROTECT, null=True, blank=True, related_name="movements"
    )
    gate_decision = models.ForeignKey(
        GateDecision, models.PROTECT, null=True, blank=True, related_name="movements"
    )
    reported = models.BooleanField(default=False)
    moved_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    moved_at = models.DateTimeField(help_text="Site clock.")
    reason = models.CharField(max_length=300, blank=True)
    transaction_id = models.BigIntegerField(db_default=CurrentTransaction())

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="movement_permitted_or_reported",
                condition=models.Q(gate_decision__isnull=False) | models.Q(reported=True),
            ),
        )
        indexes = (models.Index(fields=("lot", "-id"), name="movement_by_lot"),)

    def __str__(self) -> str:
        return f"{self.lot} {self.kind}"


class OpenInterval(models.Model):
    """A lot lay open to a zone's air. Closed once; an open one blocks the lot's next step."""

    lot = LotRef(related_name="open_intervals")
    zone = models.ForeignKey("lots.Zone", models.PROTECT, related_name="open_intervals")
    opened_at = models.DateTimeField(help_text="Site clock.")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Site clock.")
    opened_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    closed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="open_interval_closes_after",
                condition=models.Q(closed_at__isnull=True) | models.Q(closed_at__gte=models.F("opened_at")),
            ),
            # A lot cannot be opened twice at once.
            models.UniqueConstraint(
                fields=("lot",), name="open_interval_one_open", condition=models.Q(closed_at__isnull=True)
            ),
        )
        indexes = (
            # Which lots lay in the air that a late reading is about.
            models.Index(fields=("zone", "closed_at"), name="open_interval_by_zone"),
        )

    def __str__(self) -> str:
        return f"{self.lot} open in {self.zone}"
