"""The demo's gauge study: the calender's thickness gauge on ten pieces of cathode, through the actions that pages use.

The readings are simulated (the site is flagged so): true thickness within the tolerance, a gauge that repeats to
0.25 µm, and an operator who presses the anvil harder.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from lots.models import Characteristic, Gauge, Site, User
from mes.demo.credentials import DEMO_PASSWORD
from quality.actions.gauge_study import StudyPlan, plan_study, record_readings, sign_study
from quality.actions.sign import SignatureRefused
from quality.models import GaugeStudy

GAUGE, CHARACTERISTIC = "THK-1", "calendering.thickness_um"
PLANNER, READER, SIGNER = "pe.sato", "op.bo", "qe.kim"
PARTS = tuple(f"Piece {number}" for number in range(1, 11))
PRESSES_UM = {"Operator A": 0.0, "Operator B": -0.15, "Operator C": 0.1}
TRIALS, SEED = 3, 20
CENTRE_UM, PART_SIGMA_UM, REPEATS_UM = 215.0, 2.2, 0.25


def load_study(site: Site, users: Mapping[str, User], *, now: datetime) -> GaugeStudy:
    """Plan, read and sign it once; a study that is there stays as it is."""
    gauge = Gauge.objects.get(site=site, code=GAUGE)
    characteristic = Characteristic.objects.get(code=CHARACTERISTIC)
    known = GaugeStudy.objects.filter(gauge=gauge, characteristic=characteristic).first()
    if known is not None:
        return known
    study = plan_study(
        gauge,
        characteristic,
        StudyPlan("crossed", PARTS, tuple(PRESSES_UM), TRIALS),
        seed=SEED,
        user=users[PLANNER],
        now=now,
    )
    chance = random.Random(SEED)
    true = {part: chance.gauss(CENTRE_UM, PART_SIGMA_UM) for part in PARTS}
    values = {
        run: f"{true[part] + PRESSES_UM[operator] + chance.gauss(0.0, REPEATS_UM):.1f}"
        for run, (part, operator, _) in enumerate(study.order)
    }
    record_readings(study, values, user=users[READER], now=now)
    with suppress(SignatureRefused):  # who has changed the demo's password signs it by hand
        sign_study(study, user=users[SIGNER], password=DEMO_PASSWORD, now=now)
    return study
