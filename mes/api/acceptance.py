"""Acceptance of cell lots: the frozen plan, its results, the signed decision."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Annotated, Any

from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field

from lots.models import Lot
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.lookup import lot_of
from mes.api.schemas import Code, Password, Strict
from quality.acceptance import Rules
from quality.actions.accept_lot import decide_lot, freeze_plan, outlook_of, results_of, schemes_in
from quality.models import AcceptancePlan
from quality.sample_verdict import judge_schemes

router = Router(tags=["Acceptance"])

Number = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=6)]


class PlanIn(Strict):
    """Capacity in A·h, efficiency in %, resistance in mΩ; `share_pct` of the sample must meet the first two."""

    sample_size: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    capacity_min_ah: Number
    efficiency_min_pct: Number
    resistance_max_mohm: Number
    share_pct: Number = Decimal(90)
    outliers_max: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 1

    def rules(self) -> Rules:
        return Rules(**self.model_dump(exclude={"sample_size"}))


class DecisionIn(Strict):
    password: Password


@router.get("/lots/{code}/acceptance", response={200: dict[str, Any], **refusals(404)})
def read_acceptance(request: HttpRequest, code: Code) -> JsonResponse:
    """The plan with sample and rules, the results so far and what they say, and the decision; 404 without a plan."""
    return JsonResponse(acceptance_out(_plan(lot_of(caller_of(request).site, code))))


@router.post("/lots/{code}/acceptance", response={201: dict[str, Any], **writing(404)})
def freeze(request: HttpRequest, code: Code, payload: PlanIn) -> JsonResponse:
    """Choose the sample at random and fix the rules; refused once a cell of the lot has been tested."""
    caller = caller_of(request)
    plan = freeze_plan(
        lot_of(caller.site, code),
        payload.rules(),
        sample_size=payload.sample_size,
        seed=secrets.randbelow(2**31),
        user=caller.user,
        now=timezone.now(),
    )
    return JsonResponse(acceptance_out(plan), status=201)


@router.post("/lots/{code}/acceptance/decision", response={201: dict[str, Any], **writing(404)})
def sign_decision(request: HttpRequest, code: Code, payload: DecisionIn) -> JsonResponse:
    """Sign what the counts say, with the caller's password; a rejected lot is held with its cells."""
    caller = caller_of(request)
    plan = _plan(lot_of(caller.site, code))
    decide_lot(plan, user=caller.user, password=payload.password, now=timezone.now())
    return JsonResponse(acceptance_out(_plan(plan.lot)), status=201)


def acceptance_out(plan: AcceptancePlan) -> dict[str, Any]:
    results = results_of(plan)
    sampled = judge_schemes(schemes_in(plan))
    outlook = outlook_of(results, Rules.from_content(plan.rules), sampled)
    decision = getattr(plan, "decision", None)
    return {
        "lot": plan.lot.code,
        "sample": plan.sample,
        "seed": plan.seed,
        "rules": plan.rules,
        "sampling": [
            each.scheme.content() | {"verdict": each.verdict.value, "reason": each.reason} for each in sampled
        ],
        "frozen_at": plan.frozen_at,
        "frozen_by": plan.frozen_by.username,
        "results": [
            {
                name: f"{value.normalize():f}" if isinstance(value, Decimal) else value
                for name, value in vars(result).items()
            }
            for result in results
        ],
        "outlook": {"verdict": outlook.verdict.value, "reasons": list(outlook.reasons)},
        "decision": None
        if decision is None
        else {
            "accepted": decision.accepted,
            "reasons": decision.content["reasons"],
            "switching": [
                {
                    "characteristic": event.characteristic.code,
                    "severity": event.severity,
                    "words": event.words,
                }
                for event in decision.sampling_events.select_related("characteristic")
            ],
            "decided_at": decision.decided_at,
            "signed_by": decision.signature.printed_name,
        },
    }


def _plan(lot: Lot) -> AcceptancePlan:
    plan = (
        AcceptancePlan.objects.filter(lot=lot)
        .select_related("lot__site", "frozen_by", "decision__signature")
        .first()
    )
    if plan is None:
        raise Http404
    return plan
