from __future__ import annotations

import pytest

from lots.science.adhesion import Peel, adhesion_cause, adhesion_stops


def test_one_large_flake_stops_the_coating_and_two_coupons_are_no_test() -> None:
    assert not adhesion_stops([Peel.NONE, Peel.FINE_FLAKES, Peel.NONE])
    assert adhesion_stops([Peel.NONE, Peel.LARGE_FLAKES, Peel.NONE])
    assert adhesion_stops([Peel.LARGE_FLAKES])
    with pytest.raises(ValueError, match="at least 3"):
        adhesion_stops([Peel.NONE, Peel.NONE])
    assert adhesion_cause(thickness_in_window=True) == "drying or the collector surface"
    assert "thickness first" in adhesion_cause(thickness_in_window=False)
