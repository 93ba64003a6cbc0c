"""Rank the defect families of a cell from robust z-scores, with the evidence and what would separate the first two.

A family's score is the weighted share of its symptoms that are there (those that are measured and absent count
against it), times the share of the cell's deviations that it explains. A family whose cause was measured far out, and
which explains nearly all that is odd, is named though its effects do not stand out yet. What no family explains is
unclassified, which is an answer and not a failure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lots.science.defects.signatures import (
    BY_THE_CYCLER,
    MEASUREMENT,
    SIGNATURES,
    Family,
    Feature,
    Signature,
    Symptom,
)

MAD_TO_SIGMA = 1.4826
DEFECTIVE_Z = 4.5  # with 17 features, a good cell in a thousand; two of 3.5 count too
SUSPECT_Z = 3.5
_ABSENT_Z, _PRESENT_Z = 1.5, 4.0
_CAP_Z = 8.0
ACCEPTED_SCORE = 0.35
# What is left unexplained by the first family must be this strong to name a second one.
SECOND_Z = 4.5
MIN_REFERENCE = 20
# A cause alone names its family only where it leaves this little of the cell's deviations to others.
_ALONE_EXPLAINS = 0.8


@dataclass(frozen=True)
class Reference:
    """Median and robust sigma of each feature over good cells of the lot and its baseline."""

    median: Mapping[Feature, float]
    sigma: Mapping[Feature, float]
    cells: int


@dataclass(frozen=True)
class Evidence:
    """One symptom: `z` as measured; `weight` its part of the score, negative when it speaks against."""

    feature: Feature
    z: float
    weight: float


@dataclass(frozen=True)
class Suspect:
    """A family with its score (0 to 1), what speaks for and against it, and the step whose gate records to open.

    `by_cause`: its cause was measured far out and it explains nearly everything that is odd.
    """

    family: Family
    step: str
    score: float
    evidence_for: tuple[Evidence, ...]
    evidence_against: tuple[Evidence, ...]
    by_cause: bool = False


@dataclass(frozen=True)
class Verdict:
    """`defective` False: the cell is like the others. `ranked` begins with the answer, which may be UNCLASSIFIED.

    `also` names families of further faults of the same cell. `separating` is the measurement that would tell the
    first two of `ranked` apart, empty when there is but one.
    """

    defective: bool
    ranked: tuple[Suspect, ...]
    also: tuple[Family, ...]
    separating: str

    @property
    def family(self) -> Family | None:
        return self.ranked[0].family if self.defective else None


def reference(cells: Mapping[Feature, ArrayLike]) -> Reference:
    """Reference from good cells, one row of values a feature.

    Raises:
        ValueError: a feature has fewer than 20 finite values, or does not vary.
    """
    median, sigma, count = {}, {}, 0
    for feature, values in cells.items():
        known = np.asarray(values, dtype=np.float64)
        known = known[np.isfinite(known)]
        if known.size < MIN_REFERENCE:
            raise ValueError(f"{feature} has {known.size} values; a reference needs {MIN_REFERENCE}")
        middle = float(np.median(known))
        spread = MAD_TO_SIGMA * float(np.median(np.abs(known - middle)))
        if spread == 0:
            raise ValueError(f"{feature} does not vary among the reference cells")
        median[feature], sigma[feature], count = middle, spread, max(count, known.size)
    return Reference(median, sigma, count)


def z_scores(cell: Mapping[Feature, float], of: Reference) -> dict[Feature, float]:
    """Robust z of each feature that the cell and the reference have; a missing value is left out, not zero."""
    return {
        feature: (value - of.median[feature]) / of.sigma[feature]
        for feature, value in cell.items()
        if feature in of.median and np.isfinite(value)
    }


def classify(z: Mapping[Feature, float], *, signatures: Sequence[Signature] = SIGNATURES) -> Verdict:
    """Judge one cell by its z-scores."""
    if not _is_defective(z):
        return Verdict(False, (), (), "")
    suspects = _suspects(z, signatures)
    also: list[Family] = []
    if suspects and (suspects[0].score >= ACCEPTED_SCORE or suspects[0].by_cause):
        also = _further(z, suspects[0].family, signatures)
        ranked = tuple(suspects)
    else:
        nothing = Suspect(Family.UNCLASSIFIED, "", 0.0, _strongest(z), ())
        ranked = (nothing, *suspects)
    separating = _separating(z, ranked, signatures) if len(ranked) > 1 else ""
    return Verdict(True, ranked, tuple(also), separating)


def _is_defective(z: Mapping[Feature, float]) -> bool:
    sizes = sorted((abs(value) for value in z.values()), reverse=True)
    return bool(sizes) and (sizes[0] >= DEFECTIVE_Z or (len(sizes) > 1 and sizes[1] >= SUSPECT_Z))


def _suspects(z: Mapping[Feature, float], signatures: Sequence[Signature]) -> list[Suspect]:
    """The best signature of each family with a score above zero, best first."""
    best: dict[Family, Suspect] = {}
    for signature in signatures:
        suspect = _score(z, signature)
        known = best.get(signature.family)
        if suspect.score > 0 and (known is None or suspect.score > known.score):
            best[signature.family] = suspect
    return sorted(best.values(), key=lambda suspect: -suspect.score)


def _presence(z: float, direction: int) -> float:
    """1 for a clear symptom, 0 for a doubtful one, −1 for one that is absent or goes the other way."""
    along = direction * z
    if along >= _ABSENT_Z:
        return min(1.0, (along - _ABSENT_Z) / (_PRESENT_Z - _ABSENT_Z))
    return max(-1.0, (along - _ABSENT_Z) / _PRESENT_Z)


def _score(z: Mapping[Feature, float], signature: Signature) -> Suspect:
    speaks_for: list[Evidence] = []
    against: list[Evidence] = []
    total = gained = 0.0
    for symptom in signature.symptoms:
        if symptom.feature not in z:
            continue
        part = symptom.weight * _presence(z[symptom.feature], symptom.direction)
        total += symptom.weight
        gained += part
        evidence = Evidence(symptom.feature, z[symptom.feature], part)
        (speaks_for if part > 0 else against).append(evidence)
    for symptom in signature.excludes:
        present = _presence(z.get(symptom.feature, 0.0), symptom.direction) if symptom.feature in z else 0.0
        if present > 0:
            part = -symptom.weight * present
            gained += part
            against.append(Evidence(symptom.feature, z[symptom.feature], part))
    all_weight = sum(symptom.weight for symptom in signature.symptoms)
    # Half of the signature must have been measured before its presence means anything.
    match = max(0.0, gained / total) if total >= 0.5 * all_weight else 0.0
    explained = _explained(z, signature)
    score = match * explained
    cause = [one for one in speaks_for if one.feature is signature.cause and abs(one.z) >= DEFECTIVE_Z]
    return Suspect(
        signature.family,
        signature.step,
        score,
        tuple(sorted(speaks_for, key=lambda one: -one.weight)),
        tuple(sorted(against, key=lambda one: one.weight)),
        by_cause=bool(cause) and explained >= _ALONE_EXPLAINS,
    )


def _explains(signature: Signature, feature: Feature, z: float) -> bool:
    if signature.family is Family.CYCLER_CHANNEL:
        return feature in BY_THE_CYCLER or feature is Feature.CHANNEL_EFFECT
    return any(one.feature is feature and one.direction * z > 0 for one in signature.symptoms)


def _explained(z: Mapping[Feature, float], signature: Signature) -> float:
    """Share of the cell's deviations beyond noise that the signature accounts for."""
    explained = total = 0.0
    for feature, value in z.items():
        size = min(abs(value), _CAP_Z) - _ABSENT_Z
        if size > 0:
            total += size**2
            explained += size**2 if _explains(signature, feature, value) else 0.0
    return explained / total if total > 0 else 0.0


