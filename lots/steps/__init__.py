"""The process steps in route order, with every characteristic and derivation that they declare.

Ten run on every route; the optional ones stand behind the step that they follow.
"""

from __future__ import annotations

from types import MappingProxyType

from lots.steps import (
    acceptance,
    ageing,
    calendering,
    coating,
    collector_prep,
    degassing,
    dry_room,
    drying,
    electrolyte_batch,
    filling,
    formation,
    formation_precheck,
    gas_seal,
    mixing,
    resealing,
    slitting,
    slurry_release,
    stacking,
)
from lots.steps.base import DerivationDeclaration, StepDeclaration

STEPS: tuple[StepDeclaration, ...] = (
    mixing.STEP,
    slurry_release.STEP,
    collector_prep.STEP,
    coating.STEP,
    drying.STEP,
    calendering.STEP,
    slitting.STEP,
    dry_room.STEP,
    electrolyte_batch.STEP,
    stacking.STEP,
    filling.STEP,
    formation_precheck.STEP,
    formation.STEP,
    degassing.STEP,
    resealing.STEP,
    gas_seal.STEP,
    ageing.STEP,
    acceptance.STEP,
)

CHARACTERISTICS = MappingProxyType(
    {characteristic.code: characteristic for step in STEPS for characteristic in step.characteristics}
)

# In an order in which no derivation needs the output of a later one.
DERIVATIONS: tuple[DerivationDeclaration, ...] = tuple(
    derivation for step in STEPS for derivation in step.derivations
)
