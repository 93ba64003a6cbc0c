"""What the sample of a lot decides by the standards' plans that were frozen with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lots.models import Lot
from lots.queries import valid_measurements
from quality.acceptance import Verdict
from quality.lot_sampling import Scheme
from quality.models import ControlPlanLine, Judgement
from quality.specifications import compare
from spc.engine.sampling_variables import VariablesStandardPlan, judge_variables


@dataclass(frozen=True)
class Sampled:
    """What the sample says by one scheme; `failed` counts values beyond the limits, `in_gap` is Ac < failed < Re."""

    scheme: Scheme
    verdict: Verdict
    reason: str
    failed: int = 0
    in_gap: bool = False


def judge_schemes(schemes: Iterable[Scheme]) -> list[Sampled]:
    """What the values of each scheme's cells decide."""
    known = list(schemes)
    values = _values(known)
    return [_judge(scheme, values) for scheme in known]


def combine(verdict: Verdict, sampled: Sequence[Sampled], *, at_once: bool) -> Verdict:
    """The lot is accepted when the handbook's rule and each scheme accept it; `at_once`: a leak rejects, whatever is
    missing."""
    verdicts = {verdict, *(each.verdict for each in sampled)}
    if at_once:
        return Verdict.REJECT
    if Verdict.UNDECIDED in verdicts:
        return Verdict.UNDECIDED
    return Verdict.REJECT if Verdict.REJECT in verdicts else Verdict.ACCEPT


def _values(schemes: Sequence[Scheme]) -> dict[tuple[str, str], tuple[Decimal, str]]:
    """(cell, characteristic) → latest valid value and its qualifier; of one by cycle the last cycle counts."""
    if not schemes:
        return {}
    line = ControlPlanLine.objects.select_related("revision__plan").get(pk=schemes[0].line)
    codes = {code for scheme in schemes for code in scheme.cells}
    cells = dict(
        Lot.objects.filter(site=line.revision.plan.site_id, code__in=codes).values_list("pk", "code")
    )
    rows = (
        valid_measurements(list(cells))
        .filter(characteristic__code__in={scheme.characteristic for scheme in schemes})
        .order_by("position", "measured_at", "id")
        .values_list("lot_id", "characteristic__code", "value", "qualifier")
    )
    return {(cells[lot_id or 0], code): (value, qualifier) for lot_id, code, value, qualifier in rows}


def _judge(scheme: Scheme, values: Mapping[tuple[str, str], tuple[Decimal, str]]) -> Sampled:
    found = {code: values.get((code, scheme.characteristic)) for code in scheme.cells}
    lsl, usl = (None if limit is None else Decimal(limit) for limit in (scheme.lsl, scheme.usl))
    verdicts = {
        code: Judgement.Verdict.UNDETERMINED if entry is None else compare(*entry, lsl, usl)
        for code, entry in found.items()
    }
    by_value, ac, re = scheme.k is not None, scheme.ac or 0, scheme.re or 1
    failed = [code for code, verdict in verdicts.items() if verdict == Judgement.Verdict.VIOLATES]
    open_cells = [
        code
        for code, verdict in verdicts.items()
        if verdict == Judgement.Verdict.UNDETERMINED or (by_value and (found[code] or (0, "?"))[1])
    ]
    if open_cells and (by_value or len(failed) < re):  # what is missing cannot save a lot with `re` failures
        word = f"{open_cells[0]}: {scheme.name.lower()} is missing or not certain"
        return Sampled(scheme, Verdict.UNDECIDED, word)
    if by_value:
        numbers = [float(entry[0]) for entry in found.values() if entry is not None]
        return _by_value(scheme, numbers, lsl, usl, len(failed))
    named = f" ({', '.join(failed[:5])})" if failed else ""
    accepted = len(failed) < re
    reason = f"{scheme.name}: {len(failed)} of {scheme.n} beyond the limits{named}: " + (
        f"at most {max(ac, len(failed))}" if accepted else f"{re} or more"
    )
    verdict = Verdict.ACCEPT if accepted else Verdict.REJECT
    return Sampled(scheme, verdict, reason, len(failed), in_gap=ac < len(failed) < re)


def _by_value(
    scheme: Scheme, numbers: list[float], lsl: Decimal | None, usl: Decimal | None, failed: int
) -> Sampled:
    plan = VariablesStandardPlan(scheme.letter, scheme.n, scheme.k or 0.0, scheme.m or 0.0)
    low, high = (None if limit is None else float(limit) for limit in (lsl, usl))
    found = judge_variables(numbers, plan, lsl=low, usl=high)
    values = f"mean {found.mean:.5g}, s {found.deviation:.3g}"
    if low is not None and high is not None:
        side = "at most" if found.accepted else "more than"
        words = f"{100 * found.share:.3g} % estimated beyond the limits: {side} {100 * plan.m:.3g} %"
    else:
        words = f"quality index {found.index:.4g}: {'at least' if found.accepted else 'less than'} {plan.k:g}"
    verdict = Verdict.ACCEPT if found.accepted else Verdict.REJECT
    return Sampled(scheme, verdict, f"{scheme.name}: {values}, {words}", failed)
