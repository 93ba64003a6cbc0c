"""Draft the next revision of a control plan, approve and publish it, and open orders that run on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.models import ProductRevision, RecipeRevision, Site, User, WorkOrder, WorkOrderRecipe
from quality.actions.publish_plan import publish_plan
from quality.actions.sign import sign
from quality.models import ControlPlan, ControlPlanLine, ControlPlanRevision, WorkOrderPlan
from quality.permissions import Action, require
from quality.plan_table import PlanRefused, Row, difference, lines_of, read_rows, rows_of


@transaction.atomic
def draft_revision(
    plan: ControlPlan, rows: Sequence[Row], *, change_reason: str, user: User, now: datetime
) -> ControlPlanRevision:
    """The plan's next revision from a table, unpublished. Earlier drafts stay and are never published.

    Raises PlanRefused with every row and field that is wrong, or where nothing would change.
    """
    act_as(user)
    require(user, plan.site, Action.EDIT_PLAN)
    if not change_reason.strip():
        raise PlanRefused("change_reason: say why the plan changes")
    fields = read_rows(rows, plan.product_revision)
    lock_name(f"control-plan:{plan.pk}")
    latest = plan.revisions.order_by("-number").first()
    draft = ControlPlanRevision.objects.create(
        plan=plan,
        number=latest.number + 1 if latest else 1,
        change_reason=change_reason.strip()[:300],
        drafted_by=user,
    )
    ControlPlanLine.objects.bulk_create(ControlPlanLine(revision=draft, **line) for line in fields)
    if latest is not None and not difference(lines_of(latest), lines_of(draft)):
        raise PlanRefused(f"lines: nothing differs from revision {latest.number}")
    return draft


def change_line(
    revision: ControlPlanRevision,
    key: tuple[str, str],
    changes: Mapping[str, str] | None,
    *,
    change_reason: str,
    user: User,
    now: datetime,
) -> ControlPlanRevision:
    """A draft with one line changed: (characteristic, material) gets `changes`, and is added where it is new.

    None takes the line out.
    """
    rows: list[dict[str, str]] = rows_of(lines_of(revision))
    kept = [row for row in rows if (row["characteristic"], row["material"]) != key]
    if changes is None:
        if len(kept) == len(rows):
            raise PlanRefused("characteristic: there is no such line")
    else:
        found = next((row for row in rows if (row["characteristic"], row["material"]) == key), {})
        line = {**found, **changes, "characteristic": key[0], "material": key[1]}
        place = rows.index(found) if found else len(kept)
        kept.insert(place, line)
    return draft_revision(revision.plan, kept, change_reason=change_reason, user=user, now=now)


@transaction.atomic
def approve_plan(
    draft: ControlPlanRevision, *, user: User, password: str, now: datetime
) -> ControlPlanRevision:
    """Approve and publish the plan's newest draft under signature, by another person than its author.

    From then on new orders pin it: forms, charts, gates and reactions of their lots follow it. Running orders keep
    theirs.
    """
    act_as(user)
    require(user, draft.plan.site, Action.APPROVE_PLAN)
    lock_name(f"control-plan:{draft.plan_id}")
    fresh = ControlPlanRevision.objects.select_related("plan__site").get(pk=draft.pk)
    if fresh.published_at is not None:
        raise PlanRefused(f"revision: {fresh} is published already")
    if fresh.plan.revisions.filter(number__gt=fresh.number).exists():
        raise PlanRefused("revision: there is a newer draft; approve that one, or draft this again")
    if fresh.drafted_by_id == user.pk:
        raise PlanRefused("approved_by: you drafted it yourself; another person must approve it")
    signature = sign(
        user=user,
        password=password,
        meaning="Control plan approved and published",
        record_kind="control_plan",
        record_id=str(fresh),
        content=plan_content(fresh),
        now=now,
    )
    ControlPlanRevision.objects.filter(pk=fresh.pk).update(approval=signature)
    return publish_plan(fresh, user=user, now=now, action=Action.APPROVE_PLAN)


def plan_content(revision: ControlPlanRevision) -> dict[str, Any]:
    """What the approval covers: every line, and why it changed."""
    return {
        "plan": revision.plan.code,
        "revision": revision.number,
        "change_reason": revision.change_reason,
        "lines": rows_of(lines_of(revision)),
    }


@transaction.atomic
def open_order(
    site: Site, product: ProductRevision, code: str, quantity: Decimal, *, user: User, now: datetime
) -> WorkOrder:
    """Open an order that pins the newest published plan, and the newest recipes of the product's last order."""
    act_as(user)
    require(user, site, Action.EDIT_MASTERS)
    if not 0 < len(code.strip()) <= 32 or WorkOrder.objects.filter(site=site, code=code.strip()).exists():
        raise PlanRefused("code: give the order a code that was not used before, of at most 32 characters")
    if not quantity.is_finite() or not 0 < quantity < 10**11 or quantity != round(quantity, 3):
        raise PlanRefused("quantity: must be above zero, with at most 3 decimals")
    revision = (
        ControlPlanRevision.objects.filter(
            plan__site=site, plan__product_revision=product, published_at__isnull=False
        )
        .order_by("-published_at", "-number")
        .first()
    )
    earlier = (
        WorkOrder.objects.filter(site=site, product_revision=product).order_by("-opened_at", "-pk").first()
    )
    if revision is None or earlier is None:
        raise PlanRefused(
            "product: it has no published control plan, or no earlier order to take the recipes from"
        )
    order = WorkOrder.objects.create(
        site=site,
        code=code.strip(),
        product_revision=product,
        quantity=quantity,
        unit=earlier.unit,
        opened_at=site_time(site, now),
    )
    WorkOrderPlan.objects.create(work_order=order, revision=revision)
    for pinned in WorkOrderRecipe.objects.filter(work_order=earlier).select_related("recipe_revision"):
        newest = (
            RecipeRevision.objects.filter(recipe=pinned.recipe_revision.recipe_id)
            .order_by("-issued_at", "-pk")
            .first()
        )
        WorkOrderRecipe.objects.create(
            work_order=order, material=pinned.material, recipe_revision=newest or pinned.recipe_revision
        )
    return order
