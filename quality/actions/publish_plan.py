"""Publish a control-plan revision: its lines become charts, forms, gates and reactions."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.clock import site_time
from lots.models import User
from quality.models import ControlPlanLine, ControlPlanRevision
from quality.permissions import Action, require
from quality.plan_charts import chart_parameters
from quality.plan_table import PlanRefused
from spc.engine.live import DefinitionError
from spc.models import ChartPlan


class PublicationRefused(PlanRefused):
    """The revision cannot be published; the message says why."""


@transaction.atomic
def publish_plan(
    revision: ControlPlanRevision, *, user: User, now: datetime, action: Action = Action.PUBLISH_PLAN
) -> ControlPlanRevision:
    """Generate the chart plans and stamp the revision. A line unchanged since the last revision keeps its chart.

    `action` is what the user must be allowed to do: publish, or approve what another person drafted.
    """
    act_as(user)
    require(user, revision.plan.site, action)
    fresh = (
        ControlPlanRevision.objects.select_for_update(of=("self",))
        .select_related("plan__site")
        .get(pk=revision.pk)
    )
    if fresh.published_at is not None:
        raise PublicationRefused(f"{fresh} is published already")
    lines = list(fresh.lines.exclude(chart_family="").select_related("characteristic"))
    for line in lines:
        line.chart_plan = _chart_plan(line, fresh, site_time(fresh.plan.site, now))
        line.save(update_fields=["chart_plan"])
    fresh.published_at, fresh.published_by = now, user
    fresh.save(update_fields=["published_at", "published_by"])
    return fresh


def _chart_plan(line: ControlPlanLine, revision: ControlPlanRevision, at: datetime) -> ChartPlan:
    strata = set(line.stratify.split())
    try:
        parameters, variables = chart_parameters(line, at=at)
    except DefinitionError as error:
        raise PublicationRefused(f"{error.field}: {error}") from error
    fields = {
        "site": revision.plan.site,
        "characteristic": line.characteristic,
        "material": line.material,
        "family": line.chart_family,
        "subgroup_by": line.subgroup_by,
        "subgroup_size": line.subgroup_size,
        "subgroup_timeout_s": line.subgroup_timeout_s,
        "rules": line.rules,
        "parameters": parameters,
        "variables": variables,
        "phase1_subgroups": line.phase1_subgroups,
        "stratify_equipment": "equipment" in strata,
        "stratify_position": "position" in strata,
        "stratify_product": "product" in strata,
        "stratify_recipe": "recipe" in strata,
        "stratify_gauge": "gauge" in strata,
    }
    return ChartPlan.objects.filter(**fields).order_by("-id").first() or ChartPlan.objects.create(**fields)
