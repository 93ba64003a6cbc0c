"""The handbook's acceptance rule (12.3), counted exactly: any leak rejects; else accept when enough of the sampled
cells meet capacity and efficiency, and at most so many impedances are outliers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from spc.engine.sampling import AttributesPlan, acceptance


class Verdict(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Rules:
    """Capacity in A·h, efficiency in %, resistance in mΩ. `share_pct` of the sample must meet capacity AND
    efficiency."""

    capacity_min_ah: Decimal
    efficiency_min_pct: Decimal
    resistance_max_mohm: Decimal
    share_pct: Decimal = Decimal(90)
    outliers_max: int = 1

    def content(self) -> dict[str, Any]:
        """JSON-safe, decimals as text."""
        return {
            name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Rules:
        """Inverse of `content`."""
        numbers = {name: Decimal(value) for name, value in content.items() if name != "outliers_max"}
        return cls(**numbers, outliers_max=int(content["outliers_max"]))

    def failures_allowed(self, n: int) -> int:
        """Of n sampled cells so many may miss capacity or efficiency."""
        return max(c for c in range(n + 1) if (n - c) * 100 >= self.share_pct * n)


@dataclass(frozen=True)
class CellResult:
    """What was measured on one sampled cell; None is missing."""

    code: str
    capacity_ah: Decimal | None
    efficiency_pct: Decimal | None
    resistance_mohm: Decimal | None
    leak_free: bool | None


@dataclass(frozen=True)
class Decision:
    """The verdict with all its reasons: what spoke for it and what against."""

    verdict: Verdict
    reasons: tuple[str, ...]


def decide(results: Sequence[CellResult], rules: Rules) -> Decision:
    """Decide by counting. A missing value leaves it undecided, unless a leak has rejected the lot already."""
    leaking = [result.code for result in results if result.leak_free is False]
    if leaking:
        return Decision(Verdict.REJECT, (f"leak: {', '.join(leaking)}",))
    missing = [
        f"{result.code}: {name} is missing"
        for result in results
        for name, value in (
            ("capacity", result.capacity_ah),
            ("efficiency", result.efficiency_pct),
            ("resistance", result.resistance_mohm),
            ("leak test", result.leak_free),
        )
        if value is None
    ]
    if missing or not results:
        return Decision(Verdict.UNDECIDED, tuple(missing) or ("no cell was sampled",))
    n = len(results)
    met = sum(
        (result.capacity_ah or 0) >= rules.capacity_min_ah
        and (result.efficiency_pct or 0) >= rules.efficiency_min_pct
        for result in results
    )
    outliers = [r.code for r in results if (r.resistance_mohm or 0) > rules.resistance_max_mohm]
    enough = met * 100 >= rules.share_pct * n
    few = len(outliers) <= rules.outliers_max
    named = f" ({', '.join(outliers)})" if outliers else ""
    reasons = (
        f"{met} of {n} meet capacity and efficiency: {'at least' if enough else 'less than'} {rules.share_pct} %",
        f"{len(outliers)} impedance outlier{'s' if len(outliers) != 1 else ''}{named}: "
        f"{'at most' if few else 'more than'} {rules.outliers_max}",
    )
    return Decision(Verdict.ACCEPT if enough and few else Verdict.REJECT, reasons)


@dataclass(frozen=True)
class Operating:
    """P(accept) of the capacity and efficiency rule over the lot's share of nonconforming cells, both as fractions."""

    failures_allowed: int
    fraction: tuple[float, ...]
    accepted: tuple[float, ...]
    producer_risk: float
    consumer_risk: float


GOOD, BAD = 0.02, 0.20  # shares at which the two risks are stated


def operating(n: int, rules: Rules) -> Operating:
    """What a sample of n does: the risks at GOOD and BAD shares of nonconforming cells, and the curve (binomial)."""
    plan = AttributesPlan(n, rules.failures_allowed(n))
    fraction = [step / 100 for step in range(51)]
    good, bad = (float(acceptance(plan, share)) for share in (GOOD, BAD))
    curve = tuple(float(value) for value in acceptance(plan, fraction))
    return Operating(plan.c, tuple(fraction), curve, 1 - good, bad)