def _further(z: Mapping[Feature, float], first: Family, signatures: Sequence[Signature]) -> list[Family]:
    """Families of what the first one leaves unexplained, by its own cause where that is measured.

    Shared symptoms stay with both: only a deviation that the first family does not explain opens a second fault.
    """
    mine = [signature for signature in signatures if signature.family is first]
    left = {
        feature: value
        for feature, value in z.items()
        if abs(value) >= SECOND_Z and not any(_explains(signature, feature, value) for signature in mine)
    }
    if not left:
        return []
    ranked = []
    for signature in signatures:
        if signature.family is first:
            continue
        caught = [feature for feature, value in left.items() if _explains(signature, feature, value)]
        if caught:
            suspect = _score(
                {f: v for f, v in z.items() if f in left or _explains(signature, f, v)}, signature
            )
            ranked.append((len(caught), suspect.score, signature.family))
    ranked.sort(reverse=True)
    return [ranked[0][2]] if ranked else []


def _strongest(z: Mapping[Feature, float]) -> tuple[Evidence, ...]:
    odd = sorted(z.items(), key=lambda item: -abs(item[1]))
    return tuple(Evidence(feature, value, 0.0) for feature, value in odd[:3])


def _separating(
    z: Mapping[Feature, float], ranked: Sequence[Suspect], signatures: Sequence[Signature]
) -> str:
    """The feature on which the first two differ most: one not measured yet before one to measure again."""
    families = [suspect.family for suspect in ranked if suspect.family is not Family.UNCLASSIFIED][:2]
    if len(families) < 2:
        return ""
    first, second = (_directions(family, signatures) for family in families)
    differences = {
        feature: abs(first.get(feature, 0.0) - second.get(feature, 0.0))
        for feature in first.keys() | second.keys()
    }
    best = max(differences, key=lambda feature: (feature not in z, differences[feature], feature))
    return MEASUREMENT[best]


def _directions(family: Family, signatures: Sequence[Signature]) -> dict[Feature, float]:
    symptoms: list[Symptom] = []
    for signature in signatures:
        if signature.family is family:
            symptoms += signature.symptoms
    return {one.feature: one.direction * one.weight for one in symptoms}
