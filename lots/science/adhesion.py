"""Adhesion coupons of a coating: how they peel, when coating stops, and where to look (handbook 3.5)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class Peel(IntEnum):
    """What comes off a coupon under the tape; the number is what is recorded."""

    NONE = 0
    FINE_FLAKES = 1
    LARGE_FLAKES = 2


MIN_COUPONS = 3


def adhesion_stops(coupons: Sequence[Peel]) -> bool:
    """Whether coating stops: any coupon peels in large flakes. One is enough to stop, three are needed to go on.

    Raises:
        ValueError: fewer than three coupons, none of which peels in large flakes.
    """
    if Peel.LARGE_FLAKES in coupons:
        return True
    if len(coupons) < MIN_COUPONS:
        raise ValueError(f"{len(coupons)} adhesion coupons, at least {MIN_COUPONS} are needed")
    return False


def adhesion_cause(*, thickness_in_window: bool) -> str:
    """Where to look for poor adhesion: drying or collector where the thickness is right."""
    return (
        "drying or the collector surface" if thickness_in_window else "coating thickness first, then drying"
    )
