"""Sampling plans: what a plan does before anybody relies on it."""

from __future__ import annotations

import numpy as np
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from mes.web.forms.sampling import SamplingForm
from mes.web.plot import Plot, plot
from mes.web.site import SiteRequest, site_page
from spc.engine.sampling_designs import Design, Wish

CURVE_POINTS = 121


@require_GET
@site_page()
def designer(request: SiteRequest) -> HttpResponse:
    form = SamplingForm(request.GET)
    context: dict[str, object] = {"nav_active": "sampling", "form": form}
    if form.is_valid() and form.wish is not None:
        wish = form.wish
        context |= {
            "wish": wish,
            "rows": [
                {
                    "design": design,
                    "at_good": float(design.acceptance(wish.good)) * 100,
                    "at_bad": float(design.acceptance(wish.bad)) * 100,
                    "items": float(design.sample_number(wish.good)),
                    "outgoing_pct": design.outgoing_limit() * 100,
                    "keeps": design.keeps(wish),
                }
                for design in form.designs
            ],
            "plots": _plots(form.designs, wish),
        }
    return render(request, "web/sampling/designer.html", context)


def _plots(found: tuple[Design, ...], wish: Wish) -> list[tuple[str, str, Plot]]:
    """Title, what the vertical axis says, and the plot; the horizontal axis is the lot's quality in percent."""
    p = np.linspace(0.0, min(1.0, 1.6 * wish.bad), CURVE_POINTS)
    x = (p * 100).tolist()

    def lines(
        values: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]],
    ) -> list[tuple[str, str, list[float]]]:
        return [
            (design.kind.label, f"plan-line--{design.kind.value}", curve.tolist())
            for design, curve in zip(found, values, strict=True)
        ]

    return [
        (
            "Operating characteristic",
            "% of lots accepted",
            plot(
                x,
                lines([design.acceptance(p) * 100 for design in found]),
                y_top=100.0,
                marks=[
                    (wish.good * 100, 100 * (1 - wish.producer_risk), "good lots: at least"),
                    (wish.bad * 100, 100 * wish.consumer_risk, "bad lots: at most"),
                ],
            ),
        ),
        (
            "Average sample number",
            "items inspected a lot",
            plot(x, lines([design.sample_number(p) for design in found])),
        ),
        (
            "Average outgoing quality",
            "% defective after rejected lots are sorted",
            plot(x, lines([design.outgoing(p) * 100 for design in found])),
        ),
    ]
