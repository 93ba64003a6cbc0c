"""The log of reactions, and what they have left in force."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from lots.models import Site
from quality.actions.tighten import good_in_a_row
from quality.models import ReactionFiring, StreamStop, Tightening

STREAM = (
    "characteristic",
    "step",
    "equipment",
    "material",
    "product_revision__product",
    "recipe_revision__recipe",
)


@dataclass(frozen=True)
class Tightened:
    """A tightening in force with the good subgroups in a row that it has seen."""

    tightening: Tightening
    good: int


def good_so_far(row: Tightening) -> int | None:
    """Good subgroups in a row that a tightening in force has seen; None once it has ended."""
    return good_in_a_row(row) if row.ended_at is None else None


def firings_of(site: Site) -> QuerySet[ReactionFiring]:
    """Every reaction fired at the site, newest first, with the signal that fired it and what it left in force."""
    return (
        ReactionFiring.objects.filter(signal__chart__stream__plan__site=site)
        .select_related(
            "signal__point",
            "signal__chart__stream__plan__characteristic",
            "signal__chart__stream__plan__material",
            "signal__chart__stream__equipment",
            "signal__chart__stream__zone",
            "signal__chart__stream__product_revision__product",
            "signal__chart__stream__recipe_revision__recipe",
            "signal__chart__stream__gauge",
            "hold",
            "tightening",
            "streamstop",
        )
        .order_by("-pk")
    )


def stops_of(site: Site) -> QuerySet[StreamStop]:
    """Stops of the site with their stream; those in force first, the newest first."""
    return (
        StreamStop.objects.filter(site=site)
        .select_related(*STREAM, "firing__signal", "lifted_by")
        .order_by("lifted_at", "-pk")
    )


def tightened_now(site: Site) -> list[Tightened]:
    """Tightenings in force, the oldest first."""
    rows = (
        Tightening.objects.filter(site=site, ended_at__isnull=True)
        .select_related(*STREAM, "firing__signal__point")
        .order_by("pk")
    )
    return [Tightened(row, good_in_a_row(row)) for row in rows]
