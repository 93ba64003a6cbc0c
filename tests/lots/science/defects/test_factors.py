from __future__ import annotations

import numpy as np
import pytest

from lots.science.defects.factors import CrossedEffects, crossed_effects


def plant(*, bad_channel: float = 0.0, bad_lot: float = 0.0, bad_tray: float = 0.0) -> CrossedEffects:
    """16 channels, 6 lots, 8 trays of 96 cells that met at random; capacities in Ah with a sigma of 0.05."""
    rng = np.random.default_rng(12)
    channel, lot, tray = rng.integers(0, 16, 384), rng.integers(0, 6, 384), rng.integers(0, 8, 384)
    values = 20 + rng.normal(0, 0.05, 384)
    values += bad_channel * (channel == 5) + bad_lot * (lot == 2) + bad_tray * (tray == 7)
    labels = {
        "channel": [f"C{i}" for i in channel],
        "lot": [f"L{i}" for i in lot],
        "tray": [f"T{i}" for i in tray],
    }
    return crossed_effects(values, labels)


def odd(effects: CrossedEffects) -> list[tuple[str, str]]:
    return [(one.factor, one.level) for one in effects.odd]


def test_good_plant_has_no_odd_level() -> None:
    assert odd(plant()) == []


def test_bad_channel_is_separated_from_a_bad_lot() -> None:
    assert odd(plant(bad_channel=-0.4)) == [("channel", "C5")]
    assert odd(plant(bad_lot=-0.4)) == [("lot", "L2")]
    assert odd(plant(bad_tray=-0.4)) == [("tray", "T7")]
    assert set(odd(plant(bad_channel=-0.4, bad_lot=0.4))) == {("channel", "C5"), ("lot", "L2")}


def test_effect_of_a_level_is_its_size() -> None:
    (channel,) = plant(bad_channel=-0.4).odd
    assert channel.effect == pytest.approx(-0.4, abs=0.06)


def test_cells_of_a_bad_channel_are_not_blamed() -> None:
    effects = plant(bad_channel=-0.4)
    assert np.max(np.abs(effects.residual)) < 0.25


def test_labels_that_do_not_match_are_named() -> None:
    with pytest.raises(ValueError, match="tray has 2 labels for 3 values"):
        crossed_effects([1.0, 2.0, 3.0], {"tray": ["a", "b"]})
