from __future__ import annotations

import numpy as np
import pytest

from lots.science.assembly import (
    Layer,
    areal_capacity_mah_cm2,
    electrolyte_need_g_ah,
    np_ratio,
    overhang_um,
    pair_electrodes,
)


def test_worked_areal_capacities() -> None:
    assert areal_capacity_mah_cm2(4.0, 120.0) == pytest.approx(0.48)
    assert areal_capacity_mah_cm2(4.0, 120.0, active_share=0.8) == pytest.approx(0.384)


@pytest.mark.parametrize(("anode", "cathode", "ratio"), [(3.7, 3.2, 1.156), (0.42, 0.38, 1.105)])
def test_worked_ratios(anode: float, cathode: float, ratio: float) -> None:
    assert np_ratio(anode, cathode) == pytest.approx(ratio, abs=5e-4)


def test_overlap_is_taken_into_the_ratio_only_when_it_is_stated() -> None:
    assert np_ratio(1.15, 1.0, overlap=0.871) == pytest.approx(1.15 * 0.871)
    with pytest.raises(ValueError, match="overlap"):
        np_ratio(1.15, 1.0, overlap=1.2)


def test_worked_electrolyte_need_is_more_than_the_handbook_gives() -> None:
    # 98.7 µm of pores per square centimetre → 12.3 mg/cm² → 3.85 g/Ah at 3.2 mAh/cm².
    mass, need = electrolyte_need_g_ah([Layer(197.4, 0.5)], 3.2, density_g_cm3=1.25)
    assert mass == pytest.approx(12.3, abs=0.05)
    assert need == pytest.approx(3.85, abs=0.01)
    assert need > 3.0


def test_smallest_overhang_decides() -> None:
    assert overhang_um([1000, 900, 1050], [400, 500, 500], least_um=500) == (400.0, False)
    assert overhang_um([1000, 1100], [400, 500], least_um=500) == (600.0, True)


def test_pairing_saves_pairs_that_random_order_would_lose() -> None:
    rng = np.random.default_rng(8)
    anodes, cathodes = rng.normal(11.5, 0.6, 60), rng.normal(10.0, 0.5, 60)
    paired = pair_electrodes(anodes, cathodes, low=1.05, high=1.20, target=1.15)
    as_they_come = anodes / cathodes
    assert paired.inside > np.count_nonzero((as_they_come >= 1.05) & (as_they_come <= 1.20))
    assert sorted(paired.order) == list(range(60))
    assert np.allclose(paired.np_ratio, anodes[paired.order] / cathodes)


def test_fewer_anodes_than_cathodes_are_refused() -> None:
    with pytest.raises(ValueError, match="anode_mah"):
        pair_electrodes([1.0], [1.0, 1.0], low=1.0, high=1.2, target=1.1)
