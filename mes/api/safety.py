"""The safety chain of a product: its criteria with what is open, and the results of tests with their raw data."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import StringConstraints

from lots.models import Product
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.lookup import lot_of
from mes.api.schemas import PRINTABLE, Code, Line, Strict
from mes.safety_raw import keep_raw
from quality.actions.safety import SafetyRefused, record_result
from quality.models import SafetyCriterion, SafetyResult
from quality.safety_chain import safety_chain

router = Router(tags=["Safety"])


class ResultQuery(Strict):
    """`value` in the criterion's unit; `stop_reason` where the test was stopped before its end."""

    criterion: Code
    value: Annotated[str, StringConstraints(min_length=1, max_length=30)]
    stop_reason: Line = ""
    raw_name: Annotated[str, StringConstraints(max_length=120, pattern=PRINTABLE)] = ""


@router.get("/products/{code}/safety", response={200: dict[str, Any], **refusals(404)})
def read_chain(request: HttpRequest, code: Code) -> JsonResponse:
    """The criteria of a product made at the site, each with the results that count, and every break of the chain."""
    site = caller_of(request).site
    product = Product.objects.filter(revisions__workorder__site=site, code=code).distinct().first()
    if product is None:
        raise Http404
    chain = safety_chain(product)
    found = {
        path.criterion.code: path
        for hazard in chain.hazards
        for mode in hazard.modes
        for observable in mode.observables
        for path in observable.criteria
    }
    return JsonResponse(
        {
            "product": product.code,
            "criteria": [
                {
                    "code": path.criterion.code,
                    "version": path.criterion.version,
                    "title": path.criterion.title,
                    "operator": path.criterion.operator,
                    "limit": f"{path.criterion.limit.normalize():f}",
                    "unit": path.criterion.unit,
                    "results": [_result(row) for row in path.results if row.site_id == site.pk],
                }
                for _, path in sorted(found.items())
            ],
            "gaps": [
                {"check": gap.check.name.lower(), "code": gap.code, "words": gap.words} for gap in chain.gaps
            ],
        }
    )


@router.post("/lots/{code}/safety", response={201: dict[str, Any], **writing(404)})
def bring_result(request: HttpRequest, code: Code, wanted: Query[ResultQuery]) -> JsonResponse:
    """What a safety test showed on a cell, its raw data as the body. The same result with the same raw data again is
    the one that is there. Without raw data it is recorded, and blocks."""
    caller = caller_of(request)
    lot = lot_of(caller.site, code)
    criterion = (
        SafetyCriterion.objects.filter(product__revisions=lot.product_revision_id, code=wanted.criterion)
        .select_related("product")
        .order_by("-version")
        .first()
    )
    if criterion is None:
        raise SafetyRefused(f"criterion: there is no {wanted.criterion} of the lot's product")
    result = record_result(
        criterion,
        lot,
        value=wanted.value,
        stop_reason=wanted.stop_reason,
        raw_sha256=keep_raw(request.body),
        raw_name=wanted.raw_name,
        user=caller.user,
        now=timezone.now(),
    )
    return JsonResponse(_result(result) | {"criterion": criterion.code}, status=201)


def _result(result: SafetyResult) -> dict[str, Any]:
    return {
        "lot": result.lot.code,
        "value": f"{result.value.normalize():f}",
        "passed": result.passed,
        "stopped_early": result.stopped_early,
        "raw_sha256": result.raw_sha256,
        "recorded_at": result.recorded_at,
    }
