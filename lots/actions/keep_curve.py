"""Note that an instrument file belongs to a lot, and which earlier part of the same test it supersedes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lots.actions.lock import lock_name
from lots.catalogue import recipe_revision
from lots.models import CurveFile, Gauge, Lot, RecipeRevision, StepExecution, Submission, User


@dataclass(frozen=True)
class Curve:
    """A file that was read and stored; instants on the site clock."""

    kind: CurveFile.Kind
    format: str
    file_sha256: str
    file_bytes: int
    storage_sha256: str
    rows: int
    started_at: datetime
    ended_at: datetime
    soc_pct: Decimal | None = None
    temperature_c: Decimal | None = None
    gauge: Gauge | None = None
    unresolved: str = ""


def lock_file(site_id: int, sha256: str) -> None:
    """Let whoever else brings the same file to the site wait until the running transaction ends.

    To be taken before what was kept is looked at, and before the curves of a run are locked.
    """
    lock_name(f"file:{site_id}:{sha256}")


def lock_curves(execution: StepExecution, kind: CurveFile.Kind) -> None:
    """Let whoever else brings a file of this kind for the same run wait until the running transaction ends."""
    lock_name(f"series:{execution.pk}:{kind}")


def keep_curve(
    curve: Curve,
    *,
    execution: StepExecution,
    submission: Submission | None,
    user: User,
    now: datetime,
    supersedes: CurveFile | None = None,
    reason: str = "",
) -> CurveFile:
    """Store the row; the same file of the same lot is the row that is there already."""
    kept, _ = CurveFile.objects.get_or_create(
        lot=execution.lot,
        file_sha256=curve.file_sha256,
        defaults={
            "execution": execution,
            "submission": submission,
            "kind": curve.kind,
            "format": curve.format,
            "file_bytes": curve.file_bytes,
            "protocol": pinned_protocol(execution.lot),
            "storage_sha256": curve.storage_sha256,
            "rows": curve.rows,
            "soc_pct": curve.soc_pct,
            "temperature_c": curve.temperature_c,
            "started_at": curve.started_at,
            "ended_at": curve.ended_at,
            "received_at": now,
            "recorded_by": user,
            "supersedes": supersedes,
            "reason": reason,
            "gauge": curve.gauge,
            "unresolved": curve.unresolved,
        },
    )
    return kept


def latest_curve(execution: StepExecution, kind: CurveFile.Kind) -> CurveFile | None:
    """The newest file of this run that nothing has superseded."""
    rows = CurveFile.objects.filter(execution=execution, kind=kind, superseded_by__isnull=True)
    return rows.order_by("-id").first()


def pinned_protocol(lot: Lot) -> str:
    """The recipe revision that the lot's work order pins; empty where there is none."""
    if lot.work_order_id is None:
        return ""
    revision = recipe_revision(lot.work_order_id, lot.material_id)
    return "" if revision is None else str(RecipeRevision.objects.get(pk=revision))
