"""How often the classification names the family that was made, against taking the strongest deviation."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from benchmarks.faulty_cells import FAULTS, SOFT_SHORT, Made, Physics, another_line, make, values
from benchmarks.figures import Figure, Size, seconds
from benchmarks.installation import Installation
from lots.science.defects.classify import Reference, Verdict, classify, reference, z_scores
from lots.science.defects.signatures import SIGNATURES, Family, Feature

NAME = "classification"
SEED = 20260301
REFERENCE_CELLS = 200
COMPATIBLE = tuple(
    pair
    for pair in itertools.combinations(FAULTS, 2)
    if set(pair) != {Family.WETTING_OR_GAS, Family.UNDERFILL}
)


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    """Needs no installation. The confusion tables go to standard error."""
    count = {Size.TINY: 60, Size.FULL: 3_000}.get(size, 300)
    singles = [(fault,) for fault in FAULTS]
    for case, physics in (("", Physics()), (", another line", another_line(np.random.default_rng(SEED)))):
        of = reference(values(make(REFERENCE_CELLS, [()], seed=SEED, physics=physics)))
        faulty = make(count, singles, seed=SEED + 1, physics=physics)
        verdicts = judged(faulty, of)
        naive = share(strongest(cell, of) == cell.truth[0] for cell in faulty)
        table(f"confusion{case}", faulty, verdicts)
        label = f"{count} cells of one fault{case}"
        yield _figure(f"{label}: first family right", top(faulty, verdicts, 1), naive, ">= 0.85")
        yield _figure(f"{label}: among the first two", top(faulty, verdicts, 2), naive, ">= 0.95")
        mild = make(count, singles, seed=SEED + 5, physics=physics, severity=(0.25, 0.6))
        slight = f"{count} cells of one slight fault{case}: first family right"
        yield _figure(
            slight, top(mild, judged(mild, of), 1), share(strongest(c, of) == c.truth[0] for c in mild), ""
        )
        good = make(count, [()], seed=SEED + 2, physics=physics)
        called = share(verdict.defective for verdict in judged(good, of))
        alarms = share(max(map(abs, z_scores(cell.features, of).values())) > 3 for cell in good)
        yield _figure(f"{count} good cells{case}: called defective", called, alarms, "<= 0.02")
        pairs = make(count, COMPATIBLE, seed=SEED + 3, physics=physics, severity=(0.9, 1.4))
        named = share(
            both_named(cell, verdict) for cell, verdict in zip(pairs, judged(pairs, of), strict=True)
        )
        yield _figure(f"{count} cells of two faults{case}: both named", named, naive, "")
        unknown = judged(make(count, [(SOFT_SHORT,)], seed=SEED + 4, physics=physics), of)
        honest = share(verdict.family is Family.UNCLASSIFIED for verdict in unknown)
        yield _figure(f"{count} cells of an unknown mechanism{case}: unclassified", honest, naive, ">= 0.8")
    cell = z_scores(faulty[0].features, of)
    yield Figure(
        NAME,
        "one verdict",
        min(seconds(lambda: classify(cell)) for _ in range(50)),
        "s",
        "its z-scores",
        min(seconds(lambda: z_scores(faulty[0].features, of)) for _ in range(50)),
    )


def judged(cells: Sequence[Made], of: Reference) -> list[Verdict]:
    return [classify(z_scores(cell.features, of)) for cell in cells]


def top(cells: Sequence[Made], verdicts: Sequence[Verdict], within: int) -> float:
    """Share of cells whose true family is among the first `within` of the ranking."""
    return share(
        cell.truth[0] in [suspect.family for suspect in verdict.ranked[:within]]
        for cell, verdict in zip(cells, verdicts, strict=True)
    )


def both_named(cell: Made, verdict: Verdict) -> bool:
    """Both faults stand in the answer: as the first family and a further one, or as the first two of the ranking."""
    answer = {suspect.family for suspect in verdict.ranked[:2]} | set(verdict.also)
    return set(cell.truth) <= answer


def strongest(cell: Made, of: Reference) -> Family:
    """The naive answer: the first family that lists the feature with the largest z."""
    z = z_scores(cell.features, of)
    worst: Feature = max(z, key=lambda feature: abs(z[feature]))
    for signature in SIGNATURES:
        if any(symptom.feature is worst for symptom in signature.symptoms):
            return signature.family
    return Family.UNCLASSIFIED


def share(hits: Iterable[bool]) -> float:
    return float(np.mean([bool(hit) for hit in hits]))


def table(title: str, cells: Sequence[Made], verdicts: Sequence[Verdict]) -> None:
    counts = Counter(
        (cell.truth[0], str(v.family or "good")) for cell, v in zip(cells, verdicts, strict=True)
    )
    columns = sorted({column for _, column in counts})
    print(f"{title}: truth down, answer across", file=sys.stderr)
    print(" ".join([" " * 24, *(f"{column[:12]:>12}" for column in columns)]), file=sys.stderr)
    for truth in FAULTS:
        row = " ".join(f"{counts[truth, column]:>12}" for column in columns)
        print(f"{truth:24} {row}", file=sys.stderr)


def _figure(case: str, value: float, baseline: float, target: str) -> Figure:
    # A share of zero is a share: it stands as one in ten thousand, so that a ratio exists.
    return Figure(
        NAME, case, max(value, 1e-4), "share", "the strongest deviation alone", max(baseline, 1e-4), target
    )
